/**
 * A set of device or user numbers that is made to be united quickly: few numbers are a plain list,
 * sorted when somebody looks; many are pages of bits. It lives in JavaScript's memory, because
 * WebAssembly memory never shrinks and a call into it costs more than most of the sets here.
 */

import { sortDistinct } from "./sort_distinct.ts";

/** Numbers to read; valid until the next call of whoever lent it. */
export interface NumberList {
  readonly values: Uint32Array;
  readonly length: number;
}

export const pageBits = 65_536;
export const pageWords = pageBits / 32;

export class NumberUnion {
  #values: Uint32Array;
  #count = 0;
  /** So many of them are sorted and distinct. */
  #sortedCount = 0;
  /** By the upper 16 bits; null while the numbers are a list. */
  #pages: (Uint32Array | undefined)[] | null = null;

  /** So many numbers a page are worth pages of bits: few where speed counts more than memory. */
  constructor(private readonly pageNumbersMin = pageNumbersMinDefault) {
    this.#values = new Uint32Array(4);
  }

  add(number: number): void {
    if (this.#pages) {
      pageOf(this.#pages, number >>> 16)[(number & 0xffff) >>> 5]! |= 1 << (number & 31);
      return;
    }
    if (this.#count === this.#values.length) this.#makeRoom(1);
    if (this.#pages) this.add(number);
    else this.#values[this.#count++] = number;
  }

  addList({ values, length }: NumberList): void {
    if (!this.#pages && this.#count + length > this.#values.length) this.#makeRoom(length);
    if (this.#pages) setBits(this.#pages, values, length);
    else {
      // A loop, because the list is mostly far shorter than what `set` costs.
      for (let i = 0; i < length; i++) this.#values[this.#count + i] = values[i]!;
      this.#count += length;
    }
  }

  addUnion(other: NumberUnion): void {
    const otherPages = other.#pages;
    if (!otherPages) return this.addList({ values: other.#values, length: other.#count });
    const pages = this.#toPages();
    otherPages.forEach((page, high) => page && orWords(pageOf(pages, high), page));
  }

  addPages(numbers: NumberPages): void {
    if (numbers.pages.length === 0) return;
    const pages = this.#toPages();
    for (const { high, lows, words } of numbers.pages) {
      if (words) orWords(pageOf(pages, high), words);
      else setLows(pageOf(pages, high), lows!);
    }
  }

  get size(): number {
    if (this.#pages) {
      return this.#pages.reduce((sum, page) => sum + (page ? countBits(page) : 0), 0);
    }
    this.#compact();
    return this.#count;
  }

  get isEmpty(): boolean {
    return !this.#pages && this.#count === 0;
  }

  /** Sorted and distinct. */
  list(): NumberList {
    if (!this.#pages) {
      this.#compact();
      return { values: this.#values, length: this.#count };
    }
    const values = new Uint32Array(this.size);
    let length = 0;
    this.#pages.forEach((page, high) => {
      if (page) length = listBits(page, high * pageBits, values, length);
    });
    return { values, length };
  }

  /** The numbers as they can only be read, in about as many bytes as they need. Here are none after. */
  freeze(): NumberPages {
    const frozen = this.#pages ? frozenPages(this.#pages) : frozenList(this.list());
    this.#pages = null;
    this.clear();
    return new NumberPages(packed(frozen));
  }

  clear(): void {
    this.#pages?.forEach((page) => page && spare(page));
    this.#pages = null;
    this.#count = this.#sortedCount = 0;
  }

  #makeRoom(more: number): void {
    const needed = this.#count + more;
    if (needed > sortAtCount) this.#compact();
    const capacity = this.#values.length;
    // Half of it must come free, or the next numbers would be sorted in again at once.
    if (this.#count + more <= capacity && (this.#count + more) * 2 <= capacity) return;
    if (this.#count >= pagesAtCount && this.#count >= this.pageNumbersMin * this.#touchedPages()) {
      this.#toPages();
      return;
    }
    const grown = new Uint32Array(Math.max(capacity * 2, this.#count + more));
    grown.set(this.#values.subarray(0, this.#count));
    this.#values = grown;
  }

  #compact(): void {
    if (this.#sortedCount === this.#count) return;
    this.#count = sortDistinct(this.#values, this.#count);
    this.#sortedCount = this.#count;
  }

  /** The numbers are sorted. */
  #touchedPages(): number {
    let pages = 0;
    let last = -1;
    for (let i = 0; i < this.#count; i++) {
      const high = this.#values[i]! >>> 16;
      if (high !== last) pages++;
      last = high;
    }
    return pages;
  }

  #toPages(): (Uint32Array | undefined)[] {
    if (this.#pages) return this.#pages;
    this.#pages = [];
    setBits(this.#pages, this.#values, this.#count);
    this.#values = new Uint32Array();
    this.#count = this.#sortedCount = 0;
    return this.#pages;
  }
}

/** Empty ones: most sets live for a moment only, and new memory costs more than clearing old. */
const sparePages: Uint32Array[] = [];
const sparePagesMax = 512;

interface NumberPage {
  /** The upper 16 bits of its numbers. */
  readonly high: number;
  /** Either the lower 16 bits, or a bit for each. */
  readonly lows: Uint16Array | null;
  readonly words: Uint32Array | null;
}

/** More numbers of a page are united more quickly as bits. */
const lowsMax = pageWords;

function frozenPages(pages: readonly (Uint32Array | undefined)[]): NumberPage[] {
  const frozen: NumberPage[] = [];
  pages.forEach((words, high) => {
    if (!words) return;
    const count = countBits(words);
    if (count > lowsMax) frozen.push({ high, lows: null, words });
    else {
      if (count > 0) frozen.push({ high, lows: lowsOf(words, count), words: null });
      spare(words);
    }
  });
  return frozen;
}

/** The numbers are sorted and distinct. */
function frozenList({ values, length }: NumberList): NumberPage[] {
  const frozen: NumberPage[] = [];
  for (let start = 0; start < length;) {
    const high = values[start]! >>> 16;
    let end = start + 1;
    while (end < length && values[end]! >>> 16 === high) end++;
    if (end - start > lowsMax) {
      const words = new Uint32Array(pageWords);
      for (let i = start; i < end; i++) {
        words[(values[i]! & 0xffff) >>> 5]! |= 1 << (values[i]! & 31);
      }
      frozen.push({ high, lows: null, words });
    } else {
      const lows = new Uint16Array(end - start);
      for (let i = start; i < end; i++) lows[i - start] = values[i]!;
      frozen.push({ high, lows, words: null });
    }
    start = end;
  }
  return frozen;
}

/** All lists in one buffer: thousands of small buffers take more memory than what is in them. */
function packed(pages: readonly NumberPage[]): NumberPage[] {
  const all = new Uint16Array(pages.reduce((sum, { lows }) => sum + (lows?.length ?? 0), 0));
  let used = 0;
  return pages.map((page) => {
    const { lows } = page;
    if (!lows) return page;
    all.set(lows, used);
    return { ...page, lows: all.subarray(used, used += lows.length) };
  });
}

function lowsOf(words: Uint32Array, count: number): Uint16Array {
  const lows = new Uint16Array(count);
  let length = 0;
  for (let index = 0; index < pageWords; index++) {
    for (let word = words[index]!; word !== 0; word &= word - 1) {
      lows[length++] = index * 32 + 31 - Math.clz32(word & -word);
    }
  }
  return lows;
}

/** A set that does not change any more. */
export class NumberPages {
  constructor(readonly pages: readonly NumberPage[]) {}

  get size(): number {
    return this.pages.reduce(
      (sum, { lows, words }) => sum + (lows?.length ?? countBits(words!)),
      0,
    );
  }

  get bytes(): number {
    return this.pages.reduce(
      (sum, { lows, words }) => sum + pageOverheadBytes + (lows ?? words!).byteLength,
      0,
    );
  }
}

const pageOverheadBytes = 150;
/** Shorter lists only grow: sorting costs more than the room. */
const sortAtCount = 1_024;
const pagesAtCount = 1_024;
/** A page of bits is as big as so many numbers in a list are with room to grow. */
const pageNumbersMinDefault = 1_024;

function pageOf(pages: (Uint32Array | undefined)[], high: number): Uint32Array {
  return pages[high] ??= sparePages.pop() ?? new Uint32Array(pageWords);
}

function spare(page: Uint32Array): void {
  if (sparePages.length === sparePagesMax) return;
  page.fill(0);
  sparePages.push(page);
}

function setBits(
  pages: (Uint32Array | undefined)[],
  values: Uint32Array,
  length: number,
): void {
  let high = -1;
  let page: Uint32Array | undefined;
  for (let i = 0; i < length; i++) {
    const value = values[i]!;
    if (value >>> 16 !== high) {
      high = value >>> 16;
      page = pageOf(pages, high);
    }
    page![(value & 0xffff) >>> 5]! |= 1 << (value & 31);
  }
}

function setLows(page: Uint32Array, lows: Uint16Array): void {
  const { length } = lows;
  for (let i = 0; i < length; i++) {
    const low = lows[i]!;
    page[low >>> 5]! |= 1 << (low & 31);
  }
}

function orWords(into: Uint32Array, words: Uint32Array): void {
  for (let i = 0; i < pageWords; i++) into[i]! |= words[i]!;
}

function countBits(page: Uint32Array): number {
  let count = 0;
  for (let i = 0; i < pageWords; i++) {
    let word = page[i]!;
    word -= (word >>> 1) & 0x55555555;
    word = (word & 0x33333333) + ((word >>> 2) & 0x33333333);
    count += Math.imul((word + (word >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
  }
  return count;
}

/** Writes the page's numbers from `length` on; gives the new length. */
function listBits(page: Uint32Array, base: number, into: Uint32Array, length: number): number {
  for (let index = 0; index < pageWords; index++) {
    for (let word = page[index]!; word !== 0; word &= word - 1) {
      into[length++] = base + index * 32 + 31 - Math.clz32(word & -word);
    }
  }
  return length;
}
