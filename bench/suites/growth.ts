/**
 * The cost of growth: a month of interactions of a million devices over 30 campaigns, and many
 * campaigns. What a request does must not take longer, and a start not either.
 */
import { table, whole } from "../compare.ts";
import { type DiskUse, diskUse } from "../disk.ts";
import { fillHistory, startHistory } from "../history.ts";
import { load } from "../load/load.ts";
import { oneByOne } from "../one_by_one.ts";
import {
  atRest,
  mebibytes,
  operatorKey,
  residentKb,
  type ServerProcess,
  startPlacard,
} from "../process.ts";
import { request } from "../requests.ts";
import type { Suite } from "../suite.ts";
import { createCampaigns } from "./campaigns.ts";

const interactionSizes = numbers("BENCH_GROWTH_INTERACTIONS", "100000,1000000");
const campaignSizes = numbers("BENCH_GROWTH_CAMPAIGNS", "100,1000,10000");
const campaignCount = 30;
const connections = 64;
const seconds = 3;
const afterStart = [
  "s to ready",
  "MiB after a start",
  "commands/s at once",
  "p99 ms",
  "commands/s at rest",
  "p99 ms",
];
const body = JSON.stringify({ description: "edit ~~~~~~~~~~~~" });

export const growthSuite: Suite = {
  name: "growth",

  async run() {
    const rows: string[][] = [];
    const spaces: string[] = [];
    for (const size of interactionSizes) {
      const { row, disk, items } = await withInteractions(size);
      rows.push(row);
      spaces.push(spacesTable(disk, items));
    }
    const campaignRows: string[][] = [];
    for (const size of campaignSizes) campaignRows.push(await withCampaigns(size));
    const parts: string[] = [];
    if (rows.length > 0) {
      parts.push(
        table([
          "interactions",
          "taken in/s, all of it",
          "the last day",
          "KPI of 30 campaigns, p99 ms",
          "MiB then",
          "MiB at most",
          "bytes on disk each",
          ...afterStart,
        ], rows),
        "Bytes an interaction, keys and values by themselves, at the largest of these sizes:",
        spaces.at(-1)!,
      );
    }
    if (campaignRows.length > 0) {
      parts.push(table([
        "campaigns",
        "created/s",
        "page of the list, p99 ms",
        "MiB then",
        "bytes on disk each",
        ...afterStart,
      ], campaignRows));
    }
    return parts.join("\n\n");
  },
};

async function withInteractions(size: number) {
  const folder = await Deno.makeTempDir();
  try {
    const history = await startHistory(folder, campaignCount);
    const { placard, campaignIds } = history;
    const filled = await fillHistory(history, campaignIds, size);
    const kpi = await oneByOne(() => get(placard, "/v1/kpi"), 1);
    const resident = [
      whole(mebibytes(await residentKb(placard.pid, "VmRSS"))),
      whole(mebibytes(await residentKb(placard.pid, "VmHWM"))),
    ];
    await placard.stop();
    const disk = await diskUse(folder);
    const again = await startAgain(folder, campaignIds);
    const items = filled.acknowledged;
    const row = [
      whole(items),
      whole(filled.perSecond),
      whole(filled.lastDayPerSecond),
      kpi.p99Ms!.toFixed(1),
      ...resident,
      whole(disk.fileBytes / items),
      ...again,
    ];
    return { row, disk, items };
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function withCampaigns(size: number): Promise<string[]> {
  const folder = await Deno.makeTempDir();
  try {
    const placard = await startPlacard(folder);
    const startedAtMs = performance.now();
    const ids = await createCampaigns(placard.port, size);
    const perSecond = size / ((performance.now() - startedAtMs) / 1000);
    const list = await oneByOne(() => get(placard, "/v1/campaigns?sort=-updatedAt"), 1);
    const resident = whole(mebibytes(await residentKb(placard.pid, "VmRSS")));
    await placard.stop();
    const { fileBytes } = await diskUse(folder);
    return [
      whole(size),
      whole(perSecond),
      list.p99Ms!.toFixed(1),
      resident,
      whole(fileBytes / size),
      ...await startAgain(folder, ids),
    ];
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** Another process on the same store: what `afterStart` names. */
async function startAgain(folder: string, ids: readonly string[]): Promise<string[]> {
  const startedAtMs = performance.now();
  const placard = await startPlacard(folder);
  try {
    while (!(await fetch(`http://127.0.0.1:${placard.port}/readyz`)).ok) {
      await new Promise((done) => setTimeout(done, 20));
    }
    const startSeconds = (performance.now() - startedAtMs) / 1000;
    await get(placard, "/v1/kpi");
    const resident = whole(mebibytes(await residentKb(placard.pid, "VmRSS")));
    const atOnce = await patch(placard, ids);
    // Until then numbers of devices and users come into memory.
    await atRest(placard.pid);
    const later = await patch(placard, ids);
    return [
      startSeconds.toFixed(2),
      resident,
      ...[atOnce, later].flatMap(({ perSecond, p99Ms }) => [whole(perSecond), p99Ms!.toFixed(1)]),
    ];
  } finally {
    await placard.stop();
  }
}

async function patch({ port }: ServerProcess, ids: readonly string[]) {
  const requests = ids.slice(0, 10_000)
    .map((id) => request("PATCH", `/v1/campaigns/${id}`, { key: operatorKey, body }));
  const report = await load({ port, connections, seconds, requests });
  return { perSecond: report.answered / report.seconds, p99Ms: report.p99Ms };
}

async function get({ port }: ServerProcess, path: string): Promise<void> {
  const headers = { authorization: `Bearer ${operatorKey}` };
  const response = await fetch(`http://127.0.0.1:${port}${path}`, { headers });
  const text = await response.text();
  if (!response.ok) throw new Error(`${path}: ${response.status} ${text}`);
}

function spacesTable({ spaces, fileBytes }: DiskUse, items: number): string {
  const rows = Object.entries(spaces)
    .toSorted(([, a], [, b]) => b.bytes - a.bytes)
    .map(([name, { rows, bytes }]) => [name, whole(rows), (bytes / items).toFixed(2)]);
  rows.push(["the file, pages and all", "", (fileBytes / items).toFixed(2)]);
  return table(["", "keys", "bytes an interaction"], rows);
}

function numbers(name: string, otherwise: string): number[] {
  return (Deno.env.get(name) ?? otherwise).split(",").filter(Boolean).map(Number);
}
