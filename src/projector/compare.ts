/**
 * Compares the rows of a slot with what the log gives. A row may be ahead of its slot's checkpoint (see
 * `projections/projection.ts`), so each is compared when the fold has reached the place where the row
 * stands: the checkpoint, or the row's own `through` where that is later.
 */
import type { RecordedEvent } from "../../events/recorded_event.ts";
import { retried, sha256Hex } from "../event_store/mod.ts";
import type { FreshRows } from "./fresh_rows.ts";
import { type Checkpoint, RowDamagedError, type Slot } from "./slot.ts";

/** Differences that are described; all are counted. */
const describedMax = 20;
const excerptLength = 60;
/** Rows are read anew when they were flushed meanwhile, which happens every few seconds. */
const readTriesMax = 5;

export interface Difference {
  readonly key: string;
  readonly fault: "differs" | "missing" | "too many" | "unreadable";
  readonly detail: string;
}

export interface Comparison {
  /** Of the checkpoint that the rows were compared at. */
  readonly position: string;
  /** Rows of the slot. */
  readonly rowCount: number;
  /** Those that were ahead of the checkpoint, and compared where they stood. */
  readonly aheadCount: number;
  readonly differenceCount: number;
  /** The first of them. */
  readonly differences: readonly Difference[];
}

/** Lets work that takes long rest between its steps, where others are to go on meanwhile. */
export interface Pacing {
  /** Asked after every small step. */
  readonly isDue: boolean;
  /** May throw to give the work up. */
  rest(): Promise<void>;
}

/** For work that nobody shares a thread with. */
export const unpaced: Pacing = { isDue: false, rest: () => Promise.resolve() };

/** SHA-256 of stored rows in hex, by their keys, by the place at which they are compared. */
type StoredHashes = ReadonlyMap<string, ReadonlyMap<string, string>>;

export class Comparer {
  readonly #stored: StoredHashes;
  readonly #places: string[];
  #nextPlace = 0;
  readonly #damagedKeys: ReadonlySet<string>;
  #differenceCount = 0;
  readonly #differences: { difference: Difference; bytes: Uint8Array | null }[] = [];

  private constructor(
    readonly slot: Slot,
    readonly checkpoint: Checkpoint,
    stored: StoredHashes,
    damaged: readonly RowDamagedError[],
    readonly pacing: Pacing,
  ) {
    this.#stored = stored;
    this.#places = [...stored.keys()].sort();
    this.#damagedKeys = new Set(damaged.map(({ key }) => key));
    for (const { key, cause } of damaged) {
      this.#note({ key, fault: "unreadable", detail: String(cause) });
    }
  }

  /**
   * Reads the slot's rows. Null where it has no checkpoint: nothing is certain about its rows then.
   * Throws `LogDamagedError` where the checkpoint is of another log.
   */
  static async of(slot: Slot, pacing: Pacing = unpaced): Promise<Comparer | null> {
    for (let tries = 1;; tries++) {
      const before = await slot.checkpoint();
      if (!before.value) return null;
      const { stored, damaged } = await retried(() => readHashes(slot, before.value!.position));
      // A flush meanwhile may have removed rows that were there at the checkpoint.
      const isStill = (await slot.checkpoint()).versionstamp === before.versionstamp;
      if (!isStill && tries < readTriesMax) continue;
      return new Comparer(slot, before.value, stored, damaged, pacing);
    }
  }

  /** The last place at which rows are compared. */
  get lastPlace(): string {
    return this.#places.at(-1)!;
  }

  /**
   * To be called before the rows' model, fresh at the log's beginning, folds the event. Undefined:
   * nothing is compared before it; else the model must wait.
   */
  before(recorded: RecordedEvent, rows: FreshRows): Promise<void> | undefined {
    const place = this.#places[this.#nextPlace];
    if (place === undefined || recorded.position <= place) return undefined;
    return this.#compareBefore(recorded.position, rows);
  }

  async #compareBefore(position: string, rows: FreshRows): Promise<void> {
    for (; this.#nextPlace < this.#places.length; this.#nextPlace++) {
      const place = this.#places[this.#nextPlace]!;
      if (position <= place) return;
      await this.#compareAt(place, rows);
    }
  }

  /** To be called at the end of the log. */
  async finish(rows: FreshRows): Promise<Comparison> {
    for (; this.#nextPlace < this.#places.length; this.#nextPlace++) {
      await this.#compareAt(this.#places[this.#nextPlace]!, rows);
    }
    const differences: Difference[] = [];
    for (const { difference, bytes } of this.#differences) {
      const where = bytes && await this.#firstDifference(difference.key, bytes);
      differences.push(where ? { ...difference, detail: where } : difference);
    }
    const { position } = this.checkpoint;
    const readCount = [...this.#stored.values()].reduce((count, rows) => count + rows.size, 0);
    return {
      position,
      rowCount: readCount + this.#damagedKeys.size,
      aheadCount: readCount - this.#stored.get(position)!.size,
      differenceCount: this.#differenceCount,
      differences,
    };
  }

  /** Whether another row is stored under the key. */
  differs(key: string, hash: string): boolean {
    return [...this.#stored.values()].some((rows) => rows.has(key) && rows.get(key) !== hash);
  }

  async #compareAt(place: string, rows: FreshRows): Promise<void> {
    const { model } = rows;
    const stored = this.#stored.get(place)!;
    let found = 0;
    for (const key of model.rowKeys()) {
      if (this.pacing.isDue) await this.pacing.rest();
      if (stored.has(key)) {
        found++;
        if (rows.hash(key) === stored.get(key)) continue;
        const detail = "the log gives another one";
        this.#note({ key, fault: "differs", detail }, model.encodeRow(key));
      } else if (place === this.checkpoint.position && !this.#isStored(key)) {
        this.#note({ key, fault: "missing", detail: "the log gives this row, the slot lacks it" });
      }
    }
    if (found === stored.size) return;
    for (const key of new Set(stored.keys()).difference(new Set(model.rowKeys()))) {
      // A crash can come before it is deleted.
      if (model.isLeftover?.(key)) continue;
      this.#note({ key, fault: "too many", detail: "the log gives no such row" });
    }
  }

  #isStored(key: string): boolean {
    return this.#damagedKeys.has(key) || [...this.#stored.values()].some((rows) => rows.has(key));
  }

  #note(difference: Difference, bytes: Uint8Array | null = null): void {
    this.#differenceCount++;
    if (this.#differences.length >= describedMax) return;
    this.#differences.push({ difference, bytes: bytes?.slice() ?? null });
  }

  /** Where stored and fresh bytes part, with what stands there; null: the stored row is not there now. */
  async #firstDifference(key: string, fresh: Uint8Array): Promise<string | null> {
    const stored = await retried(() => this.slot.row(key)).catch(() => null);
    if (!stored) return null;
    const index = fresh.findIndex((byte, at) => byte !== stored.bytes[at]);
    const at = index < 0 ? fresh.length : index;
    return `${stored.bytes.length} bytes stored, ${fresh.length} from the log; at byte ${at} ` +
      `stored ${excerpt(stored.bytes, at)}, from the log ${excerpt(fresh, at)}`;
  }
}

/** Rows that are ahead of the checkpoint are compared where they stand, the others there. */
async function readHashes(slot: Slot, checkpoint: string) {
  const stored = new Map([[checkpoint, new Map<string, string>()]]);
  const damaged: RowDamagedError[] = [];
  for (const temperature of ["hot", "cold"] as const) {
    const rows = slot.rows(temperature, (error) => damaged.push(error));
    for await (const { key, bytes, through } of rows) {
      const place = through > checkpoint ? through : checkpoint;
      const there = stored.get(place) ?? new Map<string, string>();
      stored.set(place, there.set(key, sha256Hex(bytes)));
    }
  }
  return { stored, damaged };
}

function excerpt(bytes: Uint8Array, at: number): string {
  const some = bytes.subarray(Math.max(0, at - excerptLength / 3), at + excerptLength);
  return JSON.stringify(new TextDecoder().decode(some));
}
