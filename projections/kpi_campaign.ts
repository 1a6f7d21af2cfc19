/**
 * What the KPIs keep of one campaign: its late timeline and a row for every quarter-hour (UTC) in which
 * something happened. Impressions that cannot be judged yet wait in the row of their own quarter, so
 * that a row is right by itself wherever its `through` stands.
 */
import type { Platform } from "../events/workspace_events.ts";
import { type CellShape, CellTable, type CellVisitor } from "./kpi_cells.ts";
import { LateTimeline } from "./kpi_late.ts";
import type { RangeMemo } from "./kpi_range_memo.ts";

export const quarterMs = 15 * 60 * 1000;
export const quartersPerHour = 4;
export const quartersPerDay = 96;

export interface WaitingImpression {
  readonly occurredAtMs: number;
  readonly device: number;
  readonly user: number;
  readonly element: string | null;
  readonly platform: Platform;
  readonly variant: string | null;
  readonly revision: number;
}

export function shapeOf(
  kind: CellShape["kind"],
  { element, platform, variant, revision }: WaitingImpression,
): CellShape {
  return { kind, element, platform, variant, revision };
}

export class QuarterRow {
  /** Impressions that are late. */
  late = 0;
  waiting: WaitingImpression[] = [];
  cells = new CellTable();
  /** Of a loaded row: events up to here are in it. */
  through: string | undefined;

  constructor(readonly campaign: CampaignKpi, readonly quarter: number) {}

  /** Counts an impression that can be judged, or a click. */
  count(kind: CellShape["kind"], item: WaitingImpression): void {
    if (kind === "impression" && this.campaign.timeline.isLate(item.occurredAtMs)) this.late++;
    else this.cells.cell(shapeOf(kind, item)).add(item.device, item.user);
  }

  /** Judges what can be judged by now. True when the row changed. */
  settle(recordedMs: number): boolean {
    const { timeline } = this.campaign;
    const settled = this.waiting.filter((item) =>
      timeline.isSettled(item.occurredAtMs, recordedMs)
    );
    if (settled.length === 0) return false;
    this.waiting = this.waiting.filter((item) =>
      !timeline.isSettled(item.occurredAtMs, recordedMs)
    );
    for (const item of settled) this.count("impression", item);
    return true;
  }

  /** `u32 late · u32 length of JSON · JSON of the waiting · cells`. */
  encode(): Uint8Array {
    const waiting = this.waiting.map((item) =>
      JSON.stringify([
        item.occurredAtMs,
        item.device,
        item.user,
        item.element,
        item.platform,
        item.variant,
        item.revision,
      ])
    ).sort();
    const json = new TextEncoder().encode(`[${waiting.join()}]`);
    const cells = this.cells.encode();
    const bytes = new Uint8Array(8 + json.length + cells.length);
    const view = new DataView(bytes.buffer);
    view.setUint32(0, this.late, true);
    view.setUint32(4, json.length, true);
    bytes.set(json, 8);
    bytes.set(cells, 8 + json.length);
    return bytes;
  }

  load(bytes: Uint8Array, through: string): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    const end = 8 + view.getUint32(4, true);
    this.late = view.getUint32(0, true);
    this.waiting =
      (JSON.parse(new TextDecoder().decode(bytes.subarray(8, end))) as EncodedWaiting[])
        .map(([occurredAtMs, device, user, element, platform, variant, revision]) => ({
          occurredAtMs,
          device,
          user,
          element,
          platform,
          variant,
          revision,
        }));
    this.cells = new CellTable(bytes.slice(end));
    this.through = through;
  }
}

export class CampaignKpi {
  readonly timeline = new LateTimeline();
  /** Of a loaded timeline: events up to here are in it. */
  timelineThrough: string | undefined;
  readonly quarters = new Map<number, QuarterRow>();
  /** How often cells changed: what was merged from a range at an equal sum is still right. */
  readonly #changesByHour = new Map<number, number>();
  readonly #changesByDay = new Map<number, number>();

  constructor(readonly id: string) {}

  row(quarter: number): QuarterRow {
    let row = this.quarters.get(quarter);
    if (!row) {
      row = new QuarterRow(this, quarter);
      this.quarters.set(quarter, row);
    }
    return row;
  }

  noteChange(quarter: number): void {
    increase(this.#changesByHour, Math.floor(quarter / quartersPerHour));
    increase(this.#changesByDay, Math.floor(quarter / quartersPerDay));
  }

  *rowsIn(from: number, to: number): Iterable<QuarterRow> {
    if (to - from > this.quarters.size) {
      for (const row of this.quarters.values()) {
        if (row.quarter >= from && row.quarter < to) yield row;
      }
      return;
    }
    for (let quarter = from; quarter < to; quarter++) {
      const row = this.quarters.get(quarter);
      if (row) yield row;
    }
  }

  /**
   * Every cell of the quarters. A range of an hour or more is merged from its days, a day from its
   * hours, and remembered: a change costs the next query one hour, one day and what holds them.
   */
  visitCells(from: number, to: number, memo: RangeMemo, visitor: CellVisitor): void {
    if (to - from < quartersPerHour) {
      for (const row of this.rowsIn(from, to)) row.cells.visit(visitor);
      return;
    }
    const key = `${this.id} ${from} ${to}`;
    const changes = this.#changesIn(from, to);
    if (changes === 0) return;
    let merged = memo.get(key, changes);
    if (!merged) {
      merged = this.#merge(from, to, memo);
      memo.set(key, changes, merged);
    }
    new CellTable(merged).visit(visitor);
  }

  #merge(from: number, to: number, memo: RangeMemo): Uint8Array {
    const step = to - from > quartersPerDay
      ? quartersPerDay
      : to - from > quartersPerHour
      ? quartersPerHour
      : 1;
    const merged = new CellTable();
    try {
      for (let start = from; start < to;) {
        const end = Math.min((Math.floor(start / step) + 1) * step, to);
        this.visitCells(start, end, memo, (shape, count, devices, users) => {
          const cell = merged.cell(shape);
          cell.count += count;
          if (devices) cell.devices.addAll(devices);
          if (users) cell.users.addAll(users);
        });
        start = end;
      }
      return merged.encode();
    } finally {
      merged.dispose();
    }
  }

  /** Of all quarters of the hours that the range touches. */
  #changesIn(from: number, to: number): number {
    let sum = 0;
    for (let quarter = from; quarter < to;) {
      const isDay = quarter % quartersPerDay === 0 && to - quarter >= quartersPerDay;
      const step = isDay ? quartersPerDay : quartersPerHour;
      const index = Math.floor(quarter / step);
      sum += (isDay ? this.#changesByDay : this.#changesByHour).get(index) ?? 0;
      quarter = (index + 1) * step;
    }
    return sum;
  }
}

function increase(counts: Map<number, number>, key: number): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}

type EncodedWaiting = [
  number,
  number,
  number,
  string | null,
  Platform,
  string | null,
  number,
];
