/**
 * Compares the rows of a slot with what the log gives. A row may be ahead of its slot's checkpoint (see
 * `projections/projection.ts`), so each is compared when the fold has reached the place where the row
 * stands: the checkpoint, or the row's own `through` where that is later.
 */
import type { RecordedEvent } from "../../events/recorded_event.ts";
import type { Projection } from "../../projections/projection.ts";
import { retried, sha256Hex } from "../event_store/mod.ts";
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

/** What is kept of a stored row until the fold has come to its place. */
interface Expected {
  readonly sha256: string;
  readonly bytes: number;
}

export class Comparer {
  readonly #byPlace = new Map<string, Map<string, Expected>>();
  readonly #places: string[];
  #nextPlace = 0;
  readonly #storedKeys = new Set<string>();
  #aheadCount = 0;
  #differenceCount = 0;
  readonly #differences: { difference: Difference; bytes: Uint8Array | null }[] = [];

  private constructor(
    readonly slot: Slot,
    readonly checkpoint: Checkpoint,
    rows: ReadonlyMap<string, Expected & { through: string }>,
    damaged: readonly RowDamagedError[],
    readonly pacing: Pacing,
  ) {
    this.#byPlace.set(checkpoint.position, new Map());
    for (const [key, { through, ...expected }] of rows) {
      const ahead = through > checkpoint.position;
      if (ahead) this.#aheadCount++;
      const place = ahead ? through : checkpoint.position;
      const there = this.#byPlace.get(place) ?? new Map<string, Expected>();
      this.#byPlace.set(place, there.set(key, expected));
      this.#storedKeys.add(key);
    }
    this.#places = [...this.#byPlace.keys()].sort();
    for (const { key, cause } of damaged) {
      this.#storedKeys.add(key);
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
      const { rows, damaged } = await retried(() => readExpected(slot));
      // A flush meanwhile may have removed rows that were there at the checkpoint.
      const isStill = (await slot.checkpoint()).versionstamp === before.versionstamp;
      if (!isStill && tries < readTriesMax) continue;
      return new Comparer(slot, before.value, rows, damaged, pacing);
    }
  }

  /** The last place at which rows are compared. */
  get lastPlace(): string {
    return this.#places.at(-1)!;
  }

  /**
   * To be called before `model`, fresh at the log's beginning, folds the event. Undefined: nothing is
   * compared before it; else the model must wait.
   */
  before(recorded: RecordedEvent, model: Projection): Promise<void> | undefined {
    const place = this.#places[this.#nextPlace];
    if (place === undefined || recorded.position <= place) return undefined;
    return this.#compareBefore(recorded.position, model);
  }

  async #compareBefore(position: string, model: Projection): Promise<void> {
    for (; this.#nextPlace < this.#places.length; this.#nextPlace++) {
      const place = this.#places[this.#nextPlace]!;
      if (position <= place) return;
      await this.#compareAt(place, model);
    }
  }

  /** To be called at the end of the log. */
  async finish(model: Projection): Promise<Comparison> {
    for (; this.#nextPlace < this.#places.length; this.#nextPlace++) {
      await this.#compareAt(this.#places[this.#nextPlace]!, model);
    }
    const differences: Difference[] = [];
    for (const { difference, bytes } of this.#differences) {
      const where = bytes && await this.#firstDifference(difference.key, bytes);
      differences.push(
        where ? { ...difference, detail: `${difference.detail}; ${where}` } : difference,
      );
    }
    return {
      position: this.checkpoint.position,
      rowCount: this.#storedKeys.size,
      aheadCount: this.#aheadCount,
      differenceCount: this.#differenceCount,
      differences,
    };
  }

  async #compareAt(place: string, model: Projection): Promise<void> {
    const freshKeys = new Set(model.rowKeys());
    for (const [key, stored] of this.#byPlace.get(place)!) {
      if (!freshKeys.has(key)) {
        // A crash can come before it is deleted.
        if (model.isLeftover?.(key)) continue;
        this.#note({ key, fault: "too many", detail: "the log gives no such row" });
        continue;
      }
      if (this.pacing.isDue) await this.pacing.rest();
      const bytes = model.encodeRow(key);
      if (bytes.length === stored.bytes && sha256Hex(bytes) === stored.sha256) continue;
      const detail = `${stored.bytes} bytes stored, ${bytes.length} from the log`;
      this.#note({ key, fault: "differs", detail }, bytes);
    }
    if (place !== this.checkpoint.position) return;
    for (const key of freshKeys) {
      if (this.#storedKeys.has(key)) continue;
      this.#note({ key, fault: "missing", detail: "the log gives this row, the slot lacks it" });
    }
  }

  #note(difference: Difference, bytes: Uint8Array | null = null): void {
    this.#differenceCount++;
    if (this.#differences.length >= describedMax) return;
    this.#differences.push({ difference, bytes: bytes?.slice() ?? null });
  }

  /** Where stored and fresh bytes part, with what stands there. */
  async #firstDifference(key: string, fresh: Uint8Array): Promise<string | null> {
    const stored = await retried(() => this.slot.row(key)).catch(() => null);
    if (!stored) return null;
    const index = fresh.findIndex((byte, at) => byte !== stored.bytes[at]);
    const at = index < 0 ? fresh.length : index;
    return `at byte ${at} stored ${excerpt(stored.bytes, at)}, from the log ${excerpt(fresh, at)}`;
  }
}

async function readExpected(slot: Slot) {
  const rows = new Map<string, Expected & { through: string }>();
  const damaged: RowDamagedError[] = [];
  for (const temperature of ["hot", "cold"] as const) {
    const stored = slot.rows(temperature, (error) => damaged.push(error));
    for await (const { key, bytes, through } of stored) {
      rows.set(key, { sha256: sha256Hex(bytes), bytes: bytes.length, through });
    }
  }
  return { rows, damaged };
}

function excerpt(bytes: Uint8Array, at: number): string {
  const some = bytes.subarray(Math.max(0, at - excerptLength / 3), at + excerptLength);
  return JSON.stringify(new TextDecoder().decode(some));
}
