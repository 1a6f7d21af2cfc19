/** One projection in this process: its model, its slot, and how far both are. */
import { type Projection, readsBodiesOf } from "../../projections/projection.ts";
import type { RecordedEvent } from "../../events/recorded_event.ts";
import {
  cursorAtStart,
  keys,
  type LogCursor,
  LogDamagedError,
  type LogReader,
  type ReadRow,
  retried,
} from "../event_store/mod.ts";
import {
  type Checkpoint,
  type Live,
  RowDamagedError,
  Slot,
  SlotMovedError,
  type StoredRow,
  type Versioned,
} from "./slot.ts";

/** A row went into others while a flush was under way, which is to be done anew. */
class RowMovedError extends Error {
  override readonly name = "RowMovedError";
}

/** Events folded since the checkpoint that are worth a checkpoint of their own. */
const eventsSinceCheckpointMax = 1_000;
/** A projection that is flushed seldom waits so many ticks, */
const ticksPerFlushMax = 3;
/** or until a start would have to fold so many events: well under a second of its work. */
const eventsUnflushedMax = 50_000;

export interface MountedOptions {
  /** Whether a rebuilt model may take the place of this one while the process runs. */
  readonly exchangeable: boolean;
  /**
   * For rows that commands rewrite whole, again and again: they are then written less often, and in the
   * order of their keys, so that the store writes a page of neighbours once.
   */
  readonly flushedSeldom?: boolean;
}

export class Mounted<Model extends Projection = Projection> {
  model: Model;
  /** Why this projection stands still; null while it folds. */
  failure: { readonly position: string; readonly error: unknown } | null = null;
  #slot!: Slot;
  #live: Versioned<Live> = { value: null, versionstamp: null };
  #checkpoint: Versioned<Checkpoint> = { value: null, versionstamp: null };
  #folded: Checkpoint = { ...cursorAtStart, hash: "" };
  #eventsSinceCheckpoint = 0;
  #superseded = false;
  #ticksSinceFlush = 0;
  /** Rows that changed and are not flushed. */
  #pending = new Set<string>();

  constructor(
    readonly kv: Deno.Kv,
    readonly create: () => Model,
    readonly options: MountedOptions = { exchangeable: true },
  ) {
    this.model = create();
  }

  get name(): string {
    return this.model.name;
  }

  /** The last event folded. */
  get cursor(): LogCursor {
    return this.#folded;
  }

  get eventsSinceCheckpoint(): number {
    return this.#eventsSinceCheckpoint;
  }

  get slotName(): string {
    return this.#slot.name;
  }

  get checkpointPosition(): string {
    return this.#checkpoint.value?.position ?? cursorAtStart.position;
  }

  /** Stored rows of the slot that is live here. */
  readRows(rowKeys: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>> {
    return this.#slot.read(rowKeys);
  }

  /** Reads the rows of the live slot into a fresh model. */
  load(reader: LogReader): Promise<void> {
    return retried(() => this.#load(reader));
  }

  async #load(reader: LogReader): Promise<void> {
    const model = this.create();
    const live = await this.#readLive();
    const revision = `${model.revision}.`;
    // Rows of another revision of the code cannot be used: a new slot is folded from the beginning.
    const slotName = live.value?.slot.startsWith(revision)
      ? live.value.slot
      : nextSlotName(model.revision, live.value);
    const slot = new Slot(this.kv, model.name, slotName);
    const checkpoint = await slot.checkpoint();
    const start: Checkpoint = checkpoint.value ?? { ...cursorAtStart, hash: "" };
    await checkPlace(reader, start);
    for await (const row of slot.rows("hot")) loadRow(model, row);
    model.attach?.({ read: (rowKeys) => slot.read(rowKeys) });
    await recall(model, reader, start);
    this.model = model;
    this.failure = null;
    this.#slot = slot;
    this.#live = live;
    // An older version of the code must not take the place of a newer one's rows.
    this.#superseded = revisionOf(live.value?.slot) > model.revision;
    this.#checkpoint = checkpoint;
    this.#folded = start;
    this.#eventsSinceCheckpoint = 0;
    this.#pending.clear();
  }

  /** A throw stops this projection at the event; the others go on. `place` is the event's. */
  fold(recorded: RecordedEvent, place = placeOf(recorded)): void {
    if (this.failure || recorded.position <= this.#folded.position) return;
    try {
      this.model.fold(recorded);
    } catch (error) {
      this.failure = { position: recorded.position, error };
      return;
    }
    this.#folded = place;
    this.#eventsSinceCheckpoint++;
  }

  /** Flushes when it is time to. */
  async tick(): Promise<void> {
    this.#ticksSinceFlush++;
    const isDue = !this.options.flushedSeldom || this.#ticksSinceFlush >= ticksPerFlushMax ||
      this.#eventsSinceCheckpoint >= eventsUnflushedMax;
    // Where another instance was first, or the store fails, the next tick tries again.
    if (isDue && await this.flush()) this.#ticksSinceFlush = 0;
  }

  /** Writes what changed with the checkpoint. False when another instance was there: next time. */
  async flush(): Promise<boolean> {
    const to = this.#folded;
    for (const key of this.model.takeDirty()) this.#pending.add(key);
    const worthIt = !this.#superseded &&
      (this.#pending.size > 0 || this.#eventsSinceCheckpoint > eventsSinceCheckpointMax);
    if (!worthIt || this.failure || to.position < this.checkpointPosition) return true;
    const writing = this.#pending;
    this.#pending = new Set();
    const rowKeys = this.options.flushedSeldom ? [...writing].sort() : [...writing];
    // An index row tells of rows that are stored before it: it must not know of later ones.
    const indexKeys = rowKeys.filter((key) => this.model.isIndex?.(key));
    const useless = rowKeys.filter((key) => this.model.isLeftover?.(key));
    const changed = new Set(rowKeys).difference(new Set([...indexKeys, ...useless]));
    const index = indexKeys.map((key) => this.#row(key));
    const eventsBefore = this.#eventsSinceCheckpoint;
    const switchTo = this.#live.value?.slot === this.#slot.name ? undefined : {
      slot: this.#slot.name,
      previous: this.#live.value?.slot ?? null,
    };
    try {
      const versionstamp = await this.#slot.write(
        this.#checkpoint,
        to,
        this.#rows(changed, index),
        { expected: this.#live.versionstamp, ...(switchTo ? { value: switchTo } : {}) },
      );
      this.#checkpoint = { value: to, versionstamp };
      if (switchTo) this.#live = await this.#readLive();
      this.#eventsSinceCheckpoint -= eventsBefore;
      this.model.stored?.(changed);
    } catch (error) {
      for (const key of writing) this.#pending.add(key);
      this.#checkpoint = await this.#slot.checkpoint();
      // The commit that made this slot the live one may be stored though its reply was lost.
      await this.switched();
      if (error instanceof SlotMovedError || error instanceof RowMovedError) return false;
      throw error;
    }
    // Not before the checkpoint: an instance that is behind may still write what they are part of.
    if (useless.length > 0) await this.#slot.delete(useless, this.#checkpoint.versionstamp);
    return true;
  }

  /** Another one of the same projection, to be loaded while this one goes on. */
  beside(): Mounted<Model> {
    return new Mounted(this.kv, this.create, this.options);
  }

  takeOver(other: Mounted<Model>): void {
    this.model = other.model;
    this.failure = other.failure;
    this.#slot = other.#slot;
    this.#live = other.#live;
    this.#checkpoint = other.#checkpoint;
    this.#folded = other.#folded;
    this.#eventsSinceCheckpoint = other.#eventsSinceCheckpoint;
    this.#pending = other.#pending;
    this.#superseded = other.#superseded;
  }

  /** Whether the live slot is another than the one loaded here. */
  async switched(): Promise<boolean> {
    const live = await this.#readLive();
    if (live.versionstamp === this.#live.versionstamp) return false;
    // What newer code has built is of no use to this model.
    if (revisionOf(live.value?.slot) > this.model.revision) this.#superseded = true;
    else if (live.value?.slot !== this.#slot.name) return true;
    this.#live = live;
    return false;
  }

  /** Rows are encoded one by one, while the model goes on. */
  *#rows(rowKeys: Iterable<string>, index: Iterable<StoredRow>): Generator<StoredRow> {
    for (const key of rowKeys) yield this.#row(key);
    yield* index;
  }

  #row(key: string): StoredRow {
    if (this.model.isLeftover?.(key)) throw new RowMovedError(`${key} has become part of others`);
    return { key, bytes: this.model.encodeRow(key), through: this.#folded.position };
  }

  #readLive(): Promise<Versioned<Live>> {
    return retried(() => this.kv.get<Live>(keys.live(this.name), { consistency: "strong" }));
  }
}

export function placeOf({ position, timeMs, hash }: RecordedEvent): Checkpoint {
  return { position, timeMs, hash };
}

/** The revision of the code that made a slot; 0 where there is none. */
export function revisionOf(slotName: string | undefined): number {
  return slotName === undefined ? 0 : Number(slotName.split(".")[0]);
}

export function nextSlotName(revision: number, live: Live | null): string {
  const builds = [live?.slot, live?.previous]
    .flatMap((slot) => slot?.startsWith(`${revision}.`) ? [Number(slot.split(".")[1])] : []);
  return `${revision}.${Math.max(0, ...builds) + 1}`;
}

/** What cannot be read now never will be: trying again would only delay the start. */
function loadRow(model: Projection, row: StoredRow): void {
  try {
    model.loadRow(row.key, row.bytes, row.through);
  } catch (cause) {
    throw new RowDamagedError(model.name, row.key, cause);
  }
}

/** A checkpoint knows the event it stands at: another one there means another log. */
async function checkPlace(reader: LogReader, checkpoint: Checkpoint): Promise<void> {
  if (checkpoint.hash === "") return;
  const found = await reader.hashAt(checkpoint.position);
  if (found !== checkpoint.hash) {
    throw new LogDamagedError(
      `a checkpoint stands at ${checkpoint.position}, which is not in this log: ` +
        "the database was replaced; rebuild its projections",
    );
  }
}

/** Shows a model the events before its checkpoint that it keeps in memory only. */
async function recall(model: Projection, reader: LogReader, until: LogCursor): Promise<void> {
  const from = model.recallFrom?.(until.timeMs);
  if (from === undefined || !model.recall) return;
  if (model.foresee) {
    const rows = reader.readRowsFrom(from, () => false);
    for await (const recorded of eventsUntil(rows, until)) model.foresee(recorded);
  }
  const rows = reader.readRowsFrom(from, (type) => readsBodiesOf(model, type));
  for await (const recorded of eventsUntil(rows, until)) model.recall(recorded);
}

async function* eventsUntil(
  rows: AsyncIterable<ReadRow>,
  until: LogCursor,
): AsyncGenerator<RecordedEvent> {
  for await (const { events } of rows) {
    for (const recorded of events) {
      if (recorded.position > until.position) return;
      yield recorded;
    }
  }
}
