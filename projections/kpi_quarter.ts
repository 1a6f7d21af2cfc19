/**
 * What is kept of one campaign and quarter-hour (UTC) that can still change. Impressions that cannot be
 * judged yet wait in the row of their own quarter, so that a row is right by itself wherever its
 * `through` stands.
 */
import type { RecordedEvent } from "../events/recorded_event.ts";
import type { Platform } from "../events/workspace_events.ts";
import { type CellShape, keyedShape } from "./kpi_cell_shape.ts";
import { CellTable } from "./kpi_cells.ts";
import type { LateTimeline } from "./kpi_late.ts";
import { ByteReader, ByteWriter } from "./number_bytes.ts";

export const quarterMs = 15 * 60 * 1000;
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

/** What a row needs of its campaign. */
export interface RowOwner {
  readonly id: string;
  readonly timeline: LateTimeline;
}

export class QuarterRow<Owner extends RowOwner = RowOwner> {
  /** Impressions that are late. */
  late = 0;
  waiting: WaitingImpression[] = [];
  cells = new CellTable();
  /** How often the row changed in this process. */
  changes = 0;
  /** Under which it is stored; kept by whoever stores it, for as long as it changes often. */
  key: string | undefined;
  /** Of a loaded row: events up to here are in it. */
  through: string | undefined;

  constructor(
    readonly campaign: Owner,
    readonly quarter: number,
    /** Whether its day was closed before. */
    readonly isLoose = false,
  ) {}

  /** Counts an impression that can be judged, or a click. */
  count(kind: CellShape["kind"], item: WaitingImpression): void {
    if (kind === "impression" && this.campaign.timeline.isLate(item.occurredAtMs)) this.late++;
    else this.cells.add(this.cells.cell(keyedShape(shapeOf(kind, item))), item.device, item.user);
  }

  /** Judges what can be judged by now. True when the row changed. */
  settle(recordedMs: number): boolean {
    const { timeline } = this.campaign;
    const isSettled = ({ occurredAtMs }: WaitingImpression) =>
      timeline.isSettled(occurredAtMs, recordedMs);
    const settled = this.waiting.filter(isSettled);
    if (settled.length === 0) return false;
    this.waiting = this.waiting.filter((item) => !isSettled(item));
    for (const item of settled) this.count("impression", item);
    return true;
  }

  /** Late ones as it would be if nothing more were recorded. */
  get lateByNow(): number {
    const { timeline } = this.campaign;
    return this.waiting.reduce(
      (sum, { occurredAtMs }) => sum + (timeline.isLate(occurredAtMs) ? 1 : 0),
      this.late,
    );
  }

  /** Those that wait and count, as it would be if nothing more were recorded. */
  get countedByNow(): WaitingImpression[] {
    const { timeline } = this.campaign;
    return this.waiting.filter(({ occurredAtMs }) => !timeline.isLate(occurredAtMs));
  }

  /** Whether it has an interaction that counts in the nine metrics. */
  get counts(): boolean {
    return !this.cells.isEmpty || this.countedByNow.length > 0;
  }

  /** `late · JSON of the waiting · cells`. */
  encode(): Uint8Array {
    const cells = this.cells.encode();
    // Nearly all rows.
    if (this.waiting.length === 0 && this.late < 0x80) {
      const bytes = new Uint8Array(2 + cells.length);
      bytes[0] = this.late;
      bytes.set(cells, 2);
      return bytes;
    }
    const writer = new ByteWriter();
    writer.count(this.late);
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
    writer.text(waiting.length === 0 ? "" : `[${waiting.join()}]`);
    writer.bytes(cells);
    return writer.take();
  }

  load(bytes: Uint8Array, through: string): void {
    this.through = through;
    // Nearly all rows: a start loads many, and a reader costs more than all the rest.
    if (bytes.length > 2 && bytes[0]! < 0x80 && bytes[1] === 0) {
      this.late = bytes[0]!;
      this.cells = CellTable.loaded(bytes.subarray(2));
      return;
    }
    const reader = new ByteReader(bytes);
    this.late = reader.count();
    const json = reader.text();
    if (json !== "") {
      this.waiting = (JSON.parse(json) as EncodedWaiting[]).map((
        [occurredAtMs, device, user, element, platform, variant, revision],
      ) => ({ occurredAtMs, device, user, element, platform, variant, revision }));
    }
    this.cells = CellTable.loaded(bytes.slice(reader.offset));
  }
}

/** Whether what was loaded has the event already. */
export function isThrough(loaded: { through: string | undefined }, event: RecordedEvent): boolean {
  if (loaded.through === undefined) return false;
  if (event.position <= loaded.through) return true;
  loaded.through = undefined;
  return false;
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
