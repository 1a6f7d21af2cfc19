/** Answers how often what campaigns count as conversions happened after a click. */
import type { ConversionCampaign } from "./conversion_campaign.ts";
import { quarterMs } from "./conversion_campaign.ts";
import { ConversionTally } from "./conversion_tally.ts";
import type { Bucket } from "./kpi_buckets.ts";
import type { KpiAnswer, KpiQuery } from "./kpi_query.ts";

/** Both count what happened within the window after a click on the campaign by the same device. */
export interface KpiEventMetrics {
  readonly name: string;
  /** Every such event. */
  readonly totalClickBasis: number;
  /** Different devices with such an event. */
  readonly uniqueClickBasis: number;
}

/** An answer to the rest of the question, with the conversions of the period and of its series. */
export function withConversions(
  conversions: AskedConversions,
  { fromMs, toMs, granularity }: KpiQuery,
  answerRest: (span: Bucket | null) => KpiAnswer,
): KpiAnswer {
  if (conversions.isEmpty) return answerRest(null);
  const answer = answerRest(granularity ? conversions.span(fromMs, toMs) : null);
  return {
    ...answer,
    kpiEvents: conversions.within(fromMs, toMs),
    ...(answer.series && {
      series: answer.series.map((entry) => ({
        ...entry,
        kpiEvents: conversions.within(Date.parse(entry.from), Date.parse(entry.to)),
      })),
    }),
  };
}

/** A conversion by all that is known so far; an edit to come may take it away. */
export interface ProvisionalConversion {
  readonly campaign: ConversionCampaign;
  readonly name: string;
  readonly quarter: number;
  readonly device: number;
}

/** The conversions of a set of campaigns, at one moment: to be asked at once. */
export class AskedConversions {
  readonly #names: readonly string[];

  constructor(
    private readonly campaigns: readonly ConversionCampaign[],
    private readonly provisional: readonly ProvisionalConversion[],
  ) {
    const names = new Set(campaigns.flatMap(({ settings }) => [...settings.names.keys()]));
    this.#names = [...names].sort();
  }

  /** The campaigns count nothing and never did. */
  get isEmpty(): boolean {
    return this.#names.length === 0;
  }

  /** Of each name that the campaigns have or had; from ≤ when it happened < to, whole quarter-hours. */
  within(fromMs = -Infinity, toMs = Infinity): KpiEventMetrics[] {
    const from = fromMs / quarterMs;
    const to = toMs / quarterMs;
    const tallies = new Map(this.#names.map((name) => [name, new ConversionTally()]));
    for (const campaign of this.campaigns) {
      for (const name of campaign.settings.names.keys()) {
        campaign.tally(name, from, to, tallies.get(name)!);
      }
    }
    for (const { name, quarter, device } of this.provisional) {
      if (quarter >= from && quarter < to) tallies.get(name)!.add(device, 1);
    }
    return [...tallies].map(([name, { count, distinctDevices }]) => ({
      name,
      totalClickBasis: count,
      uniqueClickBasis: distinctDevices,
    }));
  }

  /** From the first to the last quarter-hour with a conversion; null: there is none. */
  span(fromMs = -Infinity, toMs = Infinity): Bucket | null {
    const from = fromMs / quarterMs;
    const to = toMs / quarterMs;
    const quarters = this.provisional.map(({ quarter }) => quarter)
      .filter((quarter) => quarter >= from && quarter < to);
    for (const campaign of this.campaigns) {
      const within = campaign.quartersWithin(from, to);
      if (within) quarters.push(within.first, within.last);
    }
    if (quarters.length === 0) return null;
    let first = Infinity;
    let last = -Infinity;
    for (const quarter of quarters) {
      first = Math.min(first, quarter);
      last = Math.max(last, quarter);
    }
    return { fromMs: first * quarterMs, toMs: (last + 1) * quarterMs };
  }
}
