/**
 * An exact set of 16-byte digests that forgets by the day on which they arrived, counted in recorded
 * time, so that a replay forgets at the same event. A set of millions never pauses to rehash: it is
 * made of small segments (extendible hashing), and a full one is enlarged or split on its own.
 */

import { digestBytes } from "../events/interaction_chunk.ts";

/** Digests are known for this many whole days after the day of their last arrival. */
export const digestDaysKept = 8;

/** The day of a recorded time. */
export function digestDay(recordedMs: number): number {
  return Math.floor(recordedMs / dayMs);
}

export class DigestSet {
  #day = -Infinity;
  /** Of the day. */
  #code = 0;
  #depth = 0;
  /** The low `depth` bits of a digest's first word lead to its segment. */
  #directory: Segment[] = [new Segment(0, 0, slotLadder[0]!)];
  readonly #spare = new SpareSegments();
  /** Digests that are added, as aligned words; and the places of those that are new. */
  #words = new Int32Array(0);
  #fresh = new Uint32Array(0);

  /** An empty set makes room for so many, which are then not moved about while they are added. */
  reserve(count: number, day: number): void {
    if (this.#day !== -Infinity) throw new Error("the set is not empty");
    this.#startDay(day);
    this.#depth = Math.min(depthMax, Math.max(0, Math.ceil(Math.log2(count / reservedMax))));
    const slots = Math.max(slotLadder[0]!, Math.ceil(count / 2 ** this.#depth / loadReserved));
    this.#directory = Array.from({ length: 2 ** this.#depth }, (_, prefix) => {
      const segment = new Segment(this.#depth, prefix, slots);
      // Nothing in it is older than today.
      segment.forgetFrom(day + digestDaysKept);
      return segment;
    });
  }

  /** Adds the digest at `offset`. True when it was not known. */
  add(digests: Uint8Array, offset: number, day: number): boolean {
    return this.addAll(digests.subarray(offset, offset + digestBytes), day).length === 1;
  }

  /**
   * Adds digests and gives the places of those that were not known, lent until the next call. Days must
   * not decrease. One that was known is known from today on anew: so the set depends only on what
   * arrived in its days, and can be filled again from them.
   */
  addAll(digests: Uint8Array, day: number): Uint32Array {
    if (day !== this.#day) this.#startDay(day);
    const count = digests.length / digestBytes;
    const words = this.#wordsOf(digests);
    const fresh = this.#fresh;
    let freshCount = 0;
    // Nothing else is done between: memory answers several at once.
    for (let i = 0, at = 0; i < count; i++, at += 4) {
      if (this.#add(words[at]!, words[at + 1]!, words[at + 2]!, words[at + 3]!)) {
        fresh[freshCount++] = i;
      }
    }
    return fresh.subarray(0, freshCount);
  }

  #add(a: number, b: number, c: number, d: number): boolean {
    let segment = this.#directory[a & ((1 << this.#depth) - 1)]!;
    if (this.#day >= segment.forgetDay) segment = this.#makeRoom(segment, a);
    let slot = segment.find(a, b, c, d);
    if (slot >= 0) {
      const isNew = ageOf(segment.marks[slot]!, this.#code) > digestDaysKept;
      segment.marks[slot] = (c & tagMask) | this.#code;
      return isNew;
    }
    if (segment.isFull) {
      segment = this.#makeRoom(segment, a);
      slot = segment.find(a, b, c, d);
    }
    segment.put(-1 - slot, a, b, c, d, (c & tagMask) | this.#code);
    return true;
  }

  /** Digests that are known. */
  get size(): number {
    let size = 0;
    for (const segment of new Set(this.#directory)) size += segment.countKept(this.#day);
    return size;
  }

  #wordsOf(digests: Uint8Array): Int32Array {
    if (this.#words.byteLength < digests.length) {
      this.#words = new Int32Array(digests.length / 2);
      this.#fresh = new Uint32Array(digests.length / 8);
    }
    new Uint8Array(this.#words.buffer).set(digests);
    return this.#words;
  }

  #startDay(day: number): void {
    if (day < this.#day) throw new RangeError(`day ${day} comes after day ${this.#day}`);
    if (this.#day === -Infinity) this.#directory[0]!.forgetFrom(day);
    this.#day = day;
    this.#code = codeOf(day);
  }

  /** Forgets what is too old in a segment, enlarges or splits it; gives the one for the first word. */
  #makeRoom(old: Segment, a: number): Segment {
    const kept = old.countKept(this.#day);
    const slots = slotsFor(kept, old.depth);
    if (slots !== undefined) {
      const next = this.#spare.take(old.depth, old.prefix, slots, this.#day);
      moveAll(old, this.#day, () => next);
      this.#place(next);
      this.#spare.give(old);
      return next;
    }
    if (old.depth === this.#depth) {
      this.#directory = this.#directory.concat(this.#directory);
      this.#depth++;
    }
    const bit = 1 << old.depth;
    const keptWithBit = old.countKept(this.#day, bit);
    const take = (prefix: number, count: number) =>
      this.#spare.take(old.depth + 1, prefix, slotsFor(count, 0) ?? slotsMax, this.#day);
    const without = take(old.prefix, kept - keptWithBit);
    const withBit = take(old.prefix | bit, keptWithBit);
    moveAll(old, this.#day, (first) => (first & bit) === 0 ? without : withBit);
    this.#place(without);
    this.#place(withBit);
    this.#spare.give(old);
    const found = (a & bit) === 0 ? without : withBit;
    // Most went to one side.
    return found.isFull ? this.#makeRoom(found, a) : found;
  }

  /** Every directory entry that agrees with the segment's bits leads to it. */
  #place(segment: Segment): void {
    for (let i = segment.prefix; i < this.#directory.length; i += 1 << segment.depth) {
      this.#directory[i] = segment;
    }
  }
}

const dayMs = 24 * 60 * 60 * 1000;
/** A segment is reserved for so many, with room for the share by which one gets more than another. */
const reservedMax = 4_096;
const loadReserved = 0.7;
/** Sizes of segments: the last are small enough to be moved in a fraction of a millisecond. */
const slotLadder = [256, 512, 1024, 2048, 4096, 6144, 8192];
const slotsMax = slotLadder.at(-1)!;
/** A new segment is filled so far at most, a segment that is fuller than `loadMax` is replaced. */
const loadAtFirst = 0.76;
const loadMax = 0.82;
/** From here on a segment grows instead: only ids made to collide can fill one so deep. */
const depthMax = 20;
/** The mark of a free slot; others hold a day's code in their low bits. */
const free = 0;
const dayMask = 0x0f;
const tagMask = 0xf0;
/** Days come round after so many. */
const dayCodes = 15;

/** How many slots that many digests need; undefined: they are to be split. */
function slotsFor(count: number, depth: number): number | undefined {
  const needed = count / loadAtFirst;
  const slots = slotLadder.find((size) => size >= needed);
  if (slots !== undefined || depth < depthMax) return slots;
  return slotsMax * 2 ** Math.ceil(Math.log2(needed / slotsMax));
}

/** Open addressing with linear probing. */
class Segment {
  count = 0;
  readonly words: Int32Array;
  /** Of each digest four of its bits, and a code of the day on which it arrived last. */
  readonly marks: Uint8Array;
  /** From this day on it is made anew without what is too old. */
  forgetDay = Infinity;
  depth: number;
  prefix: number;
  readonly #countMax: number;

  /** `prefix` is the low `depth` bits of the first word of all its digests. */
  constructor(depth: number, prefix: number, readonly slots: number) {
    this.depth = depth;
    this.prefix = prefix;
    this.words = new Int32Array(slots * 4);
    this.marks = new Uint8Array(slots);
    this.#countMax = Math.floor(slots * loadMax);
  }

  /** Not all on one day, so that nothing stops at midnight. */
  forgetFrom(day: number): void {
    const spread = (this.prefix * 0.6180339887498949) % 1;
    this.forgetDay = day + Math.floor((dayCodes - 1 - digestDaysKept) * (1 + spread) / 2);
  }

  get isFull(): boolean {
    return this.count >= this.#countMax;
  }

  /** Nothing arrived here from `forgetDay` on, and until then the codes tell all days apart. */
  reference(day: number): { code: number; ageMax: number } {
    const reference = Math.min(day, this.forgetDay - 1);
    return { code: codeOf(reference), ageMax: digestDaysKept - (day - reference) };
  }

  /** `bit`: only those that have it in their first word. */
  countKept(day: number, bit = 0): number {
    const { marks, words, slots } = this;
    const { code, ageMax } = this.reference(day);
    let kept = 0;
    for (let slot = 0; slot < slots; slot++) {
      if (marks[slot] === free || ageOf(marks[slot]!, code) > ageMax) continue;
      if (bit === 0 || (words[slot * 4]! & bit) !== 0) kept++;
    }
    return kept;
  }

  /** The slot that holds the digest, or else the free one where it belongs as -1 - slot. */
  find(a: number, b: number, c: number, d: number): number {
    const { marks, words, slots } = this;
    const tag = c & tagMask;
    let slot = ((b >>> 16) * slots) >>> 16;
    for (let mark = marks[slot]!; mark !== free; mark = marks[slot]!) {
      if ((mark & tagMask) === tag) {
        const at = slot * 4;
        if (
          words[at] === a && words[at + 1] === b && words[at + 2] === c && words[at + 3] === d
        ) return slot;
      }
      if (++slot === slots) slot = 0;
    }
    return -1 - slot;
  }

  put(slot: number, a: number, b: number, c: number, d: number, mark: number): void {
    const at = slot * 4;
    this.words[at] = a;
    this.words[at + 1] = b;
    this.words[at + 2] = c;
    this.words[at + 3] = d;
    this.marks[slot] = mark;
    this.count++;
  }
}

/** Segments that were replaced are used again: the collector would keep their memory for long. */
class SpareSegments {
  readonly #bySlots = new Map<number, Segment[]>();

  take(depth: number, prefix: number, slots: number, day: number): Segment {
    const segment = this.#bySlots.get(slots)?.pop() ?? new Segment(depth, prefix, slots);
    segment.depth = depth;
    segment.prefix = prefix;
    segment.forgetFrom(day);
    return segment;
  }

  give(segment: Segment): void {
    if (segment.slots > slotsMax) return;
    const spare = this.#bySlots.get(segment.slots) ?? [];
    if (spare.length >= sparesMax) return;
    segment.marks.fill(free);
    segment.count = 0;
    spare.push(segment);
    this.#bySlots.set(segment.slots, spare);
  }
}

/** Of each size: a day that comes in makes a few anew at a time. */
const sparesMax = 8;

function moveAll(from: Segment, day: number, target: (firstWord: number) => Segment): void {
  const { words, marks, slots } = from;
  const { code, ageMax } = from.reference(day);
  for (let slot = 0; slot < slots; slot++) {
    if (marks[slot] === free || ageOf(marks[slot]!, code) > ageMax) continue;
    const at = slot * 4;
    const a = words[at]!, b = words[at + 1]!, c = words[at + 2]!, d = words[at + 3]!;
    const segment = target(a);
    segment.put(-1 - segment.find(a, b, c, d), a, b, c, d, marks[slot]!);
  }
}

function codeOf(day: number): number {
  return 1 + day % dayCodes;
}

/** Days from the mark to the code's day: no segment in use holds anything that is as old as a round. */
function ageOf(mark: number, code: number): number {
  const age = code - (mark & dayMask);
  return age < 0 ? age + dayCodes : age;
}
