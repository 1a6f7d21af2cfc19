/**
 * Overload: four times what is sustainable for a minute, in an open loop. Memory must not grow by more
 * than what is kept of as many interactions anyway and by the connections, what was acknowledged must
 * be counted, and commands must go on being answered.
 */
import { evenly, table, whole } from "../compare.ts";
import { counted, untilCounted } from "../counted.ts";
import { load, type LoadPlan, offer } from "../load/load.ts";
import { percentiles } from "../one_by_one.ts";
import { mebibytes, operatorKey, residentKb, startPlacard, startServer } from "../process.ts";
import { interactionRequests } from "../requests.ts";
import type { Suite } from "../suite.ts";
import { createCampaigns } from "./campaigns.ts";
import { introduce } from "./introduce.ts";

const times = 4;
const overloadSeconds = Number(Deno.env.get("BENCH_OVERLOAD_SECONDS") ?? 60);
const calmSeconds = Math.min(10, overloadSeconds);
const knownDevices = Number(Deno.env.get("BENCH_DEVICES") ?? 100_000);
const batchSize = 50;
const campaignCount = 30;
const easyConnections = 64;
/** So many requests may wait for their answers; what is due beyond that waits for one of them. */
const connections = 4_000;
const commandsPerSecond = 50;
const recoveredWithinMsMax = 60_000;
const samplesShown = 7;

export const overloadSuite: Suite = {
  name: "overload",

  async run() {
    const folder = await Deno.makeTempDir();
    const placard = await startPlacard(folder);
    const { port, pid } = placard;
    try {
      const { campaignIds, plan } = await prepared(port);
      const sustained = await load({ ...plan, connections: easyConnections, seconds: calmSeconds });
      const rate = times * sustained.answered / sustained.seconds;
      await untilCounted(port, sustained.answered * batchSize);
      const calm = await commands(port, campaignIds, calmSeconds);
      const beside = await besideRefusals(
        { ...plan, connections, seconds: calmSeconds, rate },
        () => {
          return commands(port, campaignIds, calmSeconds);
        },
      );

      const before = await counted(port);
      const residentBeforeKb = await residentKb(pid, "VmRSS");
      const memory = new MemoryOverTime(pid);
      const [offered, busy] = await Promise.all([
        offer({ ...plan, connections, seconds: overloadSeconds, rate }),
        commands(port, campaignIds, overloadSeconds),
      ]);
      const endedAtMs = performance.now();
      const samples = memory.stop();
      const gainedMiB = (await residentKb(pid, "VmRSS") - residentBeforeKb) / 1024;
      const acknowledged = (offered.answered - offered.refused) * batchSize;
      const recoverySeconds = await recovered(port, campaignIds, calm.p99Ms, endedAtMs);
      const total = await untilCounted(port, before + acknowledged) - before;
      const easyMiB = await gainedAtEase(offered.answered - offered.refused);
      return [
        `Sustainable: ${whole(rate * batchSize / times)} interactions/s. Offered for ` +
        `${overloadSeconds} s: ${
          whole(rate * batchSize)
        }/s, ${connections} requests waiting at most.`,
        table(["", ""], [
          ["interactions that arrived/s", whole(offered.answered * batchSize / offered.seconds)],
          ["interactions acknowledged/s", whole(acknowledged / offered.seconds)],
          ["requests refused (429, 503)", whole(offered.refused)],
          ["connections broken", whole(offered.broken)],
          ["acknowledged", whole(acknowledged)],
          ["counted afterwards (those under way at the end included)", whole(total)],
          ["commands: p99 ms unloaded", calm.p99Ms.toFixed(1)],
          ["commands: p99 ms while another process refuses as many", beside.p99Ms.toFixed(1)],
          ["resident MiB that process gained", whole(beside.gainedMiB)],
          ["resident MiB that Placard gained", whole(gainedMiB)],
          ["the same with as many at a sustainable pace, 64 connections", whole(easyMiB)],
          ["commands: p99 ms meanwhile", busy.p99Ms.toFixed(1)],
          ["times the unloaded (mark ≤ 5)", (busy.p99Ms / calm.p99Ms).toFixed(1)],
          ["commands that were refused", `${busy.refused} of ${busy.count}`],
          ["seconds until normal (mark ≤ 2)", recoverySeconds.toFixed(1)],
        ]),
        `Resident MiB: ${samples.join(", ")} (from the beginning to the end, evenly).`,
      ].join("\n\n");
    } finally {
      await placard.stop();
      await Deno.remove(folder, { recursive: true });
    }
  },
};

/** Campaigns and devices that a server knows, and the interactions to send to it. */
async function prepared(port: number) {
  const campaignIds = await createCampaigns(port, campaignCount, { activate: true });
  await introduce(port, campaignIds[0]!, knownDevices);
  const requests = interactionRequests({ campaignIds, batchSize });
  return { campaignIds, plan: { port, requests, devices: knownDevices } };
}

/**
 * What the load takes from this machine when nothing of it reaches Placard: the cores that making and
 * refusing it need, and the memory of so many connections.
 */
async function besideRefusals(
  plan: LoadPlan,
  commandsMeanwhile: () => Promise<{ p99Ms: number }>,
): Promise<{ p99Ms: number; gainedMiB: number }> {
  const server = await startServer("servers/bare_refusal.ts");
  try {
    const beforeKb = await residentKb(server.pid, "VmRSS");
    const [{ p99Ms }] = await Promise.all([
      commandsMeanwhile(),
      offer({ ...plan, port: server.port }),
    ]);
    const gainedKb = await residentKb(server.pid, "VmHWM") - beforeKb;
    return { p99Ms, gainedMiB: gainedKb / 1024 };
  } finally {
    await server.stop();
  }
}

/** What a Placard that was warmed up gains by so many requests of interactions at a sustainable pace. */
async function gainedAtEase(requestCount: number): Promise<number> {
  const folder = await Deno.makeTempDir();
  const { port, pid, stop } = await startPlacard(folder);
  try {
    const plan = {
      ...(await prepared(port)).plan,
      connections: easyConnections,
      seconds: calmSeconds,
    };
    const { answered } = await load(plan);
    await untilCounted(port, answered * batchSize);
    const beforeKb = await residentKb(pid, "VmRSS");
    await load({ ...plan, limit: requestCount });
    return (await residentKb(pid, "VmRSS") - beforeKb) / 1024;
  } finally {
    await stop();
    await Deno.remove(folder, { recursive: true });
  }
}

/** At an even pace, whether or not those before were answered; a late start counts as well. */
async function commands(port: number, ids: readonly string[], seconds: number) {
  const tookMs: number[] = [];
  let refused = 0;
  const startedAtMs = performance.now();
  const underWay: Promise<void>[] = [];
  const count = Math.round(seconds * commandsPerSecond);
  for (let turn = 0; turn < count; turn++) {
    const dueAtMs = startedAtMs + turn * 1000 / commandsPerSecond;
    const waitMs = dueAtMs - performance.now();
    if (waitMs > 0) await new Promise((done) => setTimeout(done, waitMs));
    underWay.push(
      patch(port, ids[turn % ids.length]!, `${seconds} ${turn}`).then((ok) => {
        if (ok) tookMs.push(performance.now() - dueAtMs);
        else refused++;
      }),
    );
  }
  await Promise.all(underWay);
  return { ...percentiles(tookMs), refused, count };
}

async function patch(port: number, id: string, description: string): Promise<boolean> {
  const response = await fetch(`http://127.0.0.1:${port}/v1/campaigns/${id}`, {
    method: "PATCH",
    headers: { authorization: `Bearer ${operatorKey}`, "content-type": "application/json" },
    body: JSON.stringify({ description }),
  });
  await response.body?.cancel();
  if (response.ok || response.status === 429 || response.status === 503) return response.ok;
  throw new Error(`a command was answered with ${response.status}`);
}

/** Until a second of commands in a row is answered within twice what was usual before the load. */
async function recovered(
  port: number,
  ids: readonly string[],
  p99Ms: number,
  endedAtMs: number,
): Promise<number> {
  let inARow = 0;
  let firstAtMs = endedAtMs;
  for (let turn = 0; inARow < commandsPerSecond; turn++) {
    const sentAtMs = performance.now();
    if (sentAtMs - endedAtMs > recoveredWithinMsMax) break;
    const ok = await patch(port, ids[turn % ids.length]!, `after ${turn}`);
    const isNormal = ok && performance.now() - sentAtMs <= 2 * p99Ms;
    if (isNormal && inARow === 0) firstAtMs = sentAtMs;
    inARow = isNormal ? inARow + 1 : 0;
  }
  return (firstAtMs - endedAtMs) / 1000;
}

class MemoryOverTime {
  readonly #samples: number[] = [];
  readonly #timer: ReturnType<typeof setInterval>;

  constructor(pid: number) {
    this.#timer = setInterval(async () => {
      this.#samples.push(mebibytes(await residentKb(pid, "VmRSS")));
    }, 500);
  }

  stop(): number[] {
    clearInterval(this.#timer);
    return evenly(this.#samples, samplesShown);
  }
}
