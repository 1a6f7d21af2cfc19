/**
 * Counts the items of one chunk. Rows and cells are looked up once for each combination in the chunk,
 * by the numbers of its dictionaries.
 */
import {
  chunkPlatforms,
  type DecodedChunk,
  interactionKinds,
} from "../events/interaction_chunk.ts";
import type { RecordedEvent } from "../events/recorded_event.ts";
import { quarterMs, type QuarterRow, shapeOf, type WaitingImpression } from "./kpi_campaign.ts";
import type { Cell } from "./kpi_cells.ts";

export class ChunkCounter {
  readonly #rows = new Map<number, RowInChunk>();
  #last: RowInChunk | undefined;
  readonly #revisions = new Map<number, number>();

  constructor(
    private readonly chunk: DecodedChunk,
    private readonly recorded: RecordedEvent,
    /** Null when the row has the event already. */
    private readonly openRow: (campaignId: string, quarter: number) => QuarterRow | null,
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
    this.#cell(inChunk, row, index).add(chunk.device[index]!, chunk.user[index]!);
  }

  *changed(): Iterable<QuarterRow> {
    for (const { row } of this.#rows.values()) if (row) yield row;
  }

  #rowInChunk(campaign: number, quarter: number): RowInChunk {
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

  #cell({ cells }: RowInChunk, row: QuarterRow, index: number): Cell {
    const { chunk } = this;
    const revision = this.#revisionNumber(chunk.revision[index]!);
    let key = chunk.element[index]! * (chunk.variants.length + 1) + chunk.variant[index]!;
    key = key * chunkPlatforms.length + chunk.platform[index]!;
    key = (key * 2 + chunk.kind[index]!) * chunk.count + revision;
    let cell = cells.get(key);
    if (!cell) {
      const kind = chunk.kind[index] === clickCode ? "click" : "impression";
      cell = row.cells.cell(shapeOf(kind, this.#waitingImpression(index)));
      cells.set(key, cell);
    }
    return cell;
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

interface RowInChunk {
  readonly key: number;
  readonly row: QuarterRow | null;
  readonly cells: Map<number, Cell>;
}

const clickCode = interactionKinds.indexOf("click");

/** Whether a loaded row has the event already. */
export function isThrough(row: QuarterRow, recorded: RecordedEvent): boolean {
  if (row.through === undefined) return false;
  if (recorded.position <= row.through) return true;
  row.through = undefined;
  return false;
}
