/**
 * What the proof costs: campaign commands with every event a leaf of the transparency log, and without;
 * and how long after its answer an event is in a signed checkpoint, while commands come as fast as they
 * are taken.
 */
import { compare, secondsPerRound, table } from "../compare.ts";
import { load, under } from "../load/load.ts";
import { percentiles } from "../one_by_one.ts";
import { operatorKey, placardEnv, startPlacard, startServer } from "../process.ts";
import { request } from "../requests.ts";
import type { Suite } from "../suite.ts";
import { createCampaigns } from "./campaigns.ts";

const connections = 64;
const streamCount = Number(Deno.env.get("BENCH_STREAMS") ?? 10_000);
const proven = "a campaign command, every event proven";
const unproven = "the same without the proof";
const body = JSON.stringify({ description: "edit ~~~~~~~~~~~~" });

export const notarySuite: Suite = {
  name: "notary",

  async run() {
    const folders = [await Deno.makeTempDir(), await Deno.makeTempDir()] as const;
    const on = await startPlacard(folders[0]);
    const off = await startServer("servers/unproven_placard.ts", [], placardEnv(folders[1]));
    try {
      const [onPlan, offPlan] = await Promise.all([on.port, off.port].map(planFor));
      const rates = await compare({
        unit: "commands",
        contenders: [
          { name: proven, role: "ours", measure: under(onPlan!) },
          { name: unproven, role: "limit", measure: under(offPlan!) },
        ],
        marks: [{ ours: proven, to: unproven, least: 0.9 }],
      });
      const seconds = Math.max(1, 2 * secondsPerRound);
      const [{ answered, seconds: took }, lag] = await Promise.all([
        load({ ...onPlan!, seconds }),
        proofLag(on.port, seconds),
      ]);
      const ms = (value: number) => value.toFixed(1);
      return `${rates}\n\n${
        table([`proof lag at ${Math.round(answered / took)} commands/s`, "ms"], [
          [
            `from the answer to a command to a checkpoint with it, p50 of ${lag.count}`,
            ms(lag.p50Ms),
          ],
          ["p99", ms(lag.p99Ms)],
          ["of that one request for a checkpoint, p50", ms(lag.checkpointP50Ms)],
        ])
      }`;
    } finally {
      for (const server of [on, off]) await server.stop();
      for (const folder of folders) await Deno.remove(folder, { recursive: true });
    }
  },
};

async function planFor(port: number) {
  const ids = await createCampaigns(port, streamCount);
  const requests = ids
    .map((id) => request("PATCH", `/v1/campaigns/${id}`, { key: operatorKey, body }));
  return { port, connections, requests };
}

/** Edits a campaign of its own again and again, and asks for checkpoints until one has the edit. */
async function proofLag(port: number, seconds: number) {
  const [id] = await createCampaigns(port, 1);
  const call = async (method: string, path: string, sent?: unknown) => {
    const response = await fetch(`http://127.0.0.1:${port}/v1/${path}`, {
      method,
      headers: { authorization: `Bearer ${operatorKey}`, "content-type": "application/json" },
      ...(sent === undefined ? {} : { body: JSON.stringify(sent) }),
    });
    await response.body?.cancel();
    if (!response.ok) throw new Error(`${method} ${path}: ${response.status}`);
    return response.headers.get("placard-position")!;
  };
  const lagsMs: number[] = [], checkpointsMs: number[] = [];
  const endMs = performance.now() + seconds * 1_000;
  for (let turn = 0; performance.now() < endMs; turn++) {
    const position = await call("PATCH", `campaigns/${id}`, { description: `lag ${turn}` });
    const answeredAtMs = performance.now();
    for (let provenTo = ""; provenTo < position;) {
      const askedAtMs = performance.now();
      provenTo = await call("GET", "audit/checkpoint");
      checkpointsMs.push(performance.now() - askedAtMs);
    }
    lagsMs.push(performance.now() - answeredAtMs);
  }
  const { p50Ms, p99Ms } = percentiles(lagsMs);
  return { count: lagsMs.length, p50Ms, p99Ms, checkpointP50Ms: percentiles(checkpointsMs).p50Ms };
}
