/**
 * Folds the whole log into a fresh model, compares the live rows with it, writes it into a slot beside
 * the live one and switches to that in the last commit. Servers on the same store go on meanwhile and
 * take the new slot over when they notice the switch. The slot before stays for a way back.
 */
import { type Projection, readsBodiesOf } from "../../projections/projection.ts";
import type { RecordedEvent } from "../../events/recorded_event.ts";
import { cursorAtStart, keys, type LogReader, retried } from "../event_store/mod.ts";
import { Comparer, type Comparison } from "./compare.ts";
import { FreshRows } from "./fresh_rows.ts";
import { JudgedAhead } from "./judged_ahead.ts";
import { nextSlotName, revisionOf } from "./mounted.ts";
import { replay } from "./replay.ts";
import {
  type Checkpoint,
  type Live,
  Slot,
  SlotMovedError,
  slotsOf,
  type StoredRow,
  type Versioned,
} from "./slot.ts";

/** Events between two calls of `onProgress`. */
const progressEvery = 10_000;
/** The slot is written anew when a commit failed or was sent twice. */
const triesMax = 5;

/** The rebuild cannot be done, and has changed nothing. */
export class RebuildError extends Error {
  override readonly name = "RebuildError";
}

export interface RebuildOptions {
  readonly kv: Deno.Kv;
  readonly reader: LogReader;
  readonly create: () => Projection;
  /** Compares only. */
  readonly dryRun?: boolean;
  onProgress?(progress: { events: number; position: string }): void;
}

export interface Rebuilt {
  readonly projection: string;
  /** Events folded, up to this position. */
  readonly eventCount: number;
  readonly position: string;
  readonly rowCount: number;
  /** Null where there were no rows of this revision of the code. */
  readonly comparison: Comparison | null;
  /** The new live slot and the one before; null in a dry run. */
  readonly live: Live | null;
}

export async function rebuild(options: RebuildOptions): Promise<Rebuilt> {
  const { kv, reader, create, dryRun = false } = options;
  const model = create();
  const live = await readLive(kv, model.name);
  const comparer = await comparerOf(kv, model, live.value);
  using judgedAhead = new JudgedAhead();
  const fold = new Fold(model, comparer, judgedAhead, options);
  await fold.toEnd(reader);
  const comparison = comparer && await comparer.finish(fold.rows);
  let switched: Live | null = null;
  if (!dryRun) {
    // What was appended while all this was compared.
    await fold.toEnd(reader);
    switched = await write(kv, model, fold.at, live);
    await removeOlder(kv, model, switched);
  }
  return {
    projection: model.name,
    eventCount: fold.eventCount,
    position: fold.at.position,
    rowCount: [...model.rowKeys()].length,
    comparison,
    live: switched,
  };
}

/** Makes the slot before the live one again; the rows that it lacks are folded from the log. */
export async function switchBack(kv: Deno.Kv, projection: string): Promise<Live> {
  const live = await readLive(kv, projection);
  const previous = live.value?.previous ?? null;
  if (!live.value || previous === null) {
    throw new RebuildError(`${projection} has no slot before the live one to go back to`);
  }
  const back: Live = { slot: previous, previous: live.value.slot };
  if (!(await new Slot(kv, projection, previous).checkpoint()).value) {
    throw new RebuildError(`slot ${previous} of ${projection} holds nothing to go back to`);
  }
  const key = keys.live(projection);
  const result = await retried(() =>
    kv.atomic().check({ key, versionstamp: live.versionstamp }).set(key, back).commit()
  );
  // A commit that was sent twice reports a conflict with itself.
  const now = result.ok ? back : (await readLive(kv, projection)).value;
  if (now?.slot !== previous) throw new RebuildError("another rebuild switched slots first");
  return back;
}

/** A model and the place that it has been folded to. */
class Fold {
  at: Checkpoint = { ...cursorAtStart, hash: "" };
  eventCount = 0;
  readonly rows: FreshRows;

  constructor(
    readonly model: Projection,
    readonly comparer: Comparer | null,
    readonly judgedAhead: JudgedAhead,
    readonly options: RebuildOptions,
  ) {
    this.rows = new FreshRows(model);
  }

  async toEnd(reader: LogReader): Promise<void> {
    const rows = replay(reader, this.at, (type) => readsBodiesOf(this.model, type));
    for await (const { events } of this.judgedAhead.over(rows)) {
      for (const recorded of events) {
        const comparing = this.comparer?.before(recorded, this.rows);
        if (comparing) await comparing;
        this.#fold(recorded);
      }
    }
  }

  #fold(recorded: RecordedEvent): void {
    try {
      this.model.fold(recorded);
    } catch (cause) {
      throw new RebuildError(
        `${this.model.name} cannot fold the event at ${recorded.position}: ${cause}`,
        { cause },
      );
    }
    this.at = { position: recorded.position, timeMs: recorded.timeMs, hash: recorded.hash };
    if (++this.eventCount % progressEvery !== 0) return;
    this.options.onProgress?.({ events: this.eventCount, position: recorded.position });
  }
}

function readLive(kv: Deno.Kv, projection: string): Promise<Versioned<Live>> {
  return retried(() => kv.get<Live>(keys.live(projection), { consistency: "strong" }));
}

/** Rows of another revision of the code are other rows. */
async function comparerOf(
  kv: Deno.Kv,
  model: Projection,
  live: Live | null,
): Promise<Comparer | null> {
  if (!live || revisionOf(live.slot) !== model.revision) return null;
  return await Comparer.of(new Slot(kv, model.name, live.slot));
}

async function write(
  kv: Deno.Kv,
  model: Projection,
  at: Checkpoint,
  live: Versioned<Live>,
): Promise<Live> {
  if (revisionOf(live.value?.slot) > model.revision) {
    throw new RebuildError(
      `the live slot ${live.value!.slot} of ${model.name} was made by newer code`,
    );
  }
  const slot = new Slot(kv, model.name, nextSlotName(model.revision, live.value));
  const value: Live = { slot: slot.name, previous: live.value?.slot ?? null };
  for (let tries = 1;; tries++) {
    try {
      // A rebuild that was interrupted may have left rows.
      await slot.clear(live.versionstamp);
      const empty = { value: null, versionstamp: null };
      await slot.write(empty, at, rowsOf(model, at), { expected: live.versionstamp, value });
      return value;
    } catch (error) {
      // The commit that switched may be stored though its reply was lost.
      const now = await readLive(kv, model.name);
      if (now.value?.slot === slot.name) return now.value;
      if (now.versionstamp !== live.versionstamp) {
        throw new RebuildError(`the live slot of ${model.name} was switched meanwhile`);
      }
      if (tries < triesMax) continue;
      if (!(error instanceof SlotMovedError)) throw error;
      throw new RebuildError(`another rebuild of ${model.name} is under way`);
    }
  }
}

function* rowsOf(model: Projection, { position }: Checkpoint): Generator<StoredRow> {
  for (const key of model.rowKeys()) {
    yield { key, bytes: model.encodeRow(key), through: position };
  }
}

async function removeOlder(kv: Deno.Kv, model: Projection, { slot, previous }: Live) {
  const { value, versionstamp } = await readLive(kv, model.name);
  if (value?.slot !== slot) return;
  for (const other of await retried(() => slotsOf(kv, model.name))) {
    const kept = other.name === slot || other.name === previous;
    // Newer code may be filling its first slot.
    if (kept || revisionOf(other.name) > model.revision) continue;
    try {
      await other.clear(versionstamp);
    } catch (error) {
      // Whoever switched meanwhile removes what is too old then.
      if (!(error instanceof SlotMovedError)) throw error;
    }
  }
}
