/**
 * A set of device or user numbers. Numbers wait until there are enough to be united with a Roaring
 * bitmap as a sorted whole: one by one they cost ten times as much. The bitmap lives in WebAssembly
 * memory, so a set is disposed of.
 */
import { RoaringBitmap32, roaringLibraryInitialize } from "roaring-wasm";

await roaringLibraryInitialize();

const waitingAtFirst = 16;
const waitingMax = 2_048;
/** Fewer are added one by one. */
const uniteCountMin = 64;

export class NumberSet {
  #waiting = new Uint32Array(waitingAtFirst);
  #waitingCount = 0;
  #bitmap: RoaringBitmap32 | null = null;

  add(number: number): void {
    if (this.#waitingCount === this.#waiting.length) this.#makeRoom();
    this.#waiting[this.#waitingCount++] = number;
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
    this.#waitingCount = 0;
  }

  #makeRoom(): void {
    if (this.#waitingCount >= waitingMax) return this.#merge();
    const larger = new Uint32Array(this.#waiting.length * 2);
    larger.set(this.#waiting);
    this.#waiting = larger;
  }

  #merge(): void {
    if (this.#waitingCount === 0) return;
    const numbers = this.#waiting.subarray(0, this.#waitingCount).sort();
    this.#waitingCount = 0;
    if (!this.#bitmap) this.#bitmap = new RoaringBitmap32(numbers);
    else if (numbers.length < uniteCountMin) this.#bitmap.addMany(numbers);
    else {
      const more = new RoaringBitmap32(numbers);
      this.#bitmap.orInPlace(more);
      more.dispose();
    }
    if (this.#waiting.length > waitingAtFirst) this.#waiting = new Uint32Array(waitingAtFirst);
  }
}

/** Null for the bytes of an empty set. The caller disposes of it. */
export function deserializeNumbers(bytes: Uint8Array): RoaringBitmap32 | null {
  return bytes.length === 0 ? null : RoaringBitmap32.deserialize(bytes, "portable");
}
