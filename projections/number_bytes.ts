/**
 * Sorted numbers as bytes. Gaps between numbers are Rice-coded, which takes about two bits more than
 * the least possible; dense numbers are bits. The same numbers always give the same bytes.
 */
import type { NumberList } from "./number_union.ts";

export class ByteWriter {
  #bytes = new Uint8Array(256);
  #length = 0;
  /** Bits that do not make a byte yet. */
  #held = 0;
  #heldBits = 0;

  byte(value: number): void {
    if (this.#length === this.#bytes.length) this.#makeRoom(1);
    this.#bytes[this.#length++] = value;
  }

  /** A whole number from 0 to 2^53 − 1, seven bits a byte. */
  count(value: number): void {
    for (; value >= 0x80; value = Math.floor(value / 0x80)) this.byte(value % 0x80 + 0x80);
    this.byte(value);
  }

  bytes(bytes: Uint8Array): void {
    this.#makeRoom(bytes.length);
    this.#bytes.set(bytes, this.#length);
    this.#length += bytes.length;
  }

  text(text: string): void {
    const bytes = encoder.encode(text);
    this.count(bytes.length);
    this.bytes(bytes);
  }

  /** All that the other one has, which is empty then. */
  takeOver(other: ByteWriter): void {
    this.#makeRoom(other.#length);
    for (let i = 0; i < other.#length; i++) this.#bytes[this.#length++] = other.#bytes[i]!;
    other.#length = 0;
  }

  get length(): number {
    return this.#length;
  }

  /** Sorted and distinct numbers. */
  numbers({ values, length }: NumberList): void {
    if (length === 0) return this.byte(0);
    const first = values[0]!;
    const last = values[length - 1]!;
    const bits = riceBits(last - first, length);
    const firstWord = first >>> 5;
    const words = (last >>> 5) - firstWord + 1;
    if (words * 4 < riceBytes(values, length, bits)) {
      this.count(length * 2 + 1);
      this.count(firstWord);
      this.count(words);
      this.#words(values, length, firstWord, words);
    } else {
      this.count(length * 2);
      this.count(first);
      if (length > 1) this.#gaps(values, length, bits);
    }
  }

  /** A copy of what was written. */
  take(): Uint8Array {
    const bytes = this.#bytes.slice(0, this.#length);
    this.#length = 0;
    return bytes;
  }

  #gaps(values: Uint32Array, length: number, bits: number): void {
    this.byte(bits);
    const mask = 2 ** bits - 1;
    for (let i = 1; i < length; i++) {
      const gap = values[i]! - values[i - 1]! - 1;
      let quotient = gap >>> bits;
      for (; quotient >= 16; quotient -= 16) this.#put(0xffff, 16);
      const low = gap & mask;
      if (quotient + 1 + bits <= 24) {
        this.#put((low << (quotient + 1)) | ((1 << quotient) - 1), quotient + 1 + bits);
        continue;
      }
      this.#put((1 << quotient) - 1, quotient + 1);
      this.#put(low & 0xffff, Math.min(bits, 16));
      if (bits > 16) this.#put(low >>> 16, bits - 16);
    }
    if (this.#heldBits > 0) this.byte(this.#held & 0xff);
    this.#held = this.#heldBits = 0;
  }

  /** At most 24 bits at a time: 32-bit arithmetic holds them beside a begun byte. */
  #put(value: number, count: number): void {
    let held = this.#held | (value << this.#heldBits);
    let heldBits = this.#heldBits + count;
    if (this.#length + 4 > this.#bytes.length) this.#makeRoom(4);
    for (; heldBits >= 8; heldBits -= 8) {
      this.#bytes[this.#length++] = held & 0xff;
      held >>>= 8;
    }
    this.#held = held;
    this.#heldBits = heldBits;
  }

  #words(values: Uint32Array, length: number, firstWord: number, words: number): void {
    this.#makeRoom(words * 4);
    const start = this.#length;
    this.#bytes.fill(0, start, start + words * 4);
    for (let i = 0; i < length; i++) {
      const value = values[i]!;
      const at = start + ((value >>> 5) - firstWord) * 4 + ((value & 31) >>> 3);
      this.#bytes[at]! |= 1 << (value & 7);
    }
    this.#length += words * 4;
  }

  #makeRoom(more: number): void {
    if (this.#length + more <= this.#bytes.length) return;
    const grown = new Uint8Array(Math.max(this.#bytes.length * 2, this.#length + more));
    grown.set(this.#bytes.subarray(0, this.#length));
    this.#bytes = grown;
  }
}

export class ByteReader {
  offset = 0;
  readonly #view: DataView;

  constructor(readonly source: Uint8Array) {
    this.#view = new DataView(source.buffer, source.byteOffset, source.byteLength);
  }

  get isAtEnd(): boolean {
    return this.offset >= this.source.length;
  }

  byte(): number {
    if (this.offset >= this.source.length) throw new RangeError("the row is truncated");
    return this.source[this.offset++]!;
  }

  count(): number {
    let value = this.byte();
    if (value < 0x80) return value;
    value -= 0x80;
    for (let factor = 0x80;; factor *= 0x80) {
      const byte = this.byte();
      value += (byte & 0x7f) * factor;
      if (byte < 0x80) return value;
    }
  }

  bytes(length: number): Uint8Array {
    if (this.offset + length > this.source.length) throw new RangeError("the row is truncated");
    this.offset += length;
    return this.source.subarray(this.offset - length, this.offset);
  }

  text(): string {
    return decoder.decode(this.bytes(this.count()));
  }

  /** Into `scratch`, which grows where it is too short; without their lowest `dropBits`. */
  numbers(scratch: NumberScratch, dropBits = 0): void {
    const head = this.count();
    const length = Math.floor(head / 2);
    scratch.length = length;
    if (length === 0) return;
    if (scratch.values.length < length) scratch.values = new Uint32Array(length * 2);
    if (head % 2 === 1) this.#words(scratch.values, length);
    else {
      scratch.values[0] = this.count();
      if (length > 1) this.#gaps(scratch.values, length, this.byte());
    }
    if (dropBits === 0) return;
    const { values } = scratch;
    for (let i = 0; i < length; i++) values[i]! >>>= dropBits;
  }

  #gaps(values: Uint32Array, length: number, bits: number): void {
    let at = this.offset * 8;
    let value = values[0]!;
    const mask = 2 ** bits - 1;
    for (let i = 1; i < length; i++) {
      let window = this.#window(at);
      let ones = onesOf(window);
      let quotient = ones;
      for (; ones === windowBits; quotient += ones) {
        at += ones;
        window = this.#window(at);
        ones = onesOf(window);
      }
      at += ones + 1;
      let low: number;
      if (ones + 1 + bits <= windowBits) low = (window >>> (ones + 1)) & mask;
      else if (bits <= windowBits) low = this.#window(at) & mask;
      else low = (this.#window(at) & 0xffff) + (this.#window(at + 16) & (mask >>> 16)) * 65_536;
      at += bits;
      value += quotient * 2 ** bits + low + 1;
      values[i] = value;
    }
    this.offset = Math.ceil(at / 8);
    if (this.offset > this.source.length) throw new RangeError("the row is truncated");
  }

  /** The bits from one on, as many as four bytes hold wherever it stands in the first. */
  #window(bit: number): number {
    const at = bit >>> 3;
    const shift = bit & 7;
    if (at + 4 <= this.source.length) {
      return (this.#view.getUint32(at, true) >>> shift) & windowMask;
    }
    let word = 0;
    for (let i = 3; i >= 0; i--) word = (word << 8) | (this.source[at + i] ?? 0);
    return (word >>> shift) & windowMask;
  }

  #words(values: Uint32Array, length: number): void {
    const firstWord = this.count();
    const words = this.count();
    const start = this.offset;
    this.bytes(words * 4);
    let found = 0;
    for (let index = 0; index < words; index++) {
      const base = (firstWord + index) * 32;
      for (let word = this.#view.getUint32(start + index * 4, true); word !== 0; word &= word - 1) {
        values[found++] = base + 31 - Math.clz32(word & -word);
      }
    }
    if (found !== length) throw new RangeError("the row is damaged");
  }
}

/** Where numbers are decoded to, again and again. */
export interface NumberScratch {
  values: Uint32Array;
  length: number;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();
const windowBits = 25;
const windowMask = 2 ** windowBits - 1;

/** How many of the lowest bits are 1. */
function onesOf(window: number): number {
  return 31 - Math.clz32(~window & (window + 1));
}

/** The width of a gap's lower part; ln 2 times the mean gap is the best. */
function riceBits(range: number, length: number): number {
  const mean = Math.floor((range - length + 1) / Math.max(1, length - 1) * 0.69);
  return mean <= 0 ? 0 : 31 - Math.clz32(mean);
}

function riceBytes(values: Uint32Array, length: number, bits: number): number {
  let total = 0;
  for (let i = 1; i < length; i++) total += ((values[i]! - values[i - 1]! - 1) >>> bits) + 1 + bits;
  return Math.ceil(total / 8);
}
