/**
 * Rows that do not change any more. They leave memory once they are stored, where there is a store, and
 * are read back when a question needs them. A question is answered in one turn: where rows are missing
 * it is asked again when they are there.
 */
import { ByteCache, type Cached } from "./byte_cache.ts";
import { type Breakdown, BreakdownTally, type FrozenBreakdown } from "./kpi_breakdown.ts";
import { CellTable } from "./kpi_cells.ts";
import { ClosedDay } from "./kpi_closed_day.ts";
import { type FrozenTally, Tally } from "./kpi_tally.ts";
import type { RowSource } from "./projection.ts";

export const coldKeys = {
  day: (campaignId: string, day: number) => `cold/day/${campaignId}/${day}`,
  sum: (campaignId: string, day: number) => `cold/sum/${campaignId}/${day}`,
  span: (campaignId: string, span: number) => `cold/span/${campaignId}/${span}`,
};

/** What is kept of a day that still changes begins so, in either cache. */
export function openPrefix(day: number): string {
  return `open/${day}/`;
}

const cacheBytesMaxDefault = 96 * 1024 * 1024;
/** A month of ten million interactions and a million devices takes half of it. */
const unitedBytesMax = 40 * 1024 * 1024;
/** A selection of campaigns that was asked about before so many others is forgotten. */
const selectionsMax = 64;

export class ColdRows {
  /** Those that are in no store yet. */
  readonly #unstored = new Map<string, Uint8Array>();
  #source: RowSource | null = null;
  /** What rows were decoded to. */
  readonly cache: ByteCache;
  /** What selections of campaigns have on days, in spans and in runs of days. */
  readonly united = new ByteCache(unitedBytesMax);
  readonly #selections = new Map<string, string>();
  #selectionsNamed = 0;

  constructor(cacheBytesMax = cacheBytesMaxDefault) {
    this.cache = new ByteCache(cacheBytesMax);
  }

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

  /** The day is closed: what was kept of it holds on to its rows, and nobody will ask for it. */
  forgetOpen(day: number): void {
    for (const cache of [this.cache, this.united]) cache.forgetPrefix(openPrefix(day));
  }

  cached<T extends Cached>(key: string, make: () => T | null): T | null {
    const found = this.cache.get<T>(key);
    if (found) return found;
    const made = make();
    if (made) this.cache.set(key, made);
    return made;
  }

  /**
   * A short name of the campaigns, for which it is worth while to keep what they have together; null
   * where nobody asked about just these before.
   */
  selection(campaigns: readonly string[]): string | null {
    const key = JSON.stringify([...new Set(campaigns)].sort());
    const name = this.#selections.get(key);
    this.#selections.delete(key);
    this.#selections.set(key, name ?? String(this.#selectionsNamed++));
    for (const oldest of this.#selections.keys()) {
      if (this.#selections.size <= selectionsMax) break;
      this.#selections.delete(oldest);
    }
    return name ?? null;
  }

  async read(keys: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> {
    if (!this.#source) throw new Error(`there is no store to read ${keys[0]} from`);
    return await this.#source.read(keys);
  }
}

/** The cold rows that one question needs. */
export class ColdReading {
  readonly missing = new Set<string>();
  readonly #held = new Map<string, Uint8Array>();
  #together: string | null | undefined;

  constructor(readonly rows: ColdRows) {}

  async load(): Promise<void> {
    const read = await this.rows.read([...this.missing]);
    for (const [key, bytes] of read) this.#held.set(key, bytes);
    this.missing.clear();
  }

  /** The name under which what the campaigns have together is kept; null where it is not. */
  together(campaigns: readonly string[] | undefined): string | null {
    if (!campaigns) return "all";
    if (this.#together === undefined) this.#together = this.rows.selection(campaigns);
    return this.#together;
  }

  day(key: string, day: number): ClosedDay | null {
    return this.rows.cached(key, () => this.#made(key, (bytes) => new ClosedDay(day, bytes)));
  }

  breakdown(key: string, by: Breakdown): FrozenBreakdown | null {
    return this.rows.cached(`${key} ${by}`, () =>
      this.#made(key, (bytes) => {
        const tally = new BreakdownTally(by);
        new CellTable(bytes).visit(tally.add);
        return tally.freeze();
      }));
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
