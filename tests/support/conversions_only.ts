/**
 * Conversions without the rest of the KPI read model, which would take most of the time of a test with a
 * million interactions. Which ids are new is found out once for the whole log.
 */
import type { RecordedEvent } from "../../events/recorded_event.ts";
import { Conversions } from "../../projections/conversions.ts";
import type { Projection } from "../../projections/projection.ts";
import { chunkOf } from "../../projections/recorded_chunk.ts";

/** The indexes of items whose id no item before has, by the position of their event. */
export type NewItems = ReadonlyMap<string, readonly number[]>;

export function newItemsOf(events: readonly RecordedEvent[]): NewItems {
  const seen = new Set<string>();
  const newItems = new Map<string, number[]>();
  for (const recorded of events) {
    if (!recorded.body) continue;
    const { count, digests } = chunkOf(recorded);
    const indexes: number[] = [];
    for (let index = 0; index < count; index++) {
      const digest = digests.subarray(index * 16, index * 16 + 16).join();
      if (seen.has(digest)) continue;
      seen.add(digest);
      indexes.push(index);
    }
    newItems.set(recorded.position, indexes);
  }
  return newItems;
}

export class ConversionsOnly implements Projection {
  readonly name = "conversions";
  readonly revision = 1;
  readonly #dirty = new Set<string>();
  readonly conversions = new Conversions((rowKey) => {
    this.#dirty.delete(rowKey);
    this.#dirty.add(rowKey);
  });

  constructor(readonly newItems: NewItems) {}

  fold(recorded: RecordedEvent): void {
    this.conversions.advance(recorded.timeMs);
    this.conversions.fold(recorded);
    if (!recorded.body) return;
    const items = Uint32Array.from(this.newItems.get(recorded.position)!);
    this.conversions.foldItems(recorded, chunkOf(recorded), items);
  }

  takeDirty(): string[] {
    const keys = [...this.#dirty];
    this.#dirty.clear();
    return keys;
  }

  encodeRow(key: string): Uint8Array {
    return this.conversions.encodeRow(key);
  }

  loadRow(key: string, bytes: Uint8Array): void {
    this.conversions.loadRow(key, bytes);
  }

  rowKeys(): Iterable<string> {
    return this.conversions.rowKeys();
  }

  recallFrom(checkpointMs: number): undefined {
    this.conversions.advance(checkpointMs);
  }
}
