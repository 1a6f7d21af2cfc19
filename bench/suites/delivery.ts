/**
 * Delivery: 30 live campaigns with caps of every kind, control groups, variants and windows; 100,000
 * devices that are known and have used some of their caps. Beside it the same bytes at once, and the
 * same bytes kept for each device and read by its key.
 */
import { compare } from "../compare.ts";
import { under as rateUnder } from "../load/load.ts";
import { Peers } from "../peers/mod.ts";
import { sdkKey, startPlacard, startServer } from "../process.ts";
import { request } from "../requests.ts";
import type { Contender, Suite } from "../suite.ts";
import { createCampaigns, post } from "./campaigns.ts";

const connections = 64;
const campaignCount = 30;
const deviceCount = Number(Deno.env.get("BENCH_DEVICES") ?? 100_000);
const keptCount = Math.min(5_000, deviceCount);
const impressionsPerDevice = 3;
const batchSize = 1_000;
const bareHono = "bare Hono, GET of the same bytes";
const fastify = "Fastify + PostgreSQL, the answer read by its key";
const kvGet = "Hono, the answer read by one kv.get";
const full = "Placard, 200";
const unchanged = "Placard, 304";

export const deliverySuite: Suite = {
  name: "delivery",

  async run() {
    const folder = await Deno.makeTempDir();
    const placard = await startPlacard(folder);
    const ids = await createCampaigns(placard.port, campaignCount, { activate: true, settings });
    await showToAll(placard.port, ids);
    const path = (device: number) => `/v1/delivery?platform=web&deviceId=device-${device}`;
    const etags = await etagsOf(placard.port, path);
    const first = await fetch(`http://127.0.0.1:${placard.port}${path(0)}`, {
      headers: { authorization: `Bearer ${sdkKey}` },
    });
    const answer = await first.text();
    const answerFile = `${folder}/answer.json`;
    await Deno.writeTextFile(answerFile, answer);
    const bare = await startServer("servers/bare_hono.ts", [answer]);
    const keptArguments = [answerFile, String(keptCount)];
    const kept = await startServer("servers/kv_get.ts", [`${folder}/kept.kv`, ...keptArguments]);
    const peers = new Peers();
    const peerPort = await peers.server("Fastify", "fastify_answers.js", ...keptArguments);
    const requests = (count: number, headers: (device: number) => Record<string, string>) =>
      Array.from(
        { length: count },
        (_, device) => request("GET", path(device), { key: sdkKey, headers: headers(device) }),
      );
    const ofAll = requests(deviceCount, () => ({}));
    const ofKept = requests(keptCount, () => ({}));
    const withTag = requests(deviceCount, (device) => ({ "if-none-match": etags[device]! }));
    const contenders: Contender[] = [
      { name: full, role: "ours", measure: under(placard.port, ofAll) },
      { name: unchanged, role: "ours", measure: under(placard.port, withTag) },
      ...(peerPort === null ? [] : [
        { name: fastify, role: "peer" as const, measure: under(peerPort, ofKept) },
      ]),
      { name: kvGet, role: "limit", measure: under(kept.port, ofKept) },
      { name: bareHono, role: "limit", measure: under(bare.port, [request("GET", "/bare")]) },
    ];
    const marks = [
      { ours: full, to: bareHono, least: 0.4 },
      { ours: unchanged, to: bareHono, least: 0.6 },
      { ours: full, to: fastify, least: 2 },
    ];
    try {
      return `${await compare({ unit: "requests", contenders, marks })}\n\n${peers.notes}`.trim();
    } finally {
      for (const server of [bare, kept, placard]) await server.stop();
      await peers.stop();
      await Deno.remove(folder, { recursive: true });
    }
  },
};

function under(port: number, requests: readonly string[]) {
  return rateUnder({ port, connections, requests });
}

function settings(index: number): Record<string, unknown> {
  const by = index % 2 === 0 ? "device" : "user";
  return {
    priority: index,
    audience: { kind: "all", controlPercent: index % 3 === 0 ? 10 : 0 },
    exposure: {
      caps: [{ per: "total", by, max: 50 }, { per: index % 4 === 0 ? "hour" : "day", by, max: 5 }],
    },
    variants: index % 5 === 0 ? [{ key: "b", weight: 50, content: { title: "Hi" } }] : [],
  };
}

/** Some showings for every device, so that every cap has something to count. */
async function showToAll(port: number, ids: readonly string[]): Promise<void> {
  const occurredAt = new Date().toISOString();
  const all = Array.from({ length: deviceCount * impressionsPerDevice }, (_, nth) => ({
    id: `i${nth}`,
    kind: "impression",
    campaignId: ids[(nth * 7) % ids.length],
    platform: "web",
    deviceId: `device-${nth % deviceCount}`,
    occurredAt,
  }));
  for (let from = 0; from < all.length; from += batchSize) {
    const interactions = all.slice(from, from + batchSize);
    const { accepted } = await post(port, "/v1/interactions", { interactions });
    if (accepted !== interactions.length) throw new Error(`only ${accepted} were accepted`);
  }
}

async function etagsOf(port: number, path: (device: number) => string): Promise<string[]> {
  const etags: string[] = [];
  const together = 64;
  for (let from = 0; from < deviceCount; from += together) {
    etags.push(
      ...await Promise.all(
        Array.from({ length: Math.min(together, deviceCount - from) }, async (_, offset) => {
          const response = await fetch(`http://127.0.0.1:${port}${path(from + offset)}`, {
            headers: { authorization: `Bearer ${sdkKey}` },
          });
          await response.body?.cancel();
          return response.headers.get("etag")!;
        }),
      ),
    );
  }
  return etags;
}
