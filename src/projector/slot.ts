/**
 * A slot holds the rows of one projection and its checkpoint. A rebuild fills a new slot beside the
 * live one; one key says which is live. Every commit of a flush checks and rewrites the checkpoint, and
 * only the last one moves it on: two instances cannot mix their flushes, and a crash leaves rows that
 * are at most ahead of the checkpoint (see `projections/projection.ts`).
 */
import {
  bulkCommitBytesMax,
  commitBytesMax,
  commitKeyBytesMax,
  commitMutationsMax,
  keyBytes,
  keys,
  type LogCursor,
  LogDamagedError,
  retried,
  valueBytesMax,
} from "../event_store/mod.ts";

/** What stands in the checkpoint's row. */
export interface Checkpoint extends LogCursor {
  /** Hash of the event at the position: a log that was replaced has another one there. */
  readonly hash: string;
}

export interface Live {
  readonly slot: string;
  /** The slot before, kept for a way back. */
  readonly previous: string | null;
}

export interface Versioned<T> {
  readonly value: T | null;
  readonly versionstamp: string | null;
}

export interface StoredRow {
  readonly key: string;
  readonly bytes: Uint8Array;
  readonly through: string;
}

/** Another instance moved the checkpoint or switched the slot. */
export class SlotMovedError extends Error {
  override readonly name = "SlotMovedError";
}

/** A stored row that cannot be read: its slot has to be rebuilt from the log. */
export class RowDamagedError extends LogDamagedError {
  override readonly name: string = "RowDamagedError";

  constructor(readonly projection: string, readonly key: string, cause: unknown) {
    super(
      `row ${key} of ${projection} cannot be read (${cause}); run deno task rebuild ${projection}`,
      { cause },
    );
  }
}

interface FirstPart {
  readonly through: string;
  readonly parts: number;
  readonly bytes: Uint8Array;
}

const mutationOverheadBytes = 300;
/** More parts than a commit holds: a row is then read at once. */
const rowPartsMax = 32;

export class Slot {
  constructor(readonly kv: Deno.Kv, readonly projection: string, readonly name: string) {}

  checkpoint(): Promise<Versioned<Checkpoint>> {
    const key = keys.checkpoint(this.projection, this.name);
    return retried(() => this.kv.get<Checkpoint>(key, { consistency: "strong" }));
  }

  /** Throws `RowDamagedError` at a row that cannot be read, unless `damaged` is told of it instead. */
  async *rows(damaged?: (error: RowDamagedError) => void): AsyncGenerator<StoredRow> {
    const whole = async (row: RowParts | null) => {
      try {
        return row && await this.#whole(row);
      } catch (error) {
        if (!damaged || !(error instanceof RowDamagedError)) throw error;
        damaged(error);
        return null;
      }
    };
    const prefix = keys.rowPrefix(this.projection, this.name);
    let row: RowParts | null = null;
    for await (const entry of this.kv.list({ prefix }, { batchSize: 256 })) {
      const key = entry.key[entry.key.length - 2] as string;
      const part = entry.key[entry.key.length - 1] as number;
      if (part === 0) {
        const before = await whole(row);
        if (before) yield before;
        row = begun(key, entry);
      } else if (row && belongs(row, key, part, entry.versionstamp)) {
        row.values.push(entry.value as Uint8Array);
      }
    }
    const last = await whole(row);
    if (last) yield last;
  }

  /** One row; null when there is none. */
  async row(key: string): Promise<StoredRow | null> {
    const prefix = [...keys.rowPrefix(this.projection, this.name), key];
    let row: RowParts | null = null;
    // One read takes all its parts as they are at one moment.
    for await (const entry of this.kv.list({ prefix }, { batchSize: rowPartsMax })) {
      const part = entry.key[entry.key.length - 1] as number;
      if (part === 0) row = begun(key, entry);
      else if (row && belongs(row, key, part, entry.versionstamp)) {
        row.values.push(entry.value as Uint8Array);
      }
    }
    if (row && row.values.length !== row.first.parts) {
      throw new RowDamagedError(this.projection, key, "a part is missing");
    }
    return row && this.#joined(row);
  }

  /** A row that was rewritten while it was read is read again, in one piece. */
  async #whole(row: RowParts): Promise<StoredRow> {
    if (row.values.length === row.first.parts) return this.#joined(row);
    const again = await this.row(row.key);
    if (!again) throw new RowDamagedError(this.projection, row.key, "it is gone");
    return again;
  }

  #joined(row: RowParts): StoredRow {
    if (!row.values.every((value) => value instanceof Uint8Array)) {
      throw new RowDamagedError(this.projection, row.key, "a part holds no bytes");
    }
    return joined(row);
  }

  /**
   * Writes rows and moves the checkpoint to `to`, in as many commits as it takes. Gives the new
   * versionstamp of the checkpoint; throws `SlotMovedError` when somebody else was there.
   */
  async write(
    from: Versioned<Checkpoint>,
    to: Checkpoint,
    rows: Iterable<StoredRow>,
    live: { expected: string | null; value?: Live },
  ): Promise<string> {
    let versionstamp = from.versionstamp;
    const commitOne = async (
      mutations: Mutation[],
      checkpoint: Checkpoint | null,
      last: boolean,
    ) => {
      const key = keys.checkpoint(this.projection, this.name);
      const liveKey = keys.live(this.projection);
      const operation = this.kv.atomic()
        .check({ key, versionstamp })
        .check({ key: liveKey, versionstamp: live.expected })
        .set(key, checkpoint);
      for (const mutation of mutations) operation.set(mutation.key, mutation.value);
      if (last && live.value) operation.set(liveKey, live.value);
      const result = await retriedWhileLocked(() => operation.commit());
      if (!result.ok) throw new SlotMovedError(`${this.projection} was flushed elsewhere`);
      versionstamp = result.versionstamp;
    };
    let mutations: Mutation[] = [];
    let bytes = 0;
    let allKeyBytes = 0;
    for (const row of rows) {
      // All parts of a row are in one commit: after a crash it is the old row or the new one.
      const parts = [...this.#mutations(row)];
      const rowBytes = parts.reduce((total, part) => total + part.bytes, 0);
      const rowKeyBytes = parts.reduce((total, part) => total + keyBytes(part.key), 0);
      if (rowBytes > commitBytesMax) throw new Error(`row ${row.key} does not fit a commit`);
      const full = (bytes > 0 && bytes + rowBytes > bulkCommitBytesMax) ||
        allKeyBytes + rowKeyBytes > commitKeyBytesMax ||
        mutations.length + parts.length > commitMutationsMax;
      if (full) {
        await commitOne(mutations, from.value, false);
        mutations = [];
        bytes = 0;
        allKeyBytes = 0;
      }
      mutations.push(...parts);
      bytes += rowBytes;
      allKeyBytes += rowKeyBytes;
    }
    await commitOne(mutations, to, true);
    return versionstamp!;
  }

  /**
   * Deletes every row and the checkpoint, as long as nobody switches slots. The checkpoint goes twice:
   * first it moves, which stops whoever fills this slot, and it stays until the last row is gone.
   */
  async clear(live: string | null): Promise<void> {
    const key = keys.checkpoint(this.projection, this.name);
    let versionstamp = (await this.checkpoint()).versionstamp;
    const commitOne = async (deleted: readonly Deno.KvKey[], last = false) => {
      const operation = this.kv.atomic()
        .check({ key: keys.live(this.projection), versionstamp: live })
        .check({ key, versionstamp });
      for (const one of deleted) operation.delete(one);
      if (last) operation.delete(key);
      else operation.set(key, null);
      const result = await retriedWhileLocked(() => operation.commit());
      if (!result.ok) throw new SlotMovedError(`${this.projection} was written elsewhere`);
      versionstamp = result.versionstamp;
    };
    await commitOne([]);
    let some: Deno.KvKey[] = [];
    let bytes = 0;
    const prefix = keys.rowPrefix(this.projection, this.name);
    for await (const entry of this.kv.list({ prefix })) {
      bytes += keyBytes(entry.key);
      if (some.length >= commitMutationsMax || bytes > commitKeyBytesMax) {
        await commitOne(some);
        some = [];
        bytes = keyBytes(entry.key);
      }
      some.push(entry.key);
    }
    await commitOne(some, true);
  }

  *#mutations(row: StoredRow): Generator<Mutation> {
    const parts = Math.max(1, Math.ceil(row.bytes.length / valueBytesMax));
    for (let part = 0; part < parts; part++) {
      const bytes = row.bytes.slice(part * valueBytesMax, (part + 1) * valueBytesMax);
      const value = part === 0 ? { through: row.through, parts, bytes } : bytes;
      yield {
        key: keys.row(this.projection, this.name, row.key, part),
        value,
        bytes: bytes.length + row.key.length + mutationOverheadBytes,
      };
    }
  }
}

/** The slots that hold anything of a projection. */
export async function slotsOf(kv: Deno.Kv, projection: string): Promise<Slot[]> {
  const slots: Slot[] = [];
  for await (const { key } of kv.list({ prefix: keys.checkpointPrefix(projection) })) {
    slots.push(new Slot(kv, projection, key[key.length - 1] as string));
  }
  return slots;
}

/** A commit that finds the file locked by another process was certainly not stored. */
function retriedWhileLocked<T>(commit: () => Promise<T>): Promise<T> {
  let other: unknown;
  return retried(async () => {
    try {
      return { result: await commit() };
    } catch (error) {
      if (error instanceof Error && error.message.includes("locked")) throw error;
      other = error;
      return null;
    }
  }).then((outcome) => {
    if (outcome === null) throw other;
    return outcome.result;
  });
}

interface Mutation {
  readonly key: Deno.KvKey;
  readonly value: unknown;
  readonly bytes: number;
}

/** A row as far as it has been read. */
interface RowParts {
  readonly key: string;
  readonly first: FirstPart;
  /** Of the commit that wrote the first part, and with it the others. */
  readonly versionstamp: string;
  readonly values: Uint8Array[];
}

function begun(key: string, { value, versionstamp }: Deno.KvEntry<unknown>): RowParts {
  // What is no row at all becomes one that is damaged.
  const first = (value instanceof Object ? value : { through: "", parts: -1 }) as FirstPart;
  return { key, first, versionstamp, values: [first.bytes] };
}

function belongs(row: RowParts, key: string, part: number, versionstamp: string): boolean {
  return row.key === key && part < row.first.parts && row.versionstamp === versionstamp;
}

function joined(row: RowParts): StoredRow {
  if (row.values.length === 1) {
    return { key: row.key, bytes: row.first.bytes, through: row.first.through };
  }
  const bytes = new Uint8Array(row.values.reduce((total, value) => total + value.length, 0));
  let offset = 0;
  for (const value of row.values) {
    bytes.set(value, offset);
    offset += value.length;
  }
  return { key: row.key, bytes, through: row.first.through };
}
