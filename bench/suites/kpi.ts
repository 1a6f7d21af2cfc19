/**
 * KPIs over a month: one campaign with a million interactions, and the union of 30 campaigns. The peer
 * has the same interactions, ids and devices included, so its answers must be the same. Every query
 * has a period of its own; nothing is asked twice in a round.
 */
import { compare, whole } from "../compare.ts";
import { diskUse } from "../disk.ts";
import { dayCount, fillHistory, startHistory } from "../history.ts";
import { oneByOne } from "../one_by_one.ts";
import { Peers } from "../peers/mod.ts";
import { operatorKey } from "../process.ts";
import type { Contender, Suite } from "../suite.ts";

const itemCount = Number(Deno.env.get("BENCH_KPI_ITEMS") ?? 3_000_000);
const firstCount = Math.min(1_000_000, itemCount / 2);
const campaignCount = 30;
const quarterMs = 15 * 60_000;
const quartersADay = 96;
const one = "Placard: a campaign over a month";
const union = "Placard: union of 30 campaigns over a month";
const oneSql = "PostgreSQL count(distinct): a campaign";
const unionSql = "PostgreSQL count(distinct): union of 30 campaigns";
const compared = [
  ...["totalImpressions", "uniqueImpressions", "userImpressions"],
  ...["totalClicks", "uniqueClicks", "userClicks"],
];

export const kpiSuite: Suite = {
  name: "kpi",

  async run() {
    const folder = await Deno.makeTempDir();
    const peers = new Peers();
    const peerPort = await peers.server("Fastify", "fastify_interactions.js");
    const history = await startHistory(folder, campaignCount);
    const { placard, campaignIds, endMs } = history;
    let running = true;
    try {
      const mix = mixOf(campaignIds);
      const { acknowledged } = await fillHistory(history, mix, itemCount, { alsoTo: peerPort });
      const postgresql = await peers.postgresql();
      const sqlBytes = await postgresql?.query("SELECT pg_total_relation_size('interactions')");
      // An index that holds all that is asked for.
      await postgresql?.query(
        `CREATE INDEX ON interactions (campaign_id, occurred_at)
           INCLUDE (kind, device_id, user_id)`,
      );
      await postgresql?.query("VACUUM ANALYZE interactions");
      const asker = new Asker(placard.port, peerPort, endMs);
      const first = [campaignIds[0]!];
      const ours = (ids: readonly string[]) => (seconds: number) =>
        oneByOne(() => asker.placard(ids, asker.period()), seconds);
      const theirs = (ids: readonly string[]) => (seconds: number) =>
        oneByOne(() => asker.postgresql(ids, asker.period()), seconds);
      const beside = (name: string, sql: string, ids: readonly string[]) => {
        const contenders: Contender[] = [{ name, role: "ours", measure: ours(ids) }];
        if (peerPort !== null) {
          contenders.push({ name: sql, role: "peer", measure: theirs(ids) });
        }
        const marks = [{ ours: name, to: sql, least: 100 }];
        return compare({ unit: "queries", contenders, marks });
      };
      const equal = peerPort === null ? [] : [
        await asker.isEqual(first),
        await asker.isEqual(campaignIds),
      ];
      const tables = [
        await beside(one, oneSql, first),
        await beside(union, unionSql, campaignIds),
      ];
      await placard.stop();
      running = false;
      const { fileBytes } = await diskUse(folder);
      return [
        `${whole(acknowledged)} interactions of a million devices over ${dayCount} days, ` +
        `about ${whole(firstCount)} of them of one campaign.`,
        ...(equal.length === 0 ? [] : [
          `The answers of both are ${equal.every((same) => same) ? "the same" : "DIFFERENT"}.`,
        ]),
        `Bytes on disk an interaction, all included: Placard ${whole(fileBytes / acknowledged)}` +
        (sqlBytes ? `, PostgreSQL ${whole(Number(sqlBytes) / acknowledged)} (table and id).` : "."),
        `\n${tables.join("\n\n")}\n\n${peers.notes}`,
      ].join("\n").trim();
    } finally {
      if (running) await placard.stop();
      await peers.stop();
      await Deno.remove(folder, { recursive: true });
    }
  },
};

/** The first campaign stands there as often as its share asks for. */
function mixOf(campaignIds: readonly string[]): string[] {
  const others = campaignIds.slice(1);
  const share = firstCount / itemCount;
  const times = Math.max(1, Math.round(others.length * share / (1 - share)));
  return [...Array.from({ length: times }, () => campaignIds[0]!), ...others];
}

interface Period {
  readonly from: string;
  readonly to: string;
}

class Asker {
  #turn = 0;

  constructor(readonly port: number, readonly peerPort: number | null, readonly endMs: number) {}

  /** About a month, on quarter-hours, another one each time. */
  period(): Period {
    const turn = this.#turn++;
    const last = Math.floor(this.endMs / quarterMs) - turn % quartersADay;
    const days = Math.floor(turn / quartersADay) % quartersADay;
    const first = last - dayCount * quartersADay + days;
    return {
      from: new Date(first * quarterMs).toISOString(),
      to: new Date(last * quarterMs).toISOString(),
    };
  }

  placard(campaignIds: readonly string[], period: Period) {
    return this.#ask(`http://127.0.0.1:${this.port}/v1/kpi`, campaignIds, period);
  }

  postgresql(campaignIds: readonly string[], period: Period) {
    return this.#ask(`http://127.0.0.1:${this.peerPort}/kpi`, campaignIds, period);
  }

  async isEqual(campaignIds: readonly string[]): Promise<boolean> {
    const period = this.period();
    const [ours, theirs] = await Promise.all([
      this.placard(campaignIds, period),
      this.postgresql(campaignIds, period),
    ]);
    const different = compared.filter((name) => ours[name] !== theirs[name]);
    for (const name of different) console.error(`${name}: ${ours[name]} beside ${theirs[name]}`);
    return different.length === 0;
  }

  async #ask(
    address: string,
    campaignIds: readonly string[],
    { from, to }: Period,
  ): Promise<Record<string, number>> {
    const campaigns = campaignIds.map((id) => ["campaign", id]);
    const query = new URLSearchParams([...campaigns, ["from", from], ["to", to]]);
    const headers = { authorization: `Bearer ${operatorKey}` };
    const response = await fetch(`${address}?${query}`, { headers });
    const text = await response.text();
    if (!response.ok) throw new Error(`${address}: ${response.status} ${text}`);
    return JSON.parse(text);
  }
}
