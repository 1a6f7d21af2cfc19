/**
 * What the KPIs keep of one campaign: its late timeline, a row for every quarter-hour (UTC) that can
 * still change, and of days that cannot only where they begin and end. Such a day is two cold rows: its
 * quarters, and its cells as sums; spans of many days are united beside. A span's row is hot while days
 * are still to come.
 */
import type { RecordedEvent } from "../events/recorded_event.ts";
import { CellTable } from "./kpi_cells.ts";
import { ClosedDayWriter } from "./kpi_closed_day.ts";
import { LateTimeline } from "./kpi_late.ts";
import { isThrough, quarterMs, QuarterRow, quartersPerDay } from "./kpi_quarter.ts";
import { Tally } from "./kpi_tally.ts";

export const daysPerSpan = 16;
const dayMs = quartersPerDay * quarterMs;

/** A day that does not change any more. */
export interface ClosedDayFacts {
  readonly day: number;
  /** The first and last quarter with an interaction that counts in the nine metrics; −1: none. */
  readonly first: number;
  readonly last: number;
  readonly late: number;
}

export interface ClosedJson {
  readonly days: readonly (readonly [number, number, number, number])[];
  readonly spans: readonly number[];
}

/** The united days of a span. */
export class SpanRow {
  tally = new Tally();
  /** How many days were united since it was loaded. */
  days = 0;
  /** Of a loaded row: events up to here are in it. */
  through: string | undefined;

  constructor(readonly campaign: CampaignKpi, readonly span: number) {}
}

/** Rows that come of closing a day. */
export interface Closing {
  readonly spanChanged: boolean;
  readonly quarters: readonly QuarterRow<CampaignKpi>[];
  readonly loose: readonly QuarterRow<CampaignKpi>[];
  readonly dayRow: Uint8Array;
  readonly sumRow: Uint8Array;
}

export class CampaignKpi {
  readonly timeline = new LateTimeline();
  readonly openDays = new Map<number, OpenDay>();
  readonly closedDays = new Map<number, ClosedDayFacts>();
  /** Of closed days: what could not be judged when they closed, or came after all. */
  readonly looseRows = new Map<number, QuarterRow<CampaignKpi>>();
  readonly openSpans = new Map<number, SpanRow>();
  /** Their rows are cold. */
  readonly wholeSpans = new Set<number>();

  constructor(readonly id: string) {}

  openRow(quarter: number): QuarterRow<CampaignKpi> {
    const day = Math.floor(quarter / quartersPerDay);
    let open = this.openDays.get(day);
    if (!open) this.openDays.set(day, open = new OpenDay());
    let row = open.get(quarter);
    if (!row) {
      open.set(quarter, row = new QuarterRow<CampaignKpi>(this, quarter));
      open.changes++;
    }
    return row;
  }

  looseRow(quarter: number): QuarterRow<CampaignKpi> {
    let row = this.looseRows.get(quarter);
    if (!row) this.looseRows.set(quarter, row = new QuarterRow<CampaignKpi>(this, quarter, true));
    return row;
  }

  span(span: number): SpanRow {
    let row = this.openSpans.get(span);
    if (!row) this.openSpans.set(span, row = new SpanRow(this, span));
    return row;
  }

  openIn(from: number, to: number): Iterable<readonly [number, OpenDay]> {
    return within(this.openDays, from / quartersPerDay, to / quartersPerDay);
  }

  /** Every row that is in memory; from and to are quarters. */
  *hotRows(from: number, to: number): Iterable<QuarterRow<CampaignKpi>> {
    for (const [, rows] of this.openIn(from, to)) {
      for (const row of rows.values()) if (row.quarter >= from && row.quarter < to) yield row;
    }
    for (const row of this.looseRows.values()) {
      if (row.quarter >= from && row.quarter < to) yield row;
    }
  }

  *closedIn(from: number, to: number): Iterable<ClosedDayFacts> {
    for (const [, facts] of within(this.closedDays, from / quartersPerDay, to / quartersPerDay)) {
      yield facts;
    }
  }

  close(day: number, recorded: RecordedEvent): Closing {
    const quarters = [...this.openDays.get(day)!.values()].sort((a, b) => a.quarter - b.quarter);
    this.openDays.delete(day);
    const dayWriter = new ClosedDayWriter();
    const cells = new CellTable();
    const counting: number[] = [];
    let late = 0;
    // A settling that comes earlier or later in a replay must not divide a row otherwise.
    const settledMs = Math.floor(recorded.timeMs / dayMs) * dayMs;
    for (const row of quarters) {
      const { quarter } = row;
      row.settle(settledMs);
      late += row.late;
      dayWriter.add(quarter, row.late, row.cells.encode());
      if (row.cells.isEmpty) continue;
      counting.push(quarter);
      cells.addAll(row.cells);
    }
    const first = counting[0] ?? -1;
    this.closedDays.set(day, { day, first, last: counting.at(-1) ?? -1, late });
    const span = this.span(Math.floor(day / daysPerSpan));
    // A row that has the event already must not be written as if it stood here.
    const spanChanged = !isThrough(span, recorded);
    if (spanChanged) cells.addTo(span.tally);
    span.days++;
    return {
      quarters,
      spanChanged,
      loose: this.#loosen(quarters, recorded),
      dayRow: dayWriter.take(),
      sumRow: cells.encode(),
    };
  }

  /** Keeps what still waits in the rows of a day that closes. */
  #loosen(quarters: readonly QuarterRow<CampaignKpi>[], recorded: RecordedEvent) {
    return quarters.filter(({ waiting }) => waiting.length > 0).flatMap(({ quarter, waiting }) => {
      const loose = this.looseRow(quarter);
      if (isThrough(loose, recorded)) return [];
      loose.waiting.push(...waiting);
      return [loose];
    });
  }

  closedJson(): ClosedJson {
    return {
      days: [...this.closedDays.values()].map(({ day, first, last, late }) =>
        [day, first, last, late] as const
      ).sort(([left], [right]) => left - right),
      spans: [...this.wholeSpans].sort((left, right) => left - right),
    };
  }

  loadClosed({ days, spans }: ClosedJson): void {
    for (const [day, first, last, late] of days) {
      this.closedDays.set(day, { day, first, last, late });
    }
    for (const span of spans) this.wholeSpans.add(span);
  }
}

/** The rows of a day by quarter. */
export class OpenDay extends Map<number, QuarterRow<CampaignKpi>> {
  /** How often any of them changed in this process. */
  changes = 0;
  /** When what follows was looked up. */
  #lookedUpAt = -1;
  #late = 0;
  #waiting: readonly QuarterRow<CampaignKpi>[] = [];

  /** Late ones, as far as it is judged. */
  get late(): number {
    this.#lookUp();
    return this.#late;
  }

  /** Rows in which something waits. */
  get waiting(): readonly QuarterRow<CampaignKpi>[] {
    this.#lookUp();
    return this.#waiting;
  }

  #lookUp(): void {
    if (this.#lookedUpAt === this.changes) return;
    this.#lookedUpAt = this.changes;
    const rows = [...this.values()];
    this.#late = rows.reduce((sum, { late }) => sum + late, 0);
    this.#waiting = rows.filter(({ waiting }) => waiting.length > 0);
  }
}

/** The days that the period touches, found by whichever way is shorter. */
function* within<T>(
  byDay: ReadonlyMap<number, T>,
  from: number,
  to: number,
): Iterable<readonly [number, T]> {
  const first = Math.floor(from);
  if (!(to - first <= byDay.size)) {
    for (const entry of byDay) if (entry[0] >= first && entry[0] < to) yield entry;
    return;
  }
  for (let day = first; day < to; day++) {
    const value = byDay.get(day);
    if (value !== undefined) yield [day, value];
  }
}
