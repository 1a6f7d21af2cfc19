/**
 * Rows that do not change any more. They leave memory once they are stored, where there is a store, and
 * are read back when a question needs them. A question is answered in one turn: where rows are missing
 * it is asked again when they are there.
 */
import { CellTable } from "./kpi_cells.ts";
import { ClosedDay } from "./kpi_closed_day.ts";
import { type FrozenTally, Tally } from "./kpi_tally.ts";
import type { RowSource } from "./projection.ts";

export const coldKeys = {
  day: (campaignId: string, day: number) => `cold/day/${campaignId}/${day}`,
  sum: (campaignId: string, day: number) => `cold/sum/${campaignId}/${day}`,
  span: (campaignId: string, span: number) => `cold/span/${campaignId}/${span}`,
};

const cacheBytesMaxDefault = 96 * 1024 * 1024;

interface Cached {
  readonly bytes: number;
}

export class ColdRows {
  /** Those that are in no store yet. */
  readonly #unstored = new Map<string, Uint8Array>();
  #source: RowSource | null = null;
  /** What rows were decoded to, the longest unused first. */
  readonly #cache = new Map<string, Cached>();
  #cachedBytes = 0;

  constructor(private readonly cacheBytesMax = cacheBytesMaxDefault) {}

  attach(source: RowSource): void {
    this.#source = source;
  }

  put(key: string, bytes: Uint8Array): void {
    this.#unstored.set(key, bytes);
  }

  /** A row that is in no store yet, or that there is no store for. */
  unstored(key: string): Uint8Array | undefined {
    return this.#unstored.get(key);
  }

  stored(keys: Iterable<string>): void {
    if (this.#source) { for (const key of keys) this.#unstored.delete(key); }
  }

  cached<T extends Cached>(key: string, make: () => T | null): T | null {
    const found = this.#cache.get(key) as T | undefined;
    if (found) {
      this.#cache.delete(key);
      this.#cache.set(key, found);
      return found;
    }
    const made = make();
    if (!made) return null;
    this.#cache.set(key, made);
    this.resized(key, made.bytes);
    return made;
  }

  /** Tells that what is cached takes more bytes, or less. */
  resized(key: string, moreBytes: number): void {
    if (!this.#cache.has(key)) return;
    this.#cachedBytes += moreBytes;
    for (const oldest of this.#cache.keys()) {
      if (this.#cachedBytes <= this.cacheBytesMax) return;
      this.#forget(oldest);
    }
  }

  async read(keys: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> {
    if (!this.#source) throw new Error(`there is no store to read ${keys[0]} from`);
    return await this.#source.read(keys);
  }

  #forget(key: string): void {
    this.#cachedBytes -= this.#cache.get(key)?.bytes ?? 0;
    this.#cache.delete(key);
  }
}

/** The cold rows that one question needs. */
export class ColdReading {
  readonly missing = new Set<string>();
  readonly #held = new Map<string, Uint8Array>();

  constructor(readonly rows: ColdRows) {}

  async load(): Promise<void> {
    const read = await this.rows.read([...this.missing]);
    for (const [key, bytes] of read) this.#held.set(key, bytes);
    this.missing.clear();
  }

  day(key: string, day: number): ClosedDay | null {
    return this.rows.cached(key, () => this.#made(key, (bytes) => new ClosedDay(day, bytes)));
  }

  cells(key: string): CellTable | null {
    const made = this.rows.cached(
      `${key} cells`,
      () => this.#made(key, (row) => ({ bytes: row.length, table: new CellTable(row) })),
    );
    return made?.table ?? null;
  }

  /** Of a day's cells. */
  sum(key: string): FrozenTally | null {
    return this.rows.cached(key, () =>
      this.#made(key, (bytes) => {
        const tally = new Tally();
        new CellTable(bytes).addTo(tally);
        return tally.freeze();
      }));
  }

  span(key: string): FrozenTally | null {
    return this.rows.cached(
      key,
      () => this.#made(key, (bytes) => Tally.decode(bytes).freeze()),
    );
  }

  #made<T>(key: string, make: (bytes: Uint8Array) => T): T | null {
    const bytes = this.#held.get(key) ?? this.rows.unstored(key);
    if (bytes) return make(bytes);
    this.missing.add(key);
    return null;
  }
}
