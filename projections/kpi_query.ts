/**
 * Answers KPI questions. Distinct numbers over a period are the union of its parts, never a sum. Where
 * a cold row is not at hand the answer is wrong, and `ColdReading` says which rows are missing.
 */
import { type Bucket, bucketAround, bucketsBetween, type Granularity } from "./kpi_buckets.ts";
import { type Breakdown, BreakdownTally } from "./kpi_breakdown.ts";
import type { KpiEventMetrics } from "./conversion_query.ts";
import type { CampaignKpi } from "./kpi_campaign.ts";
import type { ColdReading } from "./kpi_cold_rows.ts";
import { addBrokenDown, addUnited, extentIn, lateIn, type Quarters } from "./kpi_parts.ts";
import { quarterMs } from "./kpi_quarter.ts";
import { type NineMetrics, nineMetrics, Tally } from "./kpi_tally.ts";
import { addTogether } from "./kpi_united_days.ts";

export type { Breakdown, NineMetrics };

export interface KpiQuery {
  /** Absent: all. */
  readonly campaigns?: readonly string[];
  /** Inside; on a whole quarter-hour. Absent: from the first interaction. */
  readonly fromMs?: number;
  /** Outside; on a whole quarter-hour. Absent: to the last interaction. */
  readonly toMs?: number;
  readonly granularity?: Granularity;
  readonly by?: Breakdown;
  readonly timeZone: string;
}

/** Instants are RFC 3339 UTC with milliseconds; `to` is outside. */
export type SeriesEntry =
  & { readonly from: string; readonly to: string; readonly kpiEvents?: readonly KpiEventMetrics[] }
  & NineMetrics;
export type BreakdownEntry = { readonly key: string | null } & NineMetrics;

export interface KpiAnswer extends NineMetrics {
  readonly late: number;
  /** Absent where the campaigns count no events and never did. */
  readonly kpiEvents?: readonly KpiEventMetrics[];
  readonly series?: readonly SeriesEntry[];
  readonly breakdown?: readonly BreakdownEntry[];
}

export const seriesBucketsMax = 2_000;

export type KpiQueryCode = "period_not_aligned" | "period_reversed" | "too_many_buckets";

/** A question that has no answer: the caller's fault. */
export class KpiQueryError extends Error {
  override name = "KpiQueryError";

  constructor(readonly code: KpiQueryCode, message: string) {
    super(message);
  }
}

/** Whether a period may begin or end here. */
export function isQuarterAligned(instantMs: number): boolean {
  return Number.isSafeInteger(instantMs) && instantMs % quarterMs === 0;
}

export function answerKpi(
  campaigns: readonly CampaignKpi[],
  cold: ColdReading,
  query: KpiQuery,
  /** A series without an end of its own covers this too. */
  conversions: Bucket | null = null,
): KpiAnswer {
  checkPeriod(query);
  const { fromMs = -Infinity, toMs = Infinity, granularity } = query;
  const together = cold.together(query.campaigns);
  const selection = new Selection(campaigns, cold, query.by, together);
  const series = granularity && answerSeries(selection, granularity, query, conversions);
  if (!series) selection.add(selection.total, { fromMs, toMs });
  const answer = {
    ...nineMetrics(selection.total.impression, selection.total.click),
    late: selection.late({ fromMs, toMs }),
    ...(series && { series }),
    ...(query.by && { breakdown: selection.breakdown() }),
  };
  selection.clear();
  return answer;
}

function checkPeriod({ fromMs, toMs }: KpiQuery): void {
  for (const instantMs of [fromMs, toMs]) {
    if (instantMs !== undefined && !isQuarterAligned(instantMs)) {
      throw new KpiQueryError("period_not_aligned", "a period has whole quarter-hours");
    }
  }
  if (fromMs !== undefined && toMs !== undefined && toMs < fromMs) {
    throw new KpiQueryError("period_reversed", "the period ends before it begins");
  }
}

function answerSeries(
  selection: Selection,
  granularity: Granularity,
  { fromMs, toMs, timeZone }: KpiQuery,
  conversions: Bucket | null,
): SeriesEntry[] {
  const isOpen = fromMs === undefined || toMs === undefined;
  const period = { fromMs: fromMs ?? -Infinity, toMs: toMs ?? Infinity };
  const interactions = isOpen ? spanOf(selection.extent(period), conversions) : null;
  const start = fromMs ??
    (interactions && bucketAround(interactions.fromMs, granularity, timeZone).fromMs);
  const end = toMs ??
    (interactions && bucketAround(interactions.toMs - 1, granularity, timeZone).toMs);
  if (start === null || end === null) return [];
  const buckets = bucketsBetween(start, end, granularity, timeZone, seriesBucketsMax);
  if (!buckets) {
    throw new KpiQueryError("too_many_buckets", `a series has at most ${seriesBucketsMax} entries`);
  }
  return buckets.map((bucket) => {
    const tally = new Tally();
    selection.add(tally, bucket);
    selection.total.addTally(tally);
    const entry = {
      from: new Date(bucket.fromMs).toISOString(),
      to: new Date(bucket.toMs).toISOString(),
      ...nineMetrics(tally.impression, tally.click),
    };
    tally.clear();
    return entry;
  });
}

function spanOf(one: Bucket | null, other: Bucket | null): Bucket | null {
  if (!one || !other) return one ?? other;
  return { fromMs: Math.min(one.fromMs, other.fromMs), toMs: Math.max(one.toMs, other.toMs) };
}

/** The campaigns that are asked about; gathers the breakdown bucket by bucket. */
class Selection {
  readonly total = new Tally();
  readonly #byKey: BreakdownTally | null;

  constructor(
    private readonly campaigns: readonly CampaignKpi[],
    private readonly cold: ColdReading,
    private readonly by: Breakdown | undefined,
    /** What they are called together; null where each is looked at for itself. */
    private readonly together: string | null,
  ) {
    this.#byKey = by ? new BreakdownTally(by) : null;
  }

  /** From the first to the last quarter with an interaction that counts in the nine metrics. */
  extent(period: Bucket): Bucket | null {
    const extents = this.campaigns.flatMap((one) => extentIn(one, quartersOf(period)) ?? []);
    if (extents.length === 0) return null;
    return {
      fromMs: extents.reduce((least, { from }) => Math.min(least, from), Infinity) * quarterMs,
      toMs: extents.reduce((most, { to }) => Math.max(most, to), -Infinity) * quarterMs,
    };
  }

  add(tally: Tally, bucket: Bucket): void {
    const quarters = quartersOf(bucket);
    if (this.together === null) {
      for (const campaign of this.campaigns) addUnited(tally, campaign, quarters, this.cold);
    } else addTogether(tally, this.together, this.campaigns, quarters, this.cold);
    if (!this.#byKey) return;
    for (const campaign of this.campaigns) {
      addBrokenDown(this.#byKey, campaign, quarters, this.cold);
    }
  }

  clear(): void {
    this.total.clear();
    for (const tally of this.#byKey?.byKey.values() ?? []) tally.clear();
  }

  late(period: Bucket): number {
    const quarters = quartersOf(period);
    return this.campaigns.reduce((sum, one) => sum + lateIn(one, quarters, this.cold), 0);
  }

  /**
   * An element is seen whenever its message is, so its impressions are those of the whole selection;
   * the elements listed are those with clicks.
   */
  breakdown(): BreakdownEntry[] {
    const entries = [...this.#byKey?.byKey ?? []].map(([key, { impression, click }]) => ({
      key,
      ...nineMetrics(this.by === "element" ? this.total.impression : impression, click),
    }));
    const compare = this.by === "revision" ? compareNumbers : compareStrings;
    return entries.sort((left, right) =>
      left.key === null ? 1 : right.key === null ? -1 : compare(left.key, right.key)
    );
  }
}

function quartersOf({ fromMs, toMs }: Bucket): Quarters {
  return { from: Math.ceil(fromMs / quarterMs), to: Math.ceil(toMs / quarterMs) };
}

function compareStrings(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function compareNumbers(left: string, right: string): number {
  return Number(left) - Number(right);
}
