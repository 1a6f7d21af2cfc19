/**
 * Interactions in batches of 50: durable when answered, de-duplicated, and counted before the clock
 * stops. The peer only stores them.
 */
import { compare } from "../compare.ts";
import { counted, untilCounted } from "../counted.ts";
import { load, type LoadReport } from "../load/load.ts";
import { Peers } from "../peers/mod.ts";
import { startPlacard, startServer } from "../process.ts";
import { interactionRequests } from "../requests.ts";
import type { Contender, Measured, Suite } from "../suite.ts";
import { createCampaigns } from "./campaigns.ts";
import { introduce } from "./introduce.ts";

const connections = 64;
const batchSize = 50;
const campaignCount = 30;
/** A popular app has seen most of its devices before. */
const knownDevices = Number(Deno.env.get("BENCH_DEVICES") ?? 100_000);
const allNew = "the same, every device and user new";
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
    // New people change the state of all that follows, so they are measured on a store of their own.
    const growing = await startPlacard(`${folder}/growing`);
    const posting = { activate: true };
    const campaignIds = await createCampaigns(placard.port, campaignCount, posting);
    const growingIds = await createCampaigns(growing.port, campaignCount, posting);
    const peers = new Peers();
    const peerPort = await peers.server("Fastify", "fastify_interactions.js");
    const requests = interactionRequests({ campaignIds, batchSize });
    const to = async (port: number, seconds: number) =>
      await load({ port, connections, seconds, requests, devices: knownDevices });
    await introduce(placard.port, campaignIds[0]!, knownDevices);
    const known = new Counting(placard.port);
    const fresh = new Counting(growing.port);
    let round = 0;
    const contenders: Contender[] = [
      {
        name: durable,
        role: "ours",
        measure: (seconds) => known.measure({ seconds, requests, devices: knownDevices }),
      },
      {
        name: allNew,
        role: "ours",
        measure: (seconds) => {
          const mix = { campaignIds: growingIds, batchSize, prefix: `r${round++}-` };
          return fresh.measure({ seconds, requests: interactionRequests(mix) });
        },
      },
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
          const bodies = requests.map((text) => text.replace("/v1/interactions", "/bare"));
          return measured(await load({ port: bare.port, connections, seconds, requests: bodies }));
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
      for (const server of [bare, validator, placard, growing]) await server.stop();
      await peers.stop();
      await Deno.remove(folder, { recursive: true });
    }
  },
};

/** Sends, and stops the clock when all that was acknowledged is counted. */
class Counting {
  constructor(readonly port: number) {}

  async measure(
    plan: { seconds: number; requests: readonly string[]; devices?: number },
  ): Promise<Measured> {
    const before = await counted(this.port);
    const report = await load({ port: this.port, connections, ...plan });
    const startedAtMs = performance.now();
    // What was under way when the load ended may be counted as well, though nobody was told.
    await untilCounted(this.port, before + report.answered * batchSize);
    const drainSeconds = (performance.now() - startedAtMs) / 1000;
    return measured({ ...report, seconds: report.seconds + drainSeconds });
  }
}

function measured({ answered, seconds, p50Ms, p99Ms }: LoadReport): Measured {
  return { perSecond: answered * batchSize / seconds, p50Ms, p99Ms };
}
