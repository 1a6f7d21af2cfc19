/**
 * Interactions in batches of 50: durable when answered, de-duplicated, and counted before the clock
 * stops. The peer only stores them.
 */
import { compare } from "../compare.ts";
import { untilCounted } from "../counted.ts";
import { load, type LoadReport } from "../load/load.ts";
import { Peers } from "../peers/mod.ts";
import { startPlacard, startServer } from "../process.ts";
import { interactionRequests, request } from "../requests.ts";
import type { Contender, Measured, Suite } from "../suite.ts";
import { createCampaigns } from "./campaigns.ts";

const connections = 64;
const batchSize = 50;
const campaignCount = 30;
const knownSeconds = Number(Deno.env.get("BENCH_KNOWN_SECONDS") ?? 20);
const durable = "Placard: durable, de-duplicated, counted";
const fastify = "Fastify + PostgreSQL: unique id, ON CONFLICT DO NOTHING";
const validated = "parse and validate only";

export const interactionsSuite: Suite = {
  name: "interactions",

  async run() {
    const folder = await Deno.makeTempDir();
    const bare = await startServer("servers/bare_hono.ts");
    const validator = await startServer("servers/parse_validate.ts");
    const placard = await startPlacard(folder);
    const campaignIds = await createCampaigns(placard.port, campaignCount, { activate: true });
    const mix = { campaignIds, batchSize };
    const peers = new Peers();
    const peerPort = await peers.server("Fastify", "fastify_interactions.js");
    const to = async (port: number, seconds: number) =>
      await load({ port, connections, seconds, requests: interactionRequests(mix) });
    const measured = ({ answered, seconds, p50Ms, p99Ms }: LoadReport): Measured => ({
      perSecond: answered * batchSize / seconds,
      p50Ms,
      p99Ms,
    });
    let acknowledged = 0;
    const count = async (seconds: number) => {
      const report = await to(placard.port, seconds);
      acknowledged += report.answered * batchSize;
      const startedAtMs = performance.now();
      // What was under way when the load ended may be counted as well, though nobody was told.
      acknowledged = await untilCounted(placard.port, acknowledged);
      const drainSeconds = (performance.now() - startedAtMs) / 1000;
      return measured({ ...report, seconds: report.seconds + drainSeconds });
    };
    // A popular app has seen most of its devices before.
    if (knownSeconds > 0) await count(knownSeconds);
    const contenders: Contender[] = [
      { name: durable, role: "ours", measure: count },
      ...(peerPort === null ? [] : [{
        name: fastify,
        role: "peer" as const,
        measure: async (seconds: number) => measured(await to(peerPort, seconds)),
      }]),
      {
        name: validated,
        role: "limit",
        measure: async (seconds) => measured(await to(validator.port, seconds)),
      },
      {
        name: "bare Hono, body read and thrown away",
        role: "limit",
        measure: async (seconds) => {
          const requests = interactionRequests(mix)
            .map((text) => text.replace("/v1/interactions", "/bare"));
          return measured(await load({ port: bare.port, connections, seconds, requests }));
        },
      },
    ];
    const marks = [
      { ours: durable, to: fastify, least: 2 },
      { ours: durable, to: validated, least: 0.5 },
    ];
    try {
      const tables = await compare({ unit: "interactions", contenders, marks });
      return `${tables}\n\n${peers.notes}`.trim();
    } finally {
      for (const server of [bare, validator, placard]) await server.stop();
      await peers.stop();
      await Deno.remove(folder, { recursive: true });
    }
  },
};
