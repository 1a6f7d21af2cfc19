/**
 * The Merkle tree of RFC 6962 over a list of leaves: roots, proofs that a leaf is in a tree and that a
 * tree continues an older one, and their verification. Hashes are 32 bytes. A complete subtree is named
 * by its height (0: a leaf's hash) and its number among those of its height, from the left.
 */
import { hash } from "node:crypto";

export const hashBytes = 32;

/** Gives the hash of a complete subtree that is within the tree. */
export type SubtreeHashes = (height: number, index: number) => Uint8Array | Promise<Uint8Array>;

const nodeInput = new Uint8Array(1 + 2 * hashBytes);
nodeInput[0] = 1;

/** `entry`: the bytes of a leaf, or their text as UTF-8. */
export function leafHash(entry: string | Uint8Array): Uint8Array {
  const leaf = new Uint8Array(hashBytes);
  leafHashInto(entry, leaf, 0);
  return leaf;
}

/** The same, written into the target: nothing is allocated for it. */
export function leafHashInto(entry: string | Uint8Array, target: Uint8Array, at: number): void {
  if (typeof entry === "string") return sha256Into("\0" + entry, target, at);
  const input = new Uint8Array(1 + entry.length);
  input.set(entry, 1);
  sha256Into(input, target, at);
}

export function nodeHash(left: Uint8Array, right: Uint8Array): Uint8Array {
  nodeInput.set(left, 1);
  nodeInput.set(right, 1 + hashBytes);
  return sha256(nodeInput);
}

/** Of two hashes that stand one after the other. */
function pairHashInto(row: Uint8Array, pairAt: number, at: number): void {
  for (let byte = 0; byte < 2 * hashBytes; byte++) nodeInput[1 + byte] = row[pairAt + byte]!;
  sha256Into(nodeInput, row, at);
}

export function emptyRoot(): Uint8Array {
  return sha256("");
}

/** Of hashes that stand one after the other: the root of the tree over them. There is at least one. */
export function rootOfRow(row: Uint8Array): Uint8Array {
  const nodes = row.slice();
  for (let bytes = row.length; bytes > hashBytes;) {
    let at = 0;
    for (let pairAt = 0; pairAt < bytes; pairAt += 2 * hashBytes, at += hashBytes) {
      if (pairAt + hashBytes < bytes) pairHashInto(nodes, pairAt, at);
      else nodes.copyWithin(at, pairAt, bytes);
    }
    bytes = at;
  }
  return nodes.slice(0, hashBytes);
}

export async function rootAt(size: number, hashes: SubtreeHashes): Promise<Uint8Array> {
  return size === 0 ? emptyRoot() : await rangeRoot(0, size, hashes);
}

/** The proof that the leaf of this number is in the tree of this size. */
export async function inclusionProof(
  index: number,
  size: number,
  hashes: SubtreeHashes,
): Promise<Uint8Array[]> {
  if (!(index >= 0 && index < size)) throw new RangeError(`no leaf ${index} in a tree of ${size}`);
  const proof: Uint8Array[] = [];
  let start = 0, end = size;
  while (end - start > 1) {
    const middle = start + splitOf(end - start);
    if (index < middle) {
      proof.push(await rangeRoot(middle, end, hashes));
      end = middle;
    } else {
      proof.push(await rangeRoot(start, middle, hashes));
      start = middle;
    }
  }
  return proof.reverse();
}

/** The proof that the tree of size `to` begins with the tree of size `from`. */
export async function consistencyProof(
  from: number,
  to: number,
  hashes: SubtreeHashes,
): Promise<Uint8Array[]> {
  if (!(from >= 0 && from <= to)) throw new RangeError(`no tree of ${from} in one of ${to}`);
  if (from === 0 || from === to) return [];
  const proof: Uint8Array[] = [];
  let start = 0, end = to;
  while (end !== from) {
    const middle = start + splitOf(end - start);
    if (from <= middle) {
      proof.push(await rangeRoot(middle, end, hashes));
      end = middle;
    } else {
      proof.push(await rangeRoot(start, middle, hashes));
      start = middle;
    }
  }
  // Whoever checks the proof has the root of the old tree, where it is one complete subtree.
  if (start > 0) proof.push(await rangeRoot(start, end, hashes));
  return proof.reverse();
}

export function isIncluded(
  leaf: Uint8Array,
  index: number,
  size: number,
  root: Uint8Array,
  proof: readonly Uint8Array[],
): boolean {
  if (!(index >= 0 && index < size)) return false;
  let found = leaf;
  let node = index, last = size - 1;
  for (const other of proof) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      found = nodeHash(other, found);
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)];
    } else found = nodeHash(found, other);
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && isSameHash(found, root);
}

export function isConsistent(
  from: number,
  to: number,
  fromRoot: Uint8Array,
  toRoot: Uint8Array,
  proof: readonly Uint8Array[],
): boolean {
  if (!(from >= 0 && from <= to)) return false;
  if (from === to) return proof.length === 0 && isSameHash(fromRoot, toRoot);
  if (from === 0) return proof.length === 0 && isSameHash(fromRoot, emptyRoot());
  let node = from - 1, last = to - 1;
  while (node % 2 === 1) [node, last] = [half(node), half(last)];
  const path = node === 0 ? [fromRoot, ...proof] : [...proof];
  if (path.length === 0) return false;
  let older = path[0]!, newer = path[0]!;
  for (const other of path.slice(1)) {
    if (last === 0) return false;
    if (node % 2 === 1 || node === last) {
      older = nodeHash(other, older);
      newer = nodeHash(other, newer);
      while (node % 2 === 0 && node !== 0) [node, last] = [half(node), half(last)];
    } else newer = nodeHash(newer, other);
    [node, last] = [half(node), half(last)];
  }
  return last === 0 && isSameHash(older, fromRoot) && isSameHash(newer, toRoot);
}

export function isSameHash(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, index) => byte === other[index]);
}

function sha256(data: string | Uint8Array): Uint8Array {
  const digest = new Uint8Array(hashBytes);
  sha256Into(data, digest, 0);
  return digest;
}

/** In hex and back, because that is several times as fast as bytes from the platform. */
function sha256Into(data: string | Uint8Array, target: Uint8Array, at: number): void {
  const hex = hash("sha256", data, "hex");
  for (let byte = 0; byte < hashBytes; byte++) {
    target[at + byte] = digit(hex.charCodeAt(2 * byte)) << 4 | digit(hex.charCodeAt(2 * byte + 1));
  }
}

function digit(code: number): number {
  return code <= 0x39 ? code - 0x30 : code - 0x61 + 10;
}

/** The root over the leaves from `start` to before `end`: a range that the tree has as a node. */
async function rangeRoot(start: number, end: number, hashes: SubtreeHashes): Promise<Uint8Array> {
  const count = end - start;
  const height = Math.log2(count);
  if (Number.isInteger(height)) return await hashes(height, start / count);
  const middle = start + splitOf(count);
  // From left to right, so that what the hashes come from is read in order.
  const left = await rangeRoot(start, middle, hashes);
  return nodeHash(left, await rangeRoot(middle, end, hashes));
}

/** The largest power of two below the count, which is at least 2. */
function splitOf(count: number): number {
  let split = 1;
  while (split * 2 < count) split *= 2;
  return split;
}

/** Not by shifting, which ends at 32 bits. */
function half(value: number): number {
  return Math.floor(value / 2);
}
