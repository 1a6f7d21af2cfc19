/**
 * A read model whose rows are stored as the projector stores them: flushed from time to time, and after
 * a crash in the middle of a flush loaded again with some rows ahead of the checkpoint.
 */
import type { RecordedEvent } from "../../events/recorded_event.ts";
import { coldPrefix, type Projection } from "../../projections/projection.ts";
import { assertEquals } from "@std/assert";

export class StoredProjection<Model extends Projection> {
  model: Model;
  readonly rows = new Map<string, { bytes: Uint8Array; through: string }>();
  /** Events folded, and of these how many the checkpoint has. */
  #folded = 0;
  #checkpoint = 0;

  constructor(
    readonly create: () => Model,
    readonly events: readonly RecordedEvent[],
  ) {
    this.model = create();
  }

  get isAtEnd(): boolean {
    return this.#folded === this.events.length;
  }

  fold(count: number): void {
    for (let i = 0; i < count && !this.isAtEnd; i++) this.model.fold(this.events[this.#folded++]!);
  }

  flush(): void {
    this.#store(Infinity);
    this.#checkpoint = this.#folded;
  }

  /** Stores the first so many rows in the order in which they would be, and starts again. */
  crash(rowCount: number): void {
    this.#store(rowCount);
    this.model = this.create();
    for (const key of [...this.rows.keys()].sort()) {
      const { bytes, through } = this.rows.get(key)!;
      if (!key.startsWith(coldPrefix)) this.model.loadRow(key, bytes, through);
    }
    this.model.attach?.({
      read: (keys) => Promise.resolve(new Map(keys.map((key) => [key, this.rows.get(key)!.bytes]))),
    });
    const checkpointMs = this.events[this.#checkpoint - 1]?.timeMs ?? 0;
    const from = this.model.recallFrom?.(checkpointMs);
    const again = this.events.slice(0, this.#checkpoint)
      .filter(({ position }) => from !== undefined && position >= from);
    for (const recorded of again) this.model.foresee?.(recorded);
    for (const recorded of again) this.model.recall?.(recorded);
    this.#folded = this.#checkpoint;
  }

  /** The rows in the store and those of the model are those of a model that never stopped. */
  assertRows(): void {
    this.flush();
    const fresh = this.create();
    for (const recorded of this.events.slice(0, this.#folded)) fresh.fold(recorded);
    const expected = digests([...fresh.rowKeys()].map((key) => [key, fresh.encodeRow(key)]));
    const { model } = this;
    // Cold rows have left memory.
    const bytesOf = (key: string) =>
      key.startsWith(coldPrefix) ? this.rows.get(key)!.bytes : model.encodeRow(key);
    assertEquals(digests([...model.rowKeys()].map((key) => [key, bytesOf(key)])), expected);
    assertEquals(digests([...this.rows].map(([key, { bytes }]) => [key, bytes])), expected);
  }

  #store(rowCount: number): void {
    const { model } = this;
    const through = this.events[this.#folded - 1]?.position ?? "";
    const dirty = new Set(model.takeDirty());
    const useless = [...dirty].filter((key) => model.isLeftover?.(key));
    const rows = [...dirty.difference(new Set(useless))].sort((left, right) =>
      Number(model.isIndex?.(left) ?? false) - Number(model.isIndex?.(right) ?? false)
    );
    for (const key of rows) {
      if (rowCount-- <= 0) return;
      this.rows.set(key, { bytes: model.encodeRow(key).slice(), through });
    }
    model.stored?.(rows);
    for (const key of useless) this.rows.delete(key);
  }
}

/** Short, so that a difference can be read. */
function digests(rows: readonly (readonly [string, Uint8Array])[]): Record<string, string> {
  const sorted = [...rows].sort(([left], [right]) => left < right ? -1 : 1);
  return Object.fromEntries(sorted.map(([key, bytes]) => {
    let hash = 0;
    for (const byte of bytes) hash = (Math.imul(hash, 31) + byte) >>> 0;
    return [key, `${bytes.length} ${hash}`];
  }));
}
