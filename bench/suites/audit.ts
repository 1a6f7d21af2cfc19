/**
 * What an auditor does, at scale: the history of a server is exported, verified as a folder and over
 * HTTP, and replayed, by the tasks themselves, whose memory must not grow with it. Then campaign
 * events and interactions are folded beside a list of the same rows.
 */
import { upcast } from "../../events/upcast.ts";
import { openLog } from "../../src/event_store/mod.ts";
import { mountedModels } from "../../src/placard.ts";
import { compare, evenly, minMedianMax, roundCount, table, timed, whole } from "../compare.ts";
import { dayCount, fillHistory, startHistory } from "../history.ts";
import { load } from "../load/load.ts";
import { LogSpan } from "../log_span.ts";
import { auditorKey, mebibytes, operatorKey, startPlacard } from "../process.ts";
import { request } from "../requests.ts";
import type { Suite } from "../suite.ts";
import { type WatchedTask, watchTask } from "../watched_task.ts";
import { createCampaigns } from "./campaigns.ts";

const interactionCount = Number(Deno.env.get("BENCH_AUDIT_INTERACTIONS") ?? 1_000_000);
const eventCount = Number(Deno.env.get("BENCH_AUDIT_EVENTS") ?? 50_000);
const postingCount = 30;
/** Of campaigns that are edited again and again. */
const draftCount = Math.min(320, Math.ceil(eventCount / 10));
const connections = 64;
const growthMibMax = 150;
const samplesShown = 6;
/** Of each task: when memory is collected is chance. */
const runCount = Math.min(3, roundCount);
const tasks = ["export", "verify the folder", "verify over HTTP", "replay"] as const;
type Runs = Record<(typeof tasks)[number], readonly WatchedTask[]>;

export const auditSuite: Suite = {
  name: "audit",

  async run() {
    const [folder, emptyFolder] = [await Deno.makeTempDir(), await Deno.makeTempDir()];
    try {
      const empty = await runTasks(emptyFolder);
      const history = await madeHistory(folder);
      const full = await runTasks(folder);
      return [
        `${
          whole(history.interactions)
        } interactions of a month in ${postingCount} campaigns, and ` +
        `${whole(history.campaignEvents)} events of ${draftCount} others.`,
        tasksTable(history, empty, full),
        foundBy(full),
        await rates(folder, history),
      ].join("\n\n");
    } finally {
      for (const one of [folder, emptyFolder]) await Deno.remove(one, { recursive: true });
    }
  },
};

interface MadeHistory {
  readonly interactions: number;
  /** Those behind the boundary. */
  readonly campaignEvents: number;
  /** Position of the last event before those of the drafts. */
  readonly boundary: string;
}

async function madeHistory(folder: string): Promise<MadeHistory> {
  const history = await startHistory(folder, postingCount);
  const { placard: { port, stop }, campaignIds } = history;
  try {
    const days = Math.min(dayCount, Math.ceil(interactionCount / 1_000));
    const { acknowledged } = await fillHistory(history, campaignIds, interactionCount, { days });
    const boundary = await lastPosition(port);
    const ids = await createCampaigns(port, draftCount);
    const body = JSON.stringify({ description: "edit ~~~~~~~~~~~~" });
    const requests = ids
      .map((id) => request("PATCH", `/v1/campaigns/${id}`, { key: operatorKey, body }));
    const limit = eventCount - draftCount;
    const { answered } = await load({ port, connections, seconds: 0, requests, limit });
    return { interactions: acknowledged, campaignEvents: draftCount + answered, boundary };
  } finally {
    await stop();
  }
}

async function lastPosition(port: number): Promise<string> {
  const response = await fetch(`http://127.0.0.1:${port}/v1/audit/checkpoint`, {
    headers: { authorization: `Bearer ${operatorKey}` },
  });
  await response.body?.cancel();
  return response.headers.get("placard-position")!;
}

/** Over HTTP beside the server, the rest after it has stopped. */
async function runTasks(folder: string): Promise<Runs> {
  const exported = (nth: number) => `${folder}/export${nth}`;
  const env = { PLACARD_AUDITOR_KEY: auditorKey, PLACARD_KV: `${folder}/placard.kv` };
  const run = async (...[name, ...args]: [Parameters<typeof watchTask>[0], ...string[]]) => {
    const task = await watchTask(name, args, env);
    console.error(`  ${name} ${args}: ${task.seconds.toFixed(1)} s`);
    if (task.code === 0) return task;
    throw new Error(`${name} ${args} ends with ${task.code}: ${task.stdout}${task.stderr}`);
  };
  const runs = (once: (nth: number) => Promise<WatchedTask>) =>
    Array.fromAsync({ length: runCount }, (_, nth) => once(nth));
  const { port, stop } = await startPlacard(folder);
  const url = `http://127.0.0.1:${port}`;
  const beside = async () => ({
    export: await runs((nth) => run("export", url, exported(nth))),
    "verify over HTTP": await runs(() => run("verify", url)),
  });
  return {
    ...await beside().finally(stop),
    "verify the folder": await runs((nth) => run("verify", exported(nth))),
    replay: await runs(() => run("replay")),
  };
}

function tasksTable(
  { interactions, campaignEvents }: MadeHistory,
  empty: Runs,
  full: Runs,
): string {
  const rows = tasks.map((name) => {
    const of = (runs: readonly WatchedTask[], what: "seconds" | "cpuSeconds" | "peakKb") =>
      minMedianMax(runs.map((run) => run[what]));
    const seconds = of(full[name], "seconds")[1];
    const [, emptyMib] = of(empty[name], "peakKb").map(mebibytes);
    const [leastMib, medianMib, mostMib] = of(full[name], "peakKb").map(mebibytes);
    const { residentKb, stderr } = full[name].at(-1)!;
    const growth = medianMib! - emptyMib!;
    return [
      name,
      seconds.toFixed(1),
      of(full[name], "cpuSeconds")[1].toFixed(1),
      whole((interactions + campaignEvents) / seconds),
      String(emptyMib),
      `${leastMib} / ${medianMib} / ${mostMib}`,
      `${growth}: ${growth < growthMibMax ? "yes" : "no"}`,
      evenly(residentKb, samplesShown).map(mebibytes).join(", "),
      String(stderr.split("\n").length - 1),
    ];
  });
  return table([
    "task",
    "s",
    "s of CPU",
    "interactions and campaign events/s",
    "MiB at most, of an empty history",
    "of this one (min / median / max)",
    `growth of the median (mark < ${growthMibMax})`,
    "MiB from beginning to end, one run",
    "lines of progress",
  ], rows);
}

/** What the tasks have looked at; they end with 0 only where nothing is wrong. */
function foundBy(full: Runs): string {
  const checked = /^checked .*$/m.exec(full["verify the folder"].at(-1)!.stdout)![0];
  const { stdout } = full.replay.at(-1)!;
  const live = [...stdout.matchAll(/no differences in (\d+) live rows/g)];
  const differing = /\d+ differences in/.test(stdout);
  const rows = live.reduce((sum, [, count]) => sum + Number(count), 0);
  return `\`verify\` ${checked}; every check holds. \`replay\` compared ${
    whole(rows)
  } live rows of ` +
    `${live.length} read models with those it made: ${
      differing ? "some differ" : "all are equal"
    }.`;
}

async function rates(folder: string, history: MadeHistory): Promise<string> {
  const kv = await Deno.openKv(`${folder}/placard.kv`);
  try {
    const reader = await openLog(kv, upcast);
    const { boundary, campaignEvents, interactions } = history;
    return [
      await foldedBesideListed(kv, {
        unit: "campaign events",
        span: new LogSpan(reader, { position: boundary, timeMs: 0 }),
        count: campaignEvents,
        bodies: false,
      }),
      await foldedBesideListed(kv, {
        unit: "interactions",
        span: new LogSpan(reader, undefined, boundary),
        count: interactions,
        bodies: true,
      }),
    ].join("\n\n");
  } finally {
    kv.close();
  }
}

function foldedBesideListed(
  kv: Deno.Kv,
  options: { unit: string; span: LogSpan; count: number; bodies: boolean },
): Promise<string> {
  const { unit, span, count, bodies } = options;
  const folded = `${unit} folded into every read model`;
  const listed = "kv.list of the same rows";
  return compare({
    unit,
    contenders: [
      {
        name: folded,
        role: "ours",
        measure: timed(count, () => span.fold(Object.values(mountedModels(kv)))),
      },
      { name: listed, role: "limit", measure: timed(count, () => span.list({ bodies })) },
      {
        name: "the same rows, read and decoded",
        role: "limit",
        measure: timed(count, () => span.decode()),
      },
    ],
    marks: [{ ours: folded, to: listed, least: 0.6 }],
  });
}
