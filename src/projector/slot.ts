/**
 * A slot holds the rows of one projection and its checkpoint. A rebuild fills a new slot beside the
 * live one; one key says which is live. Every commit of a flush checks and rewrites the checkpoint, and
 * only the last one moves it on: two instances cannot mix their flushes, and a crash leaves rows that
 * are at most ahead of the checkpoint (see `projections/projection.ts`).
 */
import {
  commitBytesMax,
  commitMutationsMax,
  keys,
  type LogCursor,
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

interface FirstPart {
  readonly through: string;
  readonly parts: number;
  readonly bytes: Uint8Array;
}

const mutationOverheadBytes = 300;

export class Slot {
  constructor(readonly kv: Deno.Kv, readonly projection: string, readonly name: string) {}

  checkpoint(): Promise<Versioned<Checkpoint>> {
    const key = keys.checkpoint(this.projection, this.name);
    return retried(() => this.kv.get<Checkpoint>(key, { consistency: "strong" }));
  }

  async *rows(): AsyncGenerator<StoredRow> {
    const prefix = keys.rowPrefix(this.projection, this.name);
    let row: { key: string; first: FirstPart; values: Uint8Array[] } | null = null;
    for await (const entry of this.kv.list({ prefix }, { batchSize: 256 })) {
      const key = entry.key[entry.key.length - 2] as string;
      const part = entry.key[entry.key.length - 1] as number;
      if (part === 0) {
        if (row) yield whole(row);
        const first = entry.value as FirstPart;
        row = { key, first, values: [first.bytes] };
      } else if (row && row.key === key && part < row.first.parts) {
        row.values.push(entry.value as Uint8Array);
      }
    }
    if (row) yield whole(row);
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
      const result = await operation.commit();
      if (!result.ok) throw new SlotMovedError(`${this.projection} was flushed elsewhere`);
      versionstamp = result.versionstamp;
    };
    let mutations: Mutation[] = [];
    let bytes = 0;
    for (const row of rows) {
      for (const mutation of this.#mutations(row)) {
        const full = bytes + mutation.bytes > commitBytesMax ||
          mutations.length >= commitMutationsMax;
        if (full) {
          await commitOne(mutations, from.value, false);
          mutations = [];
          bytes = 0;
        }
        mutations.push(mutation);
        bytes += mutation.bytes;
      }
    }
    await commitOne(mutations, to, true);
    return versionstamp!;
  }

  /** Deletes every row and the checkpoint. */
  async clear(): Promise<void> {
    const checkpoint = keys.checkpoint(this.projection, this.name);
    const prefix = keys.rowPrefix(this.projection, this.name);
    await this.kv.delete(checkpoint);
    for await (const entry of this.kv.list({ prefix })) await this.kv.delete(entry.key);
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

interface Mutation {
  readonly key: Deno.KvKey;
  readonly value: unknown;
  readonly bytes: number;
}

function whole(row: { key: string; first: FirstPart; values: Uint8Array[] }): StoredRow {
  if (row.values.length !== row.first.parts) throw new Error(`row ${row.key} lacks a part`);
  const bytes = new Uint8Array(row.values.reduce((total, value) => total + value.length, 0));
  let offset = 0;
  for (const value of row.values) {
    bytes.set(value, offset);
    offset += value.length;
  }
  return { key: row.key, bytes, through: row.first.through };
}
