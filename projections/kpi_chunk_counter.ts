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
import { type CellShape, shapeKey } from "./kpi_cells.ts";
import { quarterMs, type QuarterRow, shapeOf, type WaitingImpression } from "./kpi_quarter.ts";

export class ChunkCounter<Row extends QuarterRow = QuarterRow> {
  readonly #rows = new Map<number, RowInChunk<Row>>();
  #last: RowInChunk<Row> | undefined;
  readonly #shapes = new Map<number, { readonly shape: CellShape; readonly key: string }>();
  readonly #revisions = new Map<number, number>();

  constructor(
    private readonly chunk: DecodedChunk,
    private readonly recorded: RecordedEvent,
    /** Null when the row has the event already. */
    private readonly openRow: (campaignId: string, quarter: number) => Row | null,
  ) {}

  /** Takes an item whose id is new; those that are in no metric are left out. */
  count(index: number): void {
    const { chunk } = this;
    if (chunk.kind[index]! > clickCode) return;
    const campaign = chunk.campaign[index]!;
    if (campaign === 0) return;
    const occurredAtMs = chunk.occurredAtMs[index]!;
    const inChunk = this.#rowInChunk(campaign, Math.floor(occurredAtMs / quarterMs));
    const { row } = inChunk;
    if (!row) return;
    if (chunk.kind[index]! !== clickCode) {
      const { timeline } = row.campaign;
      if (!timeline.isSettled(occurredAtMs, this.recorded.timeMs)) {
        row.waiting.push(this.#waitingImpression(index));
        return;
      }
      if (timeline.isLate(occurredAtMs)) {
        row.late++;
        return;
      }
    }
    row.cells.add(this.#cell(inChunk, row, index), chunk.device[index]!, chunk.user[index]!);
  }

  *changed(): Iterable<Row> {
    for (const { row } of this.#rows.values()) if (row) yield row;
  }

  #rowInChunk(campaign: number, quarter: number): RowInChunk<Row> {
    // A chunk has fewer than 2^21 campaigns, and a quarter's number fits 33 bits.
    const key = quarter * 2 ** 21 + campaign;
    if (this.#last?.key === key) return this.#last;
    let found = this.#rows.get(key);
    if (!found) {
      const row = this.openRow(this.chunk.campaigns[campaign - 1]!, quarter);
      found = { key, row, cells: new Map() };
      this.#rows.set(key, found);
    }
    this.#last = found;
    return found;
  }

  #cell({ cells }: RowInChunk<Row>, row: Row, index: number): number {
    const { chunk } = this;
    let number = chunk.element[index]! * (chunk.variants.length + 1) + chunk.variant[index]!;
    number = number * chunkPlatforms.length + chunk.platform[index]!;
    number = (number * 2 + chunk.kind[index]!) * chunk.count +
      this.#revisionNumber(chunk.revision[index]!);
    let cell = cells.get(number);
    if (!cell) {
      const { shape, key } = this.#shape(number, index);
      cell = row.cells.cell(shape, key);
      cells.set(number, cell);
    }
    return cell;
  }

  #shape(number: number, index: number): { readonly shape: CellShape; readonly key: string } {
    let found = this.#shapes.get(number);
    if (!found) {
      const kind = this.chunk.kind[index] === clickCode ? "click" : "impression";
      const shape = shapeOf(kind, this.#waitingImpression(index));
      found = { shape, key: shapeKey(shape) };
      this.#shapes.set(number, found);
    }
    return found;
  }

  #revisionNumber(revision: number): number {
    let number = this.#revisions.get(revision);
    if (number === undefined) {
      number = this.#revisions.size;
      this.#revisions.set(revision, number);
    }
    return number;
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
  readonly key: number;
  readonly row: Row | null;
  readonly cells: Map<number, number>;
}

const clickCode = interactionKinds.indexOf("click");
