/**
 * What is done after a start so that the first questions need not wait: sums of open days, and then
 * questions themselves, day by day, because what they read and unite is kept.
 */
import { type CampaignKpi, daysPerSpan } from "./kpi_campaign.ts";
import type { ColdRows } from "./kpi_cold_rows.ts";
import { openDaySum } from "./kpi_parts.ts";
import { quarterMs, quartersPerDay } from "./kpi_quarter.ts";
import type { KpiQuery } from "./kpi_query.ts";

export function* warmOpenDays(campaigns: Iterable<CampaignKpi>, cold: ColdRows): Iterable<void> {
  for (const campaign of campaigns) {
    for (const [day, rows] of campaign.openDays) {
      openDaySum(campaign, day, rows, cold);
      yield;
    }
  }
}

/** About the last days, the newest first, and the spans that they are in. */
export function* firstQueries(
  campaigns: ReadonlyMap<string, CampaignKpi>,
  allDays: Iterable<number>,
): Iterable<KpiQuery> {
  const days = [...allDays].sort((left, right) => right - left).slice(0, daysMax);
  for (const day of days) yield aboutDays(day, 1);
  for (const span of new Set(days.map(spanOf))) {
    const query = aboutDays(span * daysPerSpan, daysPerSpan);
    // One by one, because a span has far more to read than a day.
    for (const [id, { closedDays }] of campaigns) {
      if ([...closedDays.keys()].some((day) => spanOf(day) === span)) {
        yield { ...query, campaigns: [id] };
      }
    }
    yield query;
  }
}

/** Most questions are about no more. */
const daysMax = 31;
const dayMs = quartersPerDay * quarterMs;

function aboutDays(day: number, count: number): KpiQuery {
  return { fromMs: day * dayMs, toMs: (day + count) * dayMs, timeZone: "UTC" };
}

function spanOf(day: number): number {
  return Math.floor(day / daysPerSpan);
}
