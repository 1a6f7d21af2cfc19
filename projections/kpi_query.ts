/**
 * Answers KPI questions from the base cells. Distinct numbers over a period are the union of its
 * cells, never a sum; whatever a query takes of WebAssembly memory it gives back.
 */
import { type CampaignKpi, quarterMs, quartersPerDay } from "./kpi_campaign.ts";
import { type Bucket, bucketAround, bucketsBetween, type Granularity } from "./kpi_buckets.ts";
import type { KpiEventMetrics } from "./conversion_query.ts";
import type { CellShape } from "./kpi_cells.ts";
import type { RangeMemo } from "./kpi_range_memo.ts";
import { type NineMetrics, nineMetrics, Tally } from "./kpi_tally.ts";

export type { NineMetrics };

export type Breakdown = "element" | "platform" | "variant" | "revision";

export interface KpiQuery {
  readonly campaigns: readonly string[];
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
  memo: RangeMemo,
  query: KpiQuery,
  /** A series without an end of its own covers this too. */
  conversions: Bucket | null = null,
): KpiAnswer {
  const selection = new Selection(campaigns, memo, query.by);
  try {
    const { fromMs = -Infinity, toMs = Infinity } = query;
    checkPeriod(query);
    const interactions = selection.quartersWithInteractions(fromMs, toMs);
    const series = query.granularity &&
      answerSeries(selection, query.granularity, query, spanOf(interactions, conversions));
    if (!series && interactions) {
      for (const bucket of settledAndLive(interactions)) selection.tally(bucket).dispose();
    }
    return {
      ...nineMetrics(selection.total.impression, selection.total.click),
      late: selection.late(fromMs, toMs),
      ...(series && { series }),
      ...(query.by && { breakdown: selection.breakdown() }),
    };
  } finally {
    selection.dispose();
  }
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
  interactions: Bucket | null,
): SeriesEntry[] {
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
    const tally = selection.tally(bucket);
    const entry = {
      from: new Date(bucket.fromMs).toISOString(),
      to: new Date(bucket.toMs).toISOString(),
      ...nineMetrics(tally.impression, tally.click),
    };
    tally.dispose();
    return entry;
  });
}

function spanOf(one: Bucket | null, other: Bucket | null): Bucket | null {
  if (!one || !other) return one ?? other;
  return { fromMs: Math.min(one.fromMs, other.fromMs), toMs: Math.max(one.toMs, other.toMs) };
}

/** All before the last UTC day, which seldom changes and is remembered in one piece, and that day. */
function settledAndLive({ fromMs, toMs }: Bucket): Bucket[] {
  const dayMs = quartersPerDay * quarterMs;
  const lastDayMs = Math.max(fromMs, Math.floor((toMs - 1) / dayMs) * dayMs);
  return [{ fromMs, toMs: lastDayMs }, { fromMs: lastDayMs, toMs }];
}

/** The campaigns that are asked about; gathers the total and the breakdown bucket by bucket. */
class Selection {
  readonly total = new Tally();
  readonly #byKey = new Map<string | null, Tally>();

  constructor(
    private readonly campaigns: readonly CampaignKpi[],
    private readonly memo: RangeMemo,
    private readonly by: Breakdown | undefined,
  ) {}

  /** From the first to the last quarter with an interaction that counts in the nine metrics. */
  quartersWithInteractions(fromMs: number, toMs: number): Bucket | null {
    let first = Infinity;
    let last = -Infinity;
    for (const campaign of this.campaigns) {
      for (const row of campaign.rowsIn(fromMs / quarterMs, toMs / quarterMs)) {
        if (row.quarter >= first && row.quarter <= last) continue;
        const { timeline } = campaign;
        const counts = !row.cells.isEmpty ||
          row.waiting.some((item) => !timeline.isLate(item.occurredAtMs));
        if (!counts) continue;
        first = Math.min(first, row.quarter);
        last = Math.max(last, row.quarter);
      }
    }
    return first > last ? null : { fromMs: first * quarterMs, toMs: (last + 1) * quarterMs };
  }

  /** The bucket's own tally, which has also gone into the total. */
  tally({ fromMs, toMs }: Bucket): Tally {
    const tally = new Tally();
    try {
      for (const campaign of this.campaigns) this.#add(tally, campaign, fromMs, toMs);
      this.total.addTally(tally);
      return tally;
    } catch (error) {
      tally.dispose();
      throw error;
    }
  }

  late(fromMs: number, toMs: number): number {
    let late = 0;
    for (const campaign of this.campaigns) {
      for (const row of campaign.rowsIn(fromMs / quarterMs, toMs / quarterMs)) {
        late += row.late;
        for (const item of row.waiting) if (campaign.timeline.isLate(item.occurredAtMs)) late++;
      }
    }
    return late;
  }

  /**
   * An element is seen whenever its message is, so its impressions are those of the whole selection;
   * the elements listed are those with clicks.
   */
  breakdown(): BreakdownEntry[] {
    const entries = [...this.#byKey].map(([key, { impression, click }]) => ({
      key,
      ...nineMetrics(this.by === "element" ? this.total.impression : impression, click),
    }));
    const compare = this.by === "revision" ? compareNumbers : compareStrings;
    return entries.sort((left, right) =>
      left.key === null ? 1 : right.key === null ? -1 : compare(left.key, right.key)
    );
  }

  dispose(): void {
    this.total.dispose();
    for (const tally of this.#byKey.values()) tally.dispose();
  }

  #add(tally: Tally, campaign: CampaignKpi, fromMs: number, toMs: number): void {
    const from = Math.ceil(fromMs / quarterMs);
    const to = Math.ceil(toMs / quarterMs);
    campaign.visitCells(from, to, this.memo, (shape, count, devices, users) => {
      tally.add(shape.kind, count, devices, users);
      this.#tallyOf(shape)?.add(shape.kind, count, devices, users);
    });
    // What waits is counted as it would be if nothing more were recorded.
    for (const row of campaign.rowsIn(from, to)) {
      for (const item of row.waiting) {
        if (campaign.timeline.isLate(item.occurredAtMs)) continue;
        tally.impression.addOne(item.device, item.user);
        this.#tallyOf({ ...item, kind: "impression" })?.impression.addOne(item.device, item.user);
      }
    }
  }

  #tallyOf(shape: CellShape): Tally | undefined {
    if (!this.by || (this.by === "element" && shape.kind === "impression")) return undefined;
    const key = keyOf(shape, this.by);
    let tally = this.#byKey.get(key);
    if (!tally) {
      tally = new Tally();
      this.#byKey.set(key, tally);
    }
    return tally;
  }
}

function keyOf(shape: CellShape, by: Breakdown): string | null {
  switch (by) {
    case "element":
      return shape.element;
    case "platform":
      return shape.platform;
    case "variant":
      return shape.variant;
    case "revision":
      return shape.revision === 0 ? null : String(shape.revision);
  }
}

function compareStrings(left: string, right: string): number {
  return left < right ? -1 : left > right ? 1 : 0;
}

function compareNumbers(left: string, right: string): number {
  return Number(left) - Number(right);
}
