/**
 * A slot holds the rows of one projection and its checkpoint. A rebuild fills a new slot beside the
 * live one; one key says which is live. Every commit of a flush checks and rewrites the checkpoint, and
 * only the last one moves it on: two instances cannot mix their flushes, and a crash leaves rows that
 * are at most ahead of the checkpoint (see `projections/projection.ts`).
 */
import { coldPrefix } from "../../projections/projection.ts";
import {
  getManyKeysMax,
  keyBytes,
  keys,
  type LogCursor,
  LogDamagedError,
  retried,
  valueBytesMax,
} from "../event_store/mod.ts";
import {
  basesAt,
  begun,
  belongs,
  CommitBatch,
  type FirstPart,
  fitsCommit,
  joined,
  keyBatches,
  type Mutation,
  partOf,
  retriedWhileLocked,
  type RowParts,
} from "./row_parts.ts";

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

const mutationOverheadBytes = 300;
/** More parts than a commit holds: a row is then read at once. */
const rowPartsMax = 32;
/** A large row that is rewritten while it is read is read so often. */
const readTriesMax = 5;

export class Slot {
  constructor(readonly kv: Deno.Kv, readonly projection: string, readonly name: string) {}

  checkpoint(): Promise<Versioned<Checkpoint>> {
    const key = keys.checkpoint(this.projection, this.name);
    return retried(() => this.kv.get<Checkpoint>(key, { consistency: "strong" }));
  }

  /** Throws `RowDamagedError` at a row that cannot be read, unless `damaged` is told of it instead. */
  async *rows(
    temperature: "hot" | "cold" = "hot",
    damaged?: (error: RowDamagedError) => void,
  ): AsyncGenerator<StoredRow> {
    const whole = async (row: RowParts | null) => {
      try {
        return row && await this.#whole(row);
      } catch (error) {
        if (!damaged || !(error instanceof RowDamagedError)) throw error;
        damaged(error);
        return null;
      }
    };
    const prefix = this.#prefix(temperature === "cold");
    let row: RowParts | null = null;
    for await (const entry of this.kv.list({ prefix }, { batchSize: 256 })) {
      const key = entry.key[entry.key.length - 2] as string;
      if (partOf(entry) === 0) {
        const before = await whole(row);
        if (before) yield before;
        row = begun(key, entry);
      } else if (row && belongs(row, key, entry)) row.values.push(entry.value as Uint8Array);
    }
    const last = await whole(row);
    if (last) yield last;
  }

  /** One row; null when there is none. */
  async row(key: string): Promise<StoredRow | null> {
    const prefix = [...this.#prefix(key.startsWith(coldPrefix)), key];
    for (let tries = 1;; tries++) {
      let row: RowParts | null = null;
      // One read takes all its parts as they are at one moment, where they fit a commit.
      for await (const entry of this.kv.list({ prefix }, { batchSize: rowPartsMax })) {
        if (partOf(entry) === 0) row = begun(key, entry);
        else if (row && belongs(row, key, entry)) row.values.push(entry.value as Uint8Array);
      }
      if (!row || row.values.length === row.first.parts) return row && this.#joined(row);
      if (tries < (row.first.base ? readTriesMax : 1)) continue;
      throw new RowDamagedError(this.projection, key, "a part is missing");
    }
  }

  /** Rows by their keys; throws `RowDamagedError` where one is missing. */
  async read(rowKeys: readonly string[]): Promise<Map<string, Uint8Array>> {
    const read = new Map<string, Uint8Array>();
    const many = async (some: readonly string[]) => {
      const entries = await retried(() =>
        this.kv.getMany<FirstPart[]>(some.map((key) => this.#key(key, 0)))
      );
      for (const [index, { value }] of entries.entries()) {
        const key = some[index]!;
        const isWhole = value?.parts === 1 && value.bytes instanceof Uint8Array;
        const bytes = isWhole ? value.bytes : (await retried(() => this.row(key)))?.bytes;
        if (!bytes) throw new RowDamagedError(this.projection, key, "it is gone");
        read.set(key, bytes);
      }
    };
    const groups = [];
    for (let start = 0; start < rowKeys.length; start += getManyKeysMax) {
      groups.push(many(rowKeys.slice(start, start + getManyKeysMax)));
    }
    await Promise.all(groups);
    return read;
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
    const key = keys.checkpoint(this.projection, this.name);
    const liveKey = keys.live(this.projection);
    const commitOne = async (mutations: readonly Mutation[], last: boolean) => {
      const operation = this.kv.atomic()
        .check({ key, versionstamp })
        .check({ key: liveKey, versionstamp: live.expected })
        .set(key, last ? to : from.value);
      for (const mutation of mutations) operation.set(mutation.key, mutation.value);
      if (last && live.value) operation.set(liveKey, live.value);
      const result = await retriedWhileLocked(() => operation.commit());
      if (!result.ok) throw new SlotMovedError(`${this.projection} was flushed elsewhere`);
      versionstamp = result.versionstamp;
    };
    const batch = new CommitBatch();
    const large: string[] = [];
    for (const row of rows) {
      const mutations = this.#mutations(row, 0);
      // All parts of a row are in one commit: after a crash it is the old row or the new one.
      if (fitsCommit(mutations)) {
        if (!batch.hasRoom(mutations)) await commitOne(batch.take(), false);
        batch.add(mutations);
        continue;
      }
      large.push(row.key);
      // Parts stand beside those of the old row, and the head comes last.
      const [head, ...parts] = this.#mutations(row, await this.#freeBase(row.key));
      for (const mutation of [...parts, head!]) {
        if (!batch.hasRoom([mutation])) await commitOne(batch.take(), false);
        batch.add([mutation]);
      }
    }
    await commitOne(batch.take(), true);
    await this.#deleteStrays(large, versionstamp);
    return versionstamp!;
  }

  /** Deletes rows as long as the checkpoint stands; what it leaves is no harm. */
  async delete(rowKeys: readonly string[], checkpoint: string | null): Promise<void> {
    const stored: Deno.KvKey[] = [];
    for (const key of rowKeys) {
      const prefix = [...this.#prefix(key.startsWith(coldPrefix)), key];
      for await (const entry of this.kv.list({ prefix })) stored.push(entry.key);
    }
    await this.#deleteKeys(stored, checkpoint);
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
    for (const isCold of [true, false]) {
      for await (const some of keyBatches(this.kv.list({ prefix: this.#prefix(isCold) }))) {
        await commitOne(some);
      }
    }
    await commitOne([], true);
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

  #prefix(isCold: boolean): Deno.KvKey {
    return isCold
      ? keys.coldRowPrefix(this.projection, this.name)
      : keys.rowPrefix(this.projection, this.name);
  }

  #key(row: string, part: number): Deno.KvKey {
    return row.startsWith(coldPrefix)
      ? keys.coldRow(this.projection, this.name, row, part)
      : keys.row(this.projection, this.name, row, part);
  }

  /** Where parts of a large row may stand without touching those of the row that is stored. */
  async #freeBase(row: string): Promise<number> {
    const { value } = await retried(() => this.kv.get<FirstPart>(this.#key(row, 0)));
    return (value?.base ?? 0) === basesAt ? 2 * basesAt : basesAt;
  }

  /** Parts of large rows that no head names: of the row before, or of a flush that was cut off. */
  async #deleteStrays(rowKeys: readonly string[], checkpoint: string | null): Promise<void> {
    for (const key of rowKeys) {
      const strays: Deno.KvKey[] = [];
      let row: RowParts | null = null;
      const prefix = [...this.#prefix(key.startsWith(coldPrefix)), key];
      for await (const entry of this.kv.list({ prefix })) {
        if (partOf(entry) === 0) row = begun(key, entry);
        else if (!row || !belongs(row, key, entry)) strays.push(entry.key);
      }
      await this.#deleteKeys(strays, checkpoint);
    }
  }

  async #deleteKeys(all: readonly Deno.KvKey[], checkpoint: string | null): Promise<void> {
    for await (const some of keyBatches(all.map((key) => ({ key })))) {
      const operation = this.kv.atomic()
        .check({ key: keys.checkpoint(this.projection, this.name), versionstamp: checkpoint });
      for (const key of some) operation.delete(key);
      const result = await retriedWhileLocked(() => operation.commit());
      if (!result.ok) return;
    }
  }

  /** The head is the first of them. */
  #mutations(row: StoredRow, base: number): Mutation[] {
    const parts = Math.max(1, Math.ceil(row.bytes.length / valueBytesMax));
    return Array.from({ length: parts }, (_, part) => {
      const bytes = row.bytes.slice(part * valueBytesMax, (part + 1) * valueBytesMax);
      const head = { through: row.through, parts, bytes, ...(base > 0 && { base }) };
      const key = this.#key(row.key, part === 0 ? 0 : base + part);
      return {
        key,
        value: part === 0 ? head : bytes,
        keyBytes: keyBytes(key),
        bytes: bytes.length + row.key.length + mutationOverheadBytes,
      };
    });
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
