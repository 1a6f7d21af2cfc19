/**
 * Replay: interactions of a month and of a day folded anew, beside listing the same rows raw, and
 * reading and decoding them alone. PostgreSQL has the same interactions; Emmett's consumer has fewer, of its own.
 */
import { upcast } from "../../events/upcast.ts";
import { openLog } from "../../src/event_store/mod.ts";
import { mountedModels } from "../../src/placard.ts";
import { compare, timed } from "../compare.ts";
import { succeed } from "../install.ts";
import { dayCount, fillHistory, startHistory } from "../history.ts";
import { LogSpan } from "../log_span.ts";
import { Peers } from "../peers/mod.ts";
import type { Contender, Suite } from "../suite.ts";

const itemCount = Number(Deno.env.get("BENCH_REPLAY_ITEMS") ?? 1_000_000);
const campaignCount = 30;
const emmettEvents = 10_000;
const kpi = "the KPI read model folded anew";
const all = "every read model folded anew";
const decoded = "chunks read and decoded, nothing else";

export const replaySuite: Suite = {
  name: "replay",

  async run() {
    const peers = new Peers();
    const peerPort = await peers.server("Fastify", "fastify_interactions.js");
    try {
      return [
        "A month of 30 campaigns, which is a dozen interactions for each of them in a quarter-hour:",
        await measure(dayCount, { peers, port: peerPort }),
        "As many interactions in one day:",
        await measure(1, null),
        peers.notes,
      ].join("\n\n").trim();
    } finally {
      await peers.stop();
    }
  },
};

async function measure(days: number, peer: { peers: Peers; port: number | null } | null) {
  const folder = await Deno.makeTempDir();
  try {
    const history = await startHistory(folder, campaignCount);
    const { acknowledged } = await fillHistory(history, history.campaignIds, itemCount, {
      days,
      alsoTo: peer?.port ?? null,
    }).finally(() => history.placard.stop());
    const file = `${folder}/placard.kv`;
    const kv = await Deno.openKv(file);
    try {
      const peers = peer && peer.port !== null ? peer.peers : null;
      const contenders = [
        ...await contendersOn(kv, acknowledged, peers),
        rebuildTask(file, acknowledged),
      ];
      const marks = [{ ours: kpi, to: decoded, least: 0.7 }];
      return await compare({ unit: "interactions", contenders, marks });
    } finally {
      kv.close();
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

async function contendersOn(kv: Deno.Kv, count: number, peers: Peers | null) {
  const log = new LogSpan(await openLog(kv, upcast));
  const contenders: Contender[] = [
    {
      name: kpi,
      role: "ours",
      measure: timed(count, () => log.fold([mountedModels(kv).kpi])),
    },
    {
      name: all,
      role: "ours",
      measure: timed(count, () => log.fold(Object.values(mountedModels(kv)))),
    },
    ...(!peers ? [] : [
      {
        name: "PostgreSQL: a cursor over the same interactions",
        role: "peer" as const,
        measure: async () => ({ perSecond: await peers.rate("pg_cursor.js") }),
      },
      {
        name: "Emmett's consumer",
        role: "peer" as const,
        measure: async () => ({
          perSecond: await peers.rate("emmett_consumer.js", String(emmettEvents)),
        }),
      },
    ]),
    {
      name: "raw kv.list of rows and bodies",
      role: "limit",
      measure: timed(count, () => log.list({ bodies: true })),
    },
    { name: decoded, role: "limit", measure: timed(count, () => decode(log, count)) },
  ];
  return contenders;
}

/** A process of its own, which also reads the rows that are live and compares all of them. */
function rebuildTask(file: string, count: number): Contender {
  return {
    name: "deno task rebuild kpi --dry-run, start and comparison included",
    role: "ours",
    measure: async () => {
      const startedAtMs = performance.now();
      const task = new URL("../../src/tasks/rebuild.ts", import.meta.url).pathname;
      await succeed(Deno.execPath(), ["run", "--quiet", "-A", task, "kpi", "--dry-run"], {
        env: { PLACARD_KV: file },
      });
      return { perSecond: count / ((performance.now() - startedAtMs) / 1000) };
    },
  };
}

async function decode(log: LogSpan, count: number): Promise<void> {
  const { interactions } = await log.decode();
  if (interactions < count) {
    throw new Error(`${interactions} of ${count} interactions are in the log`);
  }
}
