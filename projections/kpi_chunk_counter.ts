/**
 * Counts the items of one chunk. Rows, shapes and cells are looked up once for each combination in the
 * chunk, by the numbers of its dictionaries.
 */
import {
  chunkPlatforms,
  type DecodedChunk,
  interactionKinds,
} from "../events/interaction_chunk.ts";
import type { RecordedEvent } from "../events/recorded_event.ts";
import { type KeyedShape, keyedShape } from "./kpi_cell_shape.ts";
import { quarterMs, type QuarterRow, shapeOf, type WaitingImpression } from "./kpi_quarter.ts";

export class ChunkCounter<Row extends QuarterRow = QuarterRow> {
  readonly #rows: RowInChunk<Row>[] = [];
  /** By campaign the last one, and the others by its number and quarter. */
  readonly #lastRows: (RowInChunk<Row> | undefined)[] = [];
  readonly #rowsByKey = new Map<number, RowInChunk<Row>>();
  readonly #shapes: KeyedShape[] = [];
  /** Arrays, because numbers are mostly small; large ones only make them slower. */
  readonly #shapeNumbers: number[] = [];
  readonly #revisionNumbers: number[] = [];
  #revisionCount = 0;

  constructor(
    private readonly chunk: DecodedChunk,
    private readonly recorded: RecordedEvent,
    /** Null when the row has the event already. */
    private readonly openRow: (campaignId: string, quarter: number) => Row | null,
  ) {}

  /** Takes items whose ids are new; those that are in no metric are left out. */
  countAll(items: Uint32Array): void {
    for (const index of items) this.#count(index);
  }

  *changed(): Iterable<Row> {
    for (const { row } of this.#rows) if (row) yield row;
  }

  #count(index: number): void {
    const { chunk } = this;
    const kind = chunk.kind[index]!;
    if (kind > clickCode) return;
    const campaign = chunk.campaign[index]!;
    if (campaign === 0) return;
    const inChunk = this.#rowInChunk(campaign, Math.floor(chunk.occurredAtMs[index]! / quarterMs));
    const { row } = inChunk;
    if (!row || (kind !== clickCode && this.#isNotCounted(row, inChunk.isNeverLate, index))) return;
    row.cells.add(this.#cell(inChunk, row, index), chunk.device[index]!, chunk.user[index]!);
  }

  /** Whether an impression has to wait, or is late. */
  #isNotCounted(row: Row, isNeverLate: boolean, index: number): boolean {
    const occurredAtMs = this.chunk.occurredAtMs[index]!;
    if (isNeverLate && occurredAtMs <= this.recorded.timeMs) return false;
    const { timeline } = row.campaign;
    if (!timeline.isSettled(occurredAtMs, this.recorded.timeMs)) {
      row.waiting.push(this.#waitingImpression(index));
      return true;
    }
    if (!timeline.isLate(occurredAtMs)) return false;
    row.late++;
    return true;
  }

  #rowInChunk(campaign: number, quarter: number): RowInChunk<Row> {
    const last = this.#lastRows[campaign];
    if (last?.quarter === quarter) return last;
    // A chunk has fewer than 2^21 campaigns, and a quarter's number fits 33 bits.
    const key = quarter * 2 ** 21 + campaign;
    let found = this.#rowsByKey.get(key);
    if (!found) {
      const row = this.openRow(this.chunk.campaigns[campaign - 1]!, quarter);
      const isNeverLate = row?.campaign.timeline.isNeverLate ?? true;
      found = { quarter, row, isNeverLate, looked: 0, cells: [] };
      this.#rows.push(found);
      this.#rowsByKey.set(key, found);
    }
    return this.#lastRows[campaign] = found;
  }

  #cell(inChunk: RowInChunk<Row>, row: Row, index: number): number {
    const number = this.#shapeNumber(index);
    if (inChunk.looked < looksMax) {
      inChunk.looked++;
      return row.cells.cell(this.#shapes[number]!);
    }
    const { cells } = inChunk;
    const known = cells[number];
    if (known !== undefined) return known;
    return cells[number] = row.cells.cell(this.#shapes[number]!);
  }

  #shapeNumber(index: number): number {
    const { chunk } = this;
    let combination = this.#revisionNumber(chunk.revision[index]!);
    combination = combination * (chunk.elements.length + 1) + chunk.element[index]!;
    combination = combination * (chunk.variants.length + 1) + chunk.variant[index]!;
    combination = combination * chunkPlatforms.length + chunk.platform[index]!;
    combination = combination * 2 + chunk.kind[index]!;
    const known = this.#shapeNumbers[combination];
    if (known !== undefined) return known;
    const kind = chunk.kind[index] === clickCode ? "click" : "impression";
    const shape = keyedShape(shapeOf(kind, this.#waitingImpression(index)));
    return this.#shapeNumbers[combination] = this.#shapes.push(shape) - 1;
  }

  #revisionNumber(revision: number): number {
    return this.#revisionNumbers[revision] ??= this.#revisionCount++;
  }

  #waitingImpression(index: number): WaitingImpression {
    const { chunk } = this;
    return {
      occurredAtMs: chunk.occurredAtMs[index]!,
      device: chunk.device[index]!,
      user: chunk.user[index]!,
      element: chunk.elements[chunk.element[index]! - 1] ?? null,
      platform: chunkPlatforms[chunk.platform[index]!]!,
      variant: chunk.variants[chunk.variant[index]! - 1] ?? null,
      revision: chunk.revision[index]!,
    };
  }
}

interface RowInChunk<Row extends QuarterRow> {
  readonly quarter: number;
  readonly row: Row | null;
  readonly isNeverLate: boolean;
  /** How many cells were looked up in the row itself. */
  looked: number;
  /** By the number of the shape in the chunk. */
  readonly cells: number[];
}

/** A row with no more items in the chunk is not worth a list of its cells. */
const looksMax = 8;
const clickCode = interactionKinds.indexOf("click");
