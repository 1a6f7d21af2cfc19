/**
 * An exact set of 16-byte digests that forgets by the day on which they arrived, counted in recorded
 * time, so that a replay forgets at the same event. A set of millions never pauses to rehash: a day's
 * table is made of small segments (extendible hashing), and a full one is split on its own.
 */

/** Digests are known for this many whole days after the day of their last arrival. */
export const digestDaysKept = 8;

export class DigestSet {
  /** Newest first. */
  #tables: DayTable[] = [];

  /**
   * Adds the digest at `offset`. True when it was not there. Days must not decrease. One that was there
   * is known from today on anew: so the set depends only on what arrived in its days, and can be
   * filled again from them.
   */
  add(digests: Uint8Array, offset: number, day: number): boolean {
    const a = wordAt(digests, offset);
    const b = wordAt(digests, offset + 4);
    const c = wordAt(digests, offset + 8);
    const d = wordAt(digests, offset + 12);
    const newest = this.#tables[0]?.day === day ? this.#tables[0] : this.#startDay(day);
    if (!newest.add(a, b, c, d)) return false;
    for (let i = 1; i < this.#tables.length; i++) {
      if (this.#tables[i]!.has(a, b, c, d)) return false;
    }
    return true;
  }

  /** Digests held, one that arrived on several days once for each. */
  get size(): number {
    return this.#tables.reduce((sum, table) => sum + table.count, 0);
  }

  #startDay(day: number): DayTable {
    const newestDay = this.#tables[0]?.day ?? -Infinity;
    if (day < newestDay) throw new RangeError(`day ${day} comes after day ${newestDay}`);
    const table = new DayTable(day);
    this.#tables = [table, ...this.#tables.filter((kept) => kept.day >= day - digestDaysKept)];
    return table;
  }
}

/** Small enough to be split in a fraction of a millisecond. */
const segmentSlots = 8192;
const loadMin = 0.5;
const loadMax = 0.85;
/** From here on a segment grows instead: only ids made to collide can fill one so deep. */
const depthMax = 20;

/** Open addressing with linear probing; a tag of 0 is a free slot. */
class Segment {
  count = 0;
  readonly tags: Uint8Array;
  readonly words: Uint32Array;
  readonly #mask: number;
  readonly #countMax: number;

  /** `prefix` is the low `depth` bits of the first word of all its digests. */
  constructor(readonly depth: number, prefix: number, readonly slots: number) {
    this.tags = new Uint8Array(slots);
    this.words = new Uint32Array(slots * 4);
    this.#mask = slots - 1;
    // Digests fill all segments alike: with one limit for all they would be split all at once.
    const spread = (prefix * 0.6180339887498949) % 1;
    this.#countMax = Math.floor(slots * (loadMin + (loadMax - loadMin) * spread));
  }

  get isFull(): boolean {
    return this.count >= this.#countMax;
  }

  /** The slot that holds the digest, or else the free one where it belongs as -1 - slot. */
  find(a: number, b: number, c: number, d: number): number {
    const { tags, words } = this;
    const tag = tagOf(c);
    let slot = b & this.#mask;
    for (let found = tags[slot]!; found !== 0; found = tags[slot]!) {
      if (found === tag) {
        const at = slot * 4;
        if (
          words[at] === a && words[at + 1] === b && words[at + 2] === c && words[at + 3] === d
        ) return slot;
      }
      slot = (slot + 1) & this.#mask;
    }
    return -1 - slot;
  }

  put(slot: number, a: number, b: number, c: number, d: number): void {
    this.tags[slot] = tagOf(c);
    this.words[slot * 4] = a;
    this.words[slot * 4 + 1] = b;
    this.words[slot * 4 + 2] = c;
    this.words[slot * 4 + 3] = d;
    this.count++;
  }
}

/** The low `depth` bits of a digest's first word lead through the directory to its segment. */
class DayTable {
  count = 0;
  #depth = 0;
  #directory: Segment[] = [new Segment(0, 0, segmentSlots)];

  constructor(readonly day: number) {}

  has(a: number, b: number, c: number, d: number): boolean {
    return this.#segmentOf(a).find(a, b, c, d) >= 0;
  }

  add(a: number, b: number, c: number, d: number): boolean {
    let segment = this.#segmentOf(a);
    let slot = segment.find(a, b, c, d);
    if (slot >= 0) return false;
    if (segment.isFull) {
      this.#split(segment, a);
      // Still full when most went to one side: the next digest splits again, free slots are left.
      segment = this.#segmentOf(a);
      slot = segment.find(a, b, c, d);
    }
    segment.put(-1 - slot, a, b, c, d);
    this.count++;
    return true;
  }

  #segmentOf(a: number): Segment {
    return this.#directory[a & ((1 << this.#depth) - 1)]!;
  }

  #split(full: Segment, a: number): void {
    if (full.depth === depthMax) {
      const bigger = new Segment(depthMax, a & ((1 << depthMax) - 1), full.slots * 2);
      moveAll(full, () => bigger);
      this.#place(a, bigger);
      return;
    }
    if (full.depth === this.#depth) {
      this.#directory = this.#directory.concat(this.#directory);
      this.#depth++;
    }
    const bit = 1 << full.depth;
    const prefix = a & (bit - 1);
    const without = new Segment(full.depth + 1, prefix, full.slots);
    const withBit = new Segment(full.depth + 1, prefix | bit, full.slots);
    moveAll(full, (first) => (first & bit) === 0 ? without : withBit);
    this.#place(prefix, without);
    this.#place(prefix | bit, withBit);
  }

  /** Every directory entry that agrees with `a` in the segment's bits leads to the segment. */
  #place(a: number, segment: Segment): void {
    const step = 1 << segment.depth;
    for (let i = a & (step - 1); i < this.#directory.length; i += step) {
      this.#directory[i] = segment;
    }
  }
}

function moveAll(from: Segment, target: (firstWord: number) => Segment): void {
  const { tags, words } = from;
  for (let slot = 0; slot < from.slots; slot++) {
    if (tags[slot] === 0) continue;
    const at = slot * 4;
    const a = words[at]!, b = words[at + 1]!, c = words[at + 2]!, d = words[at + 3]!;
    const segment = target(a);
    segment.put(-1 - segment.find(a, b, c, d), a, b, c, d);
  }
}

function tagOf(word: number): number {
  return (word & 0xff) || 1;
}

function wordAt(bytes: Uint8Array, offset: number): number {
  return (bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16) |
    (bytes[offset + 3]! << 24)) >>> 0;
}
