/** A month of interactions, sent day by day while the server's clock moves through the month. */
import { counted, untilCounted } from "./counted.ts";
import { load } from "./load/load.ts";
import { placardEnv, type ServerProcess, startServer } from "./process.ts";
import { interactionRequests } from "./requests.ts";
import { createCampaigns } from "./suites/campaigns.ts";

export const dayMs = 86_400_000;
export const dayCount = 30;
const batchSize = 1_000;
const connections = 8;
/** When a day has more batches, they go through the day several times. */
const bodiesADayMax = 96;

export interface History {
  readonly placard: ServerProcess;
  readonly campaignIds: readonly string[];
  /** Real time, at which the month ends. */
  readonly endMs: number;
}

/** A server whose clock is a month back, with campaigns that are posting. */
export async function startHistory(folder: string, campaignCount: number): Promise<History> {
  const endMs = Date.now();
  const script = "servers/clocked_placard.ts";
  const placard = await startServer(script, [String(dayCount * dayMs)], placardEnv(folder));
  const atMs = endMs - dayCount * dayMs;
  const campaignIds = await createCampaigns(placard.port, campaignCount, { activate: true, atMs });
  return { placard, campaignIds, endMs };
}

/** How fast the days went in; counted before the clock stops. */
export interface Filled {
  readonly acknowledged: number;
  readonly perSecond: number;
  readonly lastDayPerSecond: number;
}

export interface FillOptions {
  /** The port of a peer that gets the same. */
  readonly alsoTo?: number | null;
  /** The last so many days of the month; default: all of it. */
  readonly days?: number;
}

/** `mix`: campaigns to choose from; one that stands there twice is chosen twice as often. */
export async function fillHistory(
  { placard, endMs }: History,
  mix: readonly string[],
  items: number,
  { alsoTo, days = dayCount }: FillOptions = {},
): Promise<Filled> {
  const limit = Math.ceil(items / days / batchSize);
  let total = await counted(placard.port);
  let seconds = 0;
  let lastDayPerSecond = 0;
  for (let day = dayCount - days + 1; day <= dayCount; day++) {
    const behindMs = (dayCount - day) * dayMs;
    await setClock(placard, behindMs);
    const requests = interactionRequests({
      campaignIds: mix,
      batchSize,
      batchCount: Math.min(limit, bodiesADayMax),
      atMs: endMs - behindMs,
      // Not before the campaigns were made.
      withinMs: dayMs - 60_000,
    });
    const plan = { connections, seconds: 0, requests, limit, seed: day };
    const startedAtMs = performance.now();
    await load({ ...plan, port: placard.port });
    const expected = total + limit * batchSize;
    total = await untilCounted(placard.port, expected);
    if (total !== expected) throw new Error(`${total} are counted, ${expected} were sent`);
    const took = (performance.now() - startedAtMs) / 1000;
    seconds += took;
    lastDayPerSecond = limit * batchSize / took;
    console.error(`  day ${day}: ${Math.round(lastDayPerSecond)} interactions/s`);
    if (alsoTo) await load({ ...plan, port: alsoTo });
  }
  const acknowledged = limit * batchSize * days;
  return { acknowledged, perSecond: acknowledged / seconds, lastDayPerSecond };
}

async function setClock({ printed }: ServerProcess, behindMs: number): Promise<void> {
  const url = /clock on (\S+)/.exec(printed)![1]!;
  const answer = await fetch(url, { method: "POST", body: String(behindMs) });
  if (!answer.ok) throw new Error(`the clock cannot be set: ${await answer.text()}`);
  await answer.body?.cancel();
}
