/**
 * What a period has of one campaign, put together from as few parts as there are: whole spans, whole
 * days, and quarters where it begins and ends within a day. Where the shapes of cells matter there are
 * no spans.
 */
import {
  type CampaignKpi,
  type ClosedDayFacts,
  daysPerSpan,
  type OpenDay,
} from "./kpi_campaign.ts";
import type { BreakdownTally } from "./kpi_breakdown.ts";
import type { CellShape } from "./kpi_cell_shape.ts";
import type { ClosedDay } from "./kpi_closed_day.ts";
import { coldKeys, type ColdReading, type ColdRows, openPrefix } from "./kpi_cold_rows.ts";
import { OpenDayBreakdown } from "./kpi_open_breakdown.ts";
import { OpenDaySum } from "./kpi_open_day.ts";
import { type QuarterRow, quartersPerDay, shapeOf } from "./kpi_quarter.ts";
import type { FrozenTally, Tally } from "./kpi_tally.ts";

/** From a quarter on, and below another. */
export interface Quarters {
  readonly from: number;
  readonly to: number;
}

/** Adds all cells; the shape dimensions are lost. */
export function addUnited(
  tally: Tally,
  campaign: CampaignKpi,
  quarters: Quarters,
  cold: ColdReading,
): void {
  const addFrozen = (frozen: FrozenTally | null) => frozen && tally.addFrozen(frozen);
  const spans = new Set<number>();
  for (const facts of campaign.closedIn(quarters.from, quarters.to)) {
    const span = Math.floor(facts.day / daysPerSpan);
    if (spans.has(span)) continue;
    if (coversSpan(quarters, span, campaign)) {
      spans.add(span);
      const open = campaign.openSpans.get(span);
      if (open) tally.addTally(open.tally);
      else addFrozen(cold.span(coldKeys.span(campaign.id, span)));
    } else if (coversDay(quarters, facts.day)) {
      addFrozen(cold.sum(coldKeys.sum(campaign.id, facts.day)));
    } else addCutDay(tally, campaign, facts, quarters, cold);
  }
  for (const [day, rows] of campaign.openIn(quarters.from, quarters.to)) {
    if (coversDay(quarters, day)) openDaySum(campaign, day, rows, cold.rows).addTo(tally);
    else rows.forEach((row) => isIn(quarters, row) && row.cells.addTo(tally));
  }
  addRest(tally, campaign, quarters);
}

/** Of a closed day that the period cuts. */
export function addCutDay(
  tally: Tally,
  campaign: CampaignKpi,
  facts: ClosedDayFacts,
  quarters: Quarters,
  cold: ColdReading,
): void {
  closedDay(campaign, facts, quarters, cold)?.addTo(tally, quarters.from, quarters.to);
}

/** What is in no day. */
export function addRest(tally: Tally, campaign: CampaignKpi, quarters: Quarters): void {
  for (const row of campaign.looseRows.values()) {
    if (isIn(quarters, row)) row.cells.addTo(tally);
  }
  visitWaiting(campaign, quarters, (_, device, user) => tally.impression.addOne(device, user));
}

/** The sum of an open day, ready to be added. */
export function openDaySum(
  campaign: CampaignKpi,
  day: number,
  rows: OpenDay,
  cold: ColdRows,
): OpenDaySum {
  const key = `${openPrefix(day)}${campaign.id}`;
  const sum = cold.cached(key, () => new OpenDaySum(rows))!;
  if (sum.prepare()) cold.cache.measure(key);
  return sum;
}

/** Adds all cells by one of their dimensions. */
export function addBrokenDown(
  tally: BreakdownTally,
  campaign: CampaignKpi,
  quarters: Quarters,
  cold: ColdReading,
): void {
  const { by } = tally;
  for (const facts of campaign.closedIn(quarters.from, quarters.to)) {
    if (coversDay(quarters, facts.day)) {
      const frozen = cold.breakdown(coldKeys.sum(campaign.id, facts.day), by);
      if (frozen) tally.addFrozen(frozen);
    } else {
      const closed = closedDay(campaign, facts, quarters, cold);
      closed?.visit(quarters.from, quarters.to, tally.add);
    }
  }
  for (const [day, rows] of campaign.openIn(quarters.from, quarters.to)) {
    if (coversDay(quarters, day)) {
      const key = `${openPrefix(day)}${campaign.id} ${by}`;
      cold.rows.cached(key, () => new OpenDayBreakdown(rows, by))!.addTo(tally);
      cold.rows.cache.measure(key);
    } else rows.forEach((row) => isIn(quarters, row) && row.cells.visit(tally.add));
  }
  campaign.looseRows.forEach((row) => isIn(quarters, row) && row.cells.visit(tally.add));
  visitWaiting(campaign, quarters, (shape, device, user) => tally.addOne(shape, device, user));
}

/** What waits is counted as it would be if nothing more were recorded. */
export function visitWaiting(
  campaign: CampaignKpi,
  quarters: Quarters,
  visitor: (shape: CellShape, device: number, user: number) => void,
): void {
  const visit = (row: QuarterRow) => {
    if (row.waiting.length === 0 || !isIn(quarters, row)) return;
    for (const item of row.countedByNow) {
      visitor(shapeOf("impression", item), item.device, item.user);
    }
  };
  for (const [, rows] of campaign.openIn(quarters.from, quarters.to)) rows.waiting.forEach(visit);
  campaign.looseRows.forEach(visit);
}

export function lateIn(campaign: CampaignKpi, quarters: Quarters, cold: ColdReading): number {
  let late = 0;
  for (const { day, late: ofDay } of campaign.closedIn(quarters.from, quarters.to)) {
    if (ofDay === 0) continue;
    if (coversDay(quarters, day)) late += ofDay;
    else {
      const closed = cold.day(coldKeys.day(campaign.id, day), day);
      late += closed?.late(quarters.from, quarters.to) ?? 0;
    }
  }
  for (const [day, rows] of campaign.openIn(quarters.from, quarters.to)) {
    if (coversDay(quarters, day)) {
      late += rows.late;
      for (const row of rows.waiting) late += row.lateByNow - row.late;
    } else rows.forEach((row) => isIn(quarters, row) && (late += row.lateByNow));
  }
  campaign.looseRows.forEach((row) => isIn(quarters, row) && (late += row.lateByNow));
  return late;
}

/**
 * From the first to the last quarter with an interaction that counts in the nine metrics, cut to the
 * period; null where there is none.
 */
export function extentIn(campaign: CampaignKpi, { from, to }: Quarters): Quarters | null {
  let first = Infinity;
  let last = -Infinity;
  for (const day of campaign.closedIn(from, to)) {
    if (day.first < 0 || day.first >= to || day.last < from) continue;
    first = Math.min(first, Math.max(day.first, from));
    last = Math.max(last, Math.min(day.last, to - 1));
  }
  for (const row of campaign.hotRows(from, to)) {
    if ((row.quarter >= first && row.quarter <= last) || !row.counts) continue;
    first = Math.min(first, row.quarter);
    last = Math.max(last, row.quarter);
  }
  return first > last ? null : { from: first, to: last + 1 };
}

/** A day that the period cuts; null where nothing of it is in there, or its row is missing. */
function closedDay(
  campaign: CampaignKpi,
  { day, first, last }: ClosedDayFacts,
  { from, to }: Quarters,
  cold: ColdReading,
): ClosedDay | null {
  if (first < 0 || first >= to || last < from) return null;
  return cold.day(coldKeys.day(campaign.id, day), day);
}

export function coversDay({ from, to }: Quarters, day: number): boolean {
  return from <= day * quartersPerDay && to >= (day + 1) * quartersPerDay;
}

/** Whether all closed days of the span are in the period. */
export function coversSpan(
  { from, to }: Quarters,
  span: number,
  campaign: CampaignKpi,
): boolean {
  const firstDay = span * daysPerSpan;
  if (coversDay({ from, to }, firstDay) && coversDay({ from, to }, firstDay + daysPerSpan - 1)) {
    return true;
  }
  for (let day = firstDay; day < firstDay + daysPerSpan; day++) {
    if (campaign.closedDays.has(day) && !coversDay({ from, to }, day)) return false;
  }
  return true;
}

function isIn({ from, to }: Quarters, { quarter }: QuarterRow): boolean {
  return quarter >= from && quarter < to;
}
