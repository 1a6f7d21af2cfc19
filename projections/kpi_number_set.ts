/**
 * A set of device or user numbers. Numbers wait in a plain array until there are enough to make a
 * Roaring bitmap worth its cost; the bitmap lives in WebAssembly memory, so a set is disposed of.
 */
import { RoaringBitmap32, roaringLibraryInitialize } from "roaring-wasm";

await roaringLibraryInitialize();

const waitingMax = 256;

export class NumberSet {
  #waiting: number[] = [];
  #bitmap: RoaringBitmap32 | null = null;

  add(number: number): void {
    if (this.#waiting.push(number) >= waitingMax) this.#merge();
  }

  /** Whether the number is new: unlike `add` this looks at once. */
  addNew(number: number): boolean {
    this.#merge();
    this.#bitmap ??= new RoaringBitmap32();
    return this.#bitmap.tryAdd(number);
  }

  /** Whether the number was there. */
  remove(number: number): boolean {
    return this.bitmap?.delete(number) ?? false;
  }

  /** From `from` on and below `to`. */
  removeRange(from: number, to: number): void {
    this.bitmap?.removeRange(from, to);
  }

  has(number: number): boolean {
    return this.bitmap?.has(number) ?? false;
  }

  get size(): number {
    return this.bitmap?.size ?? 0;
  }

  addAll(numbers: RoaringBitmap32): void {
    this.#bitmap ??= new RoaringBitmap32();
    this.#bitmap.orInPlace(numbers);
  }

  /** The set's own bitmap, to read only; null when the set is empty. */
  get bitmap(): RoaringBitmap32 | null {
    this.#merge();
    return this.#bitmap;
  }

  /** In the portable Roaring format; the same numbers always give the same bytes, none give none. */
  serialize(): Uint8Array {
    return this.bitmap?.serialize("portable") ?? new Uint8Array();
  }

  dispose(): void {
    this.#bitmap?.dispose();
    this.#bitmap = null;
    this.#waiting = [];
  }

  #merge(): void {
    if (this.#waiting.length === 0) return;
    this.#bitmap ??= new RoaringBitmap32();
    this.#bitmap.addMany(Uint32Array.from(this.#waiting));
    this.#waiting = [];
  }
}

/** Null for the bytes of an empty set. The caller disposes of it. */
export function deserializeNumbers(bytes: Uint8Array): RoaringBitmap32 | null {
  return bytes.length === 0 ? null : RoaringBitmap32.deserialize(bytes, "portable");
}
