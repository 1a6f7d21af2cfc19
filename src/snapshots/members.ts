/**
 * A set of users and devices, by their numbers. It is stored in blocks of numbers, so that a set that
 * grows while it is calculated is written again only where it has grown.
 */
import { createHash } from "node:crypto";
import { RoaringBitmap32, roaringLibraryInitialize } from "roaring-wasm";
import type { SubjectKind } from "../../events/profile_events.ts";
import type { Pacer } from "./pacer.ts";

await roaringLibraryInitialize();

export interface MemberSet {
  has(kind: SubjectKind, number: number): boolean;
  readonly size: number;
}

/** Four Roaring containers, 32 KiB at most: one value of the store. */
const blockNumbers = 4 * 65_536;
const kinds = ["user", "device"] as const;
const digestBatch = 65_536;

export interface MemberBlock {
  readonly kind: SubjectKind;
  readonly block: number;
}

/** Its memory is WebAssembly's: it is given back by `dispose`, or when nobody holds the set any more. */
export class Members implements MemberSet {
  readonly #bitmaps = { user: new RoaringBitmap32(), device: new RoaringBitmap32() };
  readonly #blocks = { user: new Set<number>(), device: new Set<number>() };
  readonly #dirty = { user: new Set<number>(), device: new Set<number>() };

  /** Blocks that are not empty. */
  get blockCount(): number {
    return this.#blocks.user.size + this.#blocks.device.size;
  }

  has(kind: SubjectKind, number: number): boolean {
    return this.#bitmaps[kind].has(number);
  }

  get size(): number {
    return this.#bitmaps.user.size + this.#bitmaps.device.size;
  }

  add(kind: SubjectKind, number: number): void {
    this.#bitmaps[kind].add(number);
    this.#touch(kind, Math.floor(number / blockNumbers));
  }

  /** All members of a list; null: it has none of this kind. */
  addAll(kind: SubjectKind, numbers: RoaringBitmap32 | null): void {
    if (!numbers) return;
    this.#bitmaps[kind].orInPlace(numbers);
    if (numbers.isEmpty) return;
    const last = Math.floor(numbers.maximum() / blockNumbers);
    for (let block = Math.floor(numbers.minimum() / blockNumbers); block <= last; block++) {
      const from = block * blockNumbers;
      if (numbers.intersectsWithRange(from, from + blockNumbers)) this.#touch(kind, block);
    }
  }

  /** At most so many of a kind, the lowest numbers. */
  some(kind: SubjectKind, countMax: number): number[] {
    return this.#bitmaps[kind].sliceArray(0, countMax);
  }

  /** How many of them are in `other` too (all, where none is given) and in none of the excluded. */
  countWithin(other: Members | undefined, excluded: readonly Members[]): number {
    return kinds.reduce((count, kind) => {
      const own = this.#bitmaps[kind];
      const shared = other ? RoaringBitmap32.and(own, other.#bitmaps[kind]) : own.clone();
      for (const one of excluded) shared.andNotInPlace(one.#bitmaps[kind]);
      const { size } = shared;
      shared.dispose();
      return count + size;
    }, 0);
  }

  countWithout(excluded: Members): number {
    return kinds.reduce(
      (count, kind) => count + this.#bitmaps[kind].andNotCardinality(excluded.#bitmaps[kind]),
      0,
    );
  }

  /**
   * SHA-256, as hex, of the numbers in ascending order, four bytes each, little-endian: those of users,
   * a zero, those of devices; without the excluded.
   */
  async digest(excluded: Members | null, pacer: Pacer): Promise<string> {
    const hash = createHash("sha256");
    for (const kind of kinds) {
      const numbers = excluded
        ? RoaringBitmap32.andNot(this.#bitmaps[kind], excluded.#bitmaps[kind])
        : this.#bitmaps[kind];
      for (let from = 0; from < numbers.size; from += digestBatch) {
        hash.update(littleEndian(numbers.sliceUint32Array(from, from + digestBatch)));
        if (pacer.isDue) await pacer.rest();
      }
      if (excluded) numbers.dispose();
      if (kind === "user") hash.update(new Uint8Array(4));
    }
    return hash.digest("hex");
  }

  /** The blocks that have grown since the last call. */
  takeDirty(): MemberBlock[] {
    return kinds.flatMap((kind) => {
      const blocks = [...this.#dirty[kind]];
      this.#dirty[kind].clear();
      return blocks.map((block) => ({ kind, block }));
    });
  }

  encode({ kind, block }: MemberBlock): Uint8Array {
    const from = block * blockNumbers;
    const part = new RoaringBitmap32(
      this.#bitmaps[kind].rangeUint32Array(from, from + blockNumbers),
    );
    const bytes = part.serialize("portable");
    part.dispose();
    return bytes;
  }

  /** Takes a stored block. */
  load({ kind, block }: MemberBlock, bytes: Uint8Array): void {
    this.#blocks[kind].add(block);
    const part = RoaringBitmap32.deserialize(bytes, "portable");
    this.#bitmaps[kind].orInPlace(part);
    part.dispose();
  }

  dispose(): void {
    for (const kind of kinds) this.#bitmaps[kind].dispose();
  }

  #touch(kind: SubjectKind, block: number): void {
    this.#blocks[kind].add(block);
    this.#dirty[kind].add(block);
  }
}

function littleEndian(numbers: Uint32Array): Uint8Array {
  const bytes = new Uint8Array(numbers.length * 4);
  const view = new DataView(bytes.buffer);
  for (let index = 0; index < numbers.length; index++) {
    view.setUint32(index * 4, numbers[index]!, true);
  }
  return bytes;
}
