/**
 * Whole days of campaigns together. The same campaigns are asked about again and again, each time over
 * another period; so what they have on a day, or in a span of days, is united once and kept. So are all
 * whole days of a period, because the next one mostly begins and ends on the same days.
 */
import { type CampaignKpi, daysPerSpan, type OpenDay } from "./kpi_campaign.ts";
import { coldKeys, type ColdReading, openPrefix } from "./kpi_cold_rows.ts";
import {
  addCutDay,
  addRest,
  coversDay,
  coversSpan,
  openDaySum,
  type Quarters,
} from "./kpi_parts.ts";
import { type QuarterRow, quartersPerDay } from "./kpi_quarter.ts";
import { type FrozenTally, Tally } from "./kpi_tally.ts";

/** Adds all cells of all campaigns; `selection` names them. */
export function addTogether(
  tally: Tally,
  selection: string,
  campaigns: readonly CampaignKpi[],
  quarters: Quarters,
  cold: ColdReading,
): void {
  const closed = new Map<number, CampaignKpi[]>();
  const open = new Map<number, CampaignKpi[]>();
  for (const campaign of campaigns) {
    for (const facts of campaign.closedIn(quarters.from, quarters.to)) {
      listOf(closed, facts.day).push(campaign);
    }
    for (const [day] of campaign.openIn(quarters.from, quarters.to)) {
      listOf(open, day).push(campaign);
    }
    addRest(tally, campaign, quarters);
  }
  addClosedDays(tally, selection, closed, campaigns, { quarters, cold });
  const days = new WholeDays();
  for (const [day, members] of open) {
    if (coversDay(quarters, day)) addOpenDay(tally, days, selection, day, members, cold);
    else addCutOpenDay(tally, selection, day, members, { quarters, cold });
  }
  days.addTo(tally, `${selection}/run/open/${runOf(quarters)}`, cold);
}

/** Whole days of a period. They are united when the same ones are asked about a second time. */
class WholeDays {
  readonly #parts: unknown[] = [];
  readonly #adds: ((into: Tally) => void)[] = [];

  /** `parts`: what it is made of; with the same parts it is the same. */
  push(parts: readonly unknown[], add: (into: Tally) => void): void {
    this.#parts.push(...parts);
    this.#adds.push(add);
  }

  addTo(tally: Tally, key: string, cold: ColdReading): void {
    const addAll = (into: Tally) => this.#adds.forEach((add) => add(into));
    const { united } = cold.rows;
    const isWorthIt = this.#adds.length > 1 && united.get<United>(key)?.isOf(this.#parts);
    if (isWorthIt) return addUnited(tally, cold, key, this.#parts, addAll);
    addAll(tally);
    if (this.#adds.length > 1 && cold.missing.size === 0) {
      united.set(key, new United(this.#parts, null));
    }
  }
}

/** The whole days of a period, as part of a key. */
function runOf({ from, to }: Quarters): string {
  return `${Math.ceil(from / quartersPerDay)}-${Math.floor(to / quartersPerDay)}`;
}

/** What was made of these parts, and is right for no others. Null: they were asked about once. */
class United {
  constructor(readonly parts: readonly unknown[], readonly tally: FrozenTally | null) {}

  get bytes(): number {
    return (this.tally?.bytes ?? 0) + this.parts.length * 8;
  }

  isOf(parts: readonly unknown[]): boolean {
    return this.parts.length === parts.length &&
      this.parts.every((part, index) => part === parts[index]);
  }
}

interface Asked {
  readonly quarters: Quarters;
  readonly cold: ColdReading;
}

function addClosedDays(
  tally: Tally,
  selection: string,
  closed: ReadonlyMap<number, readonly CampaignKpi[]>,
  campaigns: readonly CampaignKpi[],
  { quarters, cold }: Asked,
): void {
  const spans = new Map<number, boolean>();
  const days = new WholeDays();
  for (const [day, members] of closed) {
    if (!coversDay(quarters, day)) {
      addCutClosedDay(tally, selection, day, members, { quarters, cold });
      continue;
    }
    const span = Math.floor(day / daysPerSpan);
    const isWhole = spans.get(span) ??
      campaigns.every((campaign) => coversSpan(quarters, span, campaign));
    if (!isWhole) {
      // It stays as it is, so who has it says all.
      days.push([day, ...members], (into) => addClosedDay(into, selection, day, members, cold));
    } else if (!spans.has(span)) addSpan(days, selection, span, campaigns, cold);
    spans.set(span, isWhole);
  }
  days.addTo(tally, `${selection}/run/closed/${runOf(quarters)}`, cold);
}

function addClosedDay(
  tally: Tally,
  selection: string,
  day: number,
  members: readonly CampaignKpi[],
  cold: ColdReading,
): void {
  const add = (into: Tally) => {
    for (const { id } of members) {
      const sum = cold.sum(coldKeys.sum(id, day));
      if (sum) into.addFrozen(sum);
    }
  };
  // What one campaign has is kept already.
  if (members.length === 1) add(tally);
  else addUnited(tally, cold, `${selection}/day/${day}`, members, add);
}

function addSpan(
  days: WholeDays,
  selection: string,
  span: number,
  campaigns: readonly CampaignKpi[],
  cold: ColdReading,
): void {
  const members = campaigns.filter(({ openSpans, wholeSpans }) =>
    openSpans.has(span) || wholeSpans.has(span)
  );
  // With each day that is closed there is more in an open span.
  const parts = members.flatMap((one) => [one, one.openSpans.get(span)?.days ?? "whole"]);
  const add = (into: Tally) => {
    for (const { id, openSpans } of members) {
      const open = openSpans.get(span);
      const whole = open ? null : cold.span(coldKeys.span(id, span));
      if (open) into.addTally(open.tally);
      else if (whole) into.addFrozen(whole);
    }
  };
  const key = `${selection}/span/${span}`;
  days.push([span, ...parts], (into) => {
    if (members.length === 1) add(into);
    else addUnited(into, cold, key, parts, add);
  });
}

/** Rows that changed since the sums were made are looked at anew. */
function addOpenDay(
  tally: Tally,
  days: WholeDays,
  selection: string,
  day: number,
  members: readonly CampaignKpi[],
  cold: ColdReading,
): void {
  const sums = members.map((one) => openDaySum(one, day, one.openDays.get(day)!, cold.rows));
  const stamps = sums.map(({ stamp }) => stamp);
  const add = (into: Tally) => sums.forEach(({ united }) => into.addFrozen(united));
  days.push(stamps, (into) => {
    if (sums.length === 1) add(into);
    else addUnited(into, cold, `${openPrefix(day)}${selection}`, stamps, add);
  });
  for (const sum of sums) sum.addChanged(tally);
}

/** A day that the period cuts is put together from pieces that are kept, and single quarters. */
function addCutClosedDay(
  tally: Tally,
  selection: string,
  day: number,
  members: readonly CampaignKpi[],
  { quarters, cold }: Asked,
): void {
  const add = (into: Tally, part: Quarters) => {
    for (const one of members) addCutDay(into, one, one.closedDays.get(day)!, part, cold);
  };
  for (const { piece, part, isWhole } of piecesOf(day, quarters)) {
    const key = `${selection}/closed/${day}/${piece}`;
    if (isWhole) addUnited(tally, cold, key, members, (into) => add(into, part));
    else add(tally, part);
  }
}

function addCutOpenDay(
  tally: Tally,
  selection: string,
  day: number,
  members: readonly CampaignKpi[],
  { quarters, cold }: Asked,
): void {
  const days = members.map(({ openDays }) => openDays.get(day)!);
  for (const { piece, part, isWhole } of piecesOf(day, quarters)) {
    const rows = days.flatMap((rows) => rowsIn(rows, part));
    const add = (into: Tally) => rows.forEach(({ cells }) => cells.addTo(into));
    const parts = rows.flatMap((row) => [row, row.changes]);
    const key = `${openPrefix(day)}${piece}/${selection}`;
    if (isWhole) addUnited(tally, cold, key, parts, add);
    else add(tally);
  }
}

const quartersPerPiece = 12;

interface Piece {
  readonly piece: number;
  /** What of it is in the period. */
  readonly part: Quarters;
  readonly isWhole: boolean;
}

function piecesOf(day: number, { from, to }: Quarters): Piece[] {
  const pieces: Piece[] = [];
  for (let piece = 0; piece < quartersPerDay / quartersPerPiece; piece++) {
    const first = day * quartersPerDay + piece * quartersPerPiece;
    const part = { from: Math.max(from, first), to: Math.min(to, first + quartersPerPiece) };
    if (part.from >= part.to) continue;
    pieces.push({ piece, part, isWhole: part.to - part.from === quartersPerPiece });
  }
  return pieces;
}

function rowsIn(rows: OpenDay, { from, to }: Quarters): QuarterRow[] {
  const found: QuarterRow[] = [];
  for (let quarter = from; quarter < to; quarter++) {
    const row = rows.get(quarter);
    if (row) found.push(row);
  }
  return found;
}

function addUnited(
  tally: Tally,
  { rows: { united }, missing }: ColdReading,
  key: string,
  parts: readonly unknown[],
  unite: (into: Tally) => void,
): void {
  const found = united.get<United>(key);
  if (found?.tally && found.isOf(parts)) return tally.addFrozen(found.tally);
  const made = new Tally();
  unite(made);
  // With rows missing it is not whole, and the answer is thrown away.
  if (missing.size > 0) return;
  const kept = made.freeze();
  united.set(key, new United(parts, kept));
  tally.addFrozen(kept);
}

function listOf<T>(byDay: Map<number, T[]>, day: number): T[] {
  let list = byDay.get(day);
  if (!list) byDay.set(day, list = []);
  return list;
}
