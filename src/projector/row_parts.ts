/**
 * A row is stored in parts of one value each. Where they fit a commit they are written together;
 * parts of a larger row stand beside those of the row before, until its head names them.
 */
import {
  bulkCommitBytesMax,
  commitBytesMax,
  commitKeyBytesMax,
  commitMutationsMax,
  joinedBytes,
  keyBytes,
  retried,
} from "../event_store/mod.ts";
import type { StoredRow } from "./slot.ts";

/** The parts of a large row are numbered from this or from twice this on. */
export const basesAt = 1_000_000;

export interface FirstPart {
  readonly through: string;
  readonly parts: number;
  readonly bytes: Uint8Array;
  /** Only of a large row: the number before its second part's. */
  readonly base?: number;
}

export interface Mutation {
  readonly key: Deno.KvKey;
  readonly value: unknown;
  readonly bytes: number;
  /** Counted once, because a commit is asked several times whether it has room. */
  readonly keyBytes: number;
}

/** What the next commit will hold. */
export class CommitBatch {
  #mutations: Mutation[] = [];
  #size = none;

  /** An empty one takes whatever fits a commit. */
  hasRoom(mutations: readonly Mutation[]): boolean {
    const size = sizeWith(this.#size, mutations);
    return isWithin(size) && (this.#mutations.length === 0 || size.bytes <= bulkCommitBytesMax);
  }

  add(mutations: readonly Mutation[]): void {
    this.#mutations.push(...mutations);
    this.#size = sizeWith(this.#size, mutations);
  }

  take(): readonly Mutation[] {
    const taken = this.#mutations;
    this.#mutations = [];
    this.#size = none;
    return taken;
  }
}

export function fitsCommit(mutations: readonly Mutation[]): boolean {
  return isWithin(sizeWith(none, mutations));
}

/** Keys in as many as one commit deletes. */
export async function* keyBatches(
  entries: Iterable<{ key: Deno.KvKey }> | AsyncIterable<{ key: Deno.KvKey }>,
): AsyncGenerator<readonly Deno.KvKey[]> {
  let some: Deno.KvKey[] = [];
  let bytes = 0;
  for await (const { key } of entries) {
    bytes += keyBytes(key);
    if (some.length >= commitMutationsMax || bytes > commitKeyBytesMax) {
      yield some;
      some = [];
      bytes = keyBytes(key);
    }
    some.push(key);
  }
  if (some.length > 0) yield some;
}

export function partOf({ key }: Deno.KvEntry<unknown>): number {
  return key[key.length - 1] as number;
}

/** A row as far as it has been read. */
export interface RowParts {
  readonly key: string;
  readonly first: FirstPart;
  /** Of the commit that wrote the first part, and with it the others. */
  readonly versionstamp: string;
  readonly values: Uint8Array[];
}

export function begun(key: string, { value, versionstamp }: Deno.KvEntry<unknown>): RowParts {
  // What is no row at all becomes one that is damaged.
  const first = (value instanceof Object ? value : { through: "", parts: -1 }) as FirstPart;
  return { key, first, versionstamp, values: [first.bytes] };
}

export function belongs(row: RowParts, key: string, entry: Deno.KvEntry<unknown>): boolean {
  const { base = 0, parts } = row.first;
  const part = partOf(entry) - base;
  if (row.key !== key || part < 1 || part >= parts) return false;
  // Parts that are not written in one commit with their head stand where nothing is overwritten.
  return base > 0 || row.versionstamp === entry.versionstamp;
}

export function joined(row: RowParts): StoredRow {
  if (row.values.length === 1) {
    return { key: row.key, bytes: row.first.bytes, through: row.first.through };
  }
  const bytes = joinedBytes(row.values);
  return { key: row.key, bytes, through: row.first.through };
}

/** A commit that finds the file locked by another process was certainly not stored. */
export function retriedWhileLocked<T>(commit: () => Promise<T>): Promise<T> {
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

interface Size {
  readonly mutations: number;
  readonly bytes: number;
  readonly keyBytes: number;
}

const none: Size = { mutations: 0, bytes: 0, keyBytes: 0 };

function sizeWith(size: Size, mutations: readonly Mutation[]): Size {
  let { bytes, keyBytes } = size;
  for (const mutation of mutations) {
    bytes += mutation.bytes;
    keyBytes += mutation.keyBytes;
  }
  return { mutations: size.mutations + mutations.length, bytes, keyBytes };
}

function isWithin({ mutations, bytes, keyBytes }: Size): boolean {
  return mutations <= commitMutationsMax && bytes <= commitBytesMax &&
    keyBytes <= commitKeyBytesMax;
}
