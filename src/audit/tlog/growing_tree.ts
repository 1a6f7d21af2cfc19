/**
 * A tree that leaves are appended to, in constant memory: what it holds is the partial tile of every
 * level. It hands on each tile that becomes full.
 */
import { emptyRoot, hashBytes, leafHashInto, nodeHash, rootOfRow } from "./merkle.ts";
import { tileBytes, tileWidth } from "./tiles.ts";

/** Told of a full tile. The bytes are the listener's. */
export type FullTile = (level: number, index: number, bytes: Uint8Array) => void;

export class GrowingTree {
  #size = 0;
  /** By level. */
  readonly #partial: Uint8Array[] = [];
  #root: { readonly size: number; readonly hash: Uint8Array } | null = null;

  constructor(readonly onFull: FullTile = () => {}) {}

  get size(): number {
    return this.#size;
  }

  /** Takes the hash of a leaf. */
  append(leaf: Uint8Array): void {
    this.#tile(0).set(leaf, (this.#size % tileWidth) * hashBytes);
    this.#grow();
  }

  /** Takes a leaf itself: its bytes, or their text as UTF-8. */
  appendEntry(entry: string | Uint8Array): void {
    leafHashInto(entry, this.#tile(0), (this.#size % tileWidth) * hashBytes);
    this.#grow();
  }

  root(): Uint8Array {
    if (this.#root?.size === this.#size) return this.#root.hash;
    let root: Uint8Array | null = null;
    for (let level = 0; level < this.#partial.length; level++) {
      const tile = this.partial(level);
      // The complete subtrees within the tile, from the smallest.
      let end = tile.length / hashBytes;
      for (let count = 1; end > 0; count *= 2) {
        if (end % (2 * count) === 0) continue;
        const row = tile.subarray((end - count) * hashBytes, end * hashBytes);
        const subtree = rootOfRow(row);
        root = root ? nodeHash(subtree, root) : subtree;
        end -= count;
      }
    }
    const hash = root ?? emptyRoot();
    this.#root = { size: this.#size, hash };
    return hash;
  }

  get levelCount(): number {
    return this.#partial.length;
  }

  /** The hashes of the level's last tile, where it is not full: a view that the next leaf may change. */
  partial(level: number): Uint8Array {
    const count = Math.floor(this.#size / tileWidth ** level) % tileWidth;
    return (this.#partial[level] ?? new Uint8Array(0)).subarray(0, count * hashBytes);
  }

  #tile(level: number): Uint8Array {
    return this.#partial[level] ??= new Uint8Array(tileBytes);
  }

  /** A hash more stands in the tile of the leaves. */
  #grow(): void {
    this.#size++;
    let hashes = this.#size;
    for (let level = 0; hashes % tileWidth === 0; level++) {
      const tile = this.#partial[level]!;
      this.#partial[level] = new Uint8Array(tileBytes);
      hashes /= tileWidth;
      this.#tile(level + 1).set(rootOfRow(tile), ((hashes - 1) % tileWidth) * hashBytes);
      this.onFull(level, hashes - 1, tile);
    }
  }

  /** Takes the place of what was appended so far: a size, and the partial tile of every level. */
  restore(size: number, partial: readonly Uint8Array[]): void {
    this.#size = size;
    this.#root = null;
    this.#partial.length = 0;
    partial.forEach((bytes, level) => {
      this.#partial[level] = new Uint8Array(tileBytes);
      if (bytes.length !== this.partial(level).length) {
        throw new RangeError(`${bytes.length} bytes at level ${level} of a tree of ${size}`);
      }
      this.#partial[level]!.set(bytes);
    });
    if (size >= tileWidth ** partial.length) {
      throw new RangeError(`${partial.length} levels of a tree of ${size}`);
    }
  }
}
