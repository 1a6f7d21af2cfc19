/** Commands: 64 connections, 10,000 streams, one event each. */
import { compare } from "../compare.ts";
import { under as rateUnder } from "../load/load.ts";
import { Peers } from "../peers/mod.ts";
import { operatorKey, startPlacard, startServer } from "../process.ts";
import { request } from "../requests.ts";
import type { Contender, Suite } from "../suite.ts";
import { campaign, createCampaigns } from "./campaigns.ts";

const connections = 64;
const streamCount = Number(Deno.env.get("BENCH_STREAMS") ?? 10_000);
const append = "the store's append behind a bare route";
const command = "a campaign command: PATCH of one setting";
const fastify = "Fastify + PostgreSQL, one INSERT";
const emmettHandler = "Emmett + PostgreSQL, command handler";
const emmettAppend = "Emmett + PostgreSQL, plain append";
/** As long as it is for all, and another in each request: a command that changes nothing is cheap. */
const body = JSON.stringify({ description: "edit ~~~~~~~~~~~~" });

export const commandsSuite: Suite = {
  name: "commands",

  async run() {
    const folder = await Deno.makeTempDir();
    const bare = await startServer("servers/bare_hono.ts", [JSON.stringify(campaign(0))]);
    const single = await startServer("servers/kv_commit.ts", [`${folder}/single.kv`]);
    const appender = await startServer("servers/bare_append.ts", [`${folder}/append.kv`]);
    const placard = await startPlacard(folder);
    const ids = await createCampaigns(placard.port, streamCount);
    const peers = new Peers();
    const onEach = (path: string) => ids.map((id) => request("POST", `/${path}/${id}`, { body }));
    const contenders: Contender[] = [
      {
        name: append,
        role: "ours",
        measure: under(appender.port, onEach("append")),
      },
      {
        name: command,
        role: "ours",
        measure: under(
          placard.port,
          ids.map((id) => request("PATCH", `/v1/campaigns/${id}`, { key: operatorKey, body })),
        ),
      },
      ...await peerContenders(peers, onEach),
      {
        name: "bare Hono, POST",
        role: "limit",
        measure: under(bare.port, [request("POST", "/bare", { body })]),
      },
      {
        name: "one KV commit each, and nothing else",
        role: "limit",
        measure: under(single.port, onEach("append")),
      },
    ];
    const marks = [
      { ours: append, to: fastify, least: 3 },
      { ours: append, to: emmettHandler, least: 20 },
      { ours: command, to: fastify, least: 2 },
    ];
    try {
      return `${await compare({ unit: "commands", contenders, marks })}\n\n${peers.notes}`.trim();
    } finally {
      for (const server of [bare, single, appender, placard]) await server.stop();
      await peers.stop();
      await Deno.remove(folder, { recursive: true });
    }
  },
};

async function peerContenders(
  peers: Peers,
  onEach: (path: string) => string[],
): Promise<Contender[]> {
  const peer = (name: string, port: number | null, path: string): Contender[] =>
    port === null ? [] : [{ name, role: "peer", measure: under(port, onEach(path)) }];
  const fastifyPort = await peers.server("Fastify", "fastify_commands.js");
  const emmettPort = await peers.server("Emmett", "emmett_commands.js");
  return [
    ...peer(fastify, fastifyPort, "append"),
    ...peer(emmettHandler, emmettPort, "handle"),
    ...peer(emmettAppend, emmettPort, "append"),
  ];
}

function under(port: number, requests: readonly string[]) {
  return rateUnder({ port, connections, requests });
}
