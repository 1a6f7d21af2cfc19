/**
 * For each number the head of a chain and how long the chain is. A table of millions never pauses to
 * rehash: it is made of small segments (extendible hashing), and a full one is split on its own.
 */

/** Words of an entry: number, head, length; a length of 0 is a free slot. */
const entryWords = 3;
const slotsAtFirst = 4;
/** Small enough to be split in a fraction of a millisecond. */
const slotsMax = 4_096;
/** The bits of a hash below these lead through the directory, these to the slot. */
const depthMax = 20;
const loadMin = 0.45;
const loadMax = 0.7;

export class ChainTable {
  /** Of the entry that `find` or `push` came to last. */
  head = 0;
  length = 0;
  /** Numbers held. */
  size = 0;
  #depth = 0;
  #directory: Segment[] = [new Segment(0, 0, slotsAtFirst)];

  /** Sets `head` and `length`, both 0 where there is no such number. */
  find(number: number): boolean {
    const { words, mask } = this.#segmentOf(hashOf(number));
    const at = slotOf(words, mask, number);
    this.head = words[at + 1]!;
    this.length = words[at + 2]!;
    return this.length > 0;
  }

  /** Makes `head` the head of the number's chain; gives the one before, 0 for none. */
  push(number: number, head: number): number {
    const hash = hashOf(number);
    let segment = this.#segmentOf(hash);
    let at = slotOf(segment.words, segment.mask, number);
    if (segment.words[at + 2] === 0) {
      if (segment.isFull) {
        segment = this.#enlarge(segment, hash);
        at = slotOf(segment.words, segment.mask, number);
      }
      segment.words[at] = number;
      segment.count++;
      this.size++;
    }
    const { words } = segment;
    const before = words[at + 1]!;
    this.head = words[at + 1] = head;
    this.length = ++words[at + 2]!;
    return before;
  }

  #segmentOf(hash: number): Segment {
    return this.#directory[hash & ((1 << this.#depth) - 1)]!;
  }

  #enlarge(full: Segment, hash: number): Segment {
    const { depth, slots } = full;
    if (slots < slotsMax || depth === depthMax) {
      const bigger = new Segment(depth, hash & ((1 << depth) - 1), slots * 2);
      moveAll(full, () => bigger);
      this.#place(bigger);
      return bigger;
    }
    if (depth === this.#depth) {
      this.#directory = this.#directory.concat(this.#directory);
      this.#depth++;
    }
    const bit = 1 << depth;
    const without = new Segment(depth + 1, full.prefix, slots);
    const withBit = new Segment(depth + 1, full.prefix | bit, slots);
    moveAll(full, (moved) => (moved & bit) === 0 ? without : withBit);
    this.#place(without);
    this.#place(withBit);
    const half = (hash & bit) === 0 ? without : withBit;
    // Most went to one side: it is split on.
    return half.isFull ? this.#enlarge(half, hash) : half;
  }

  /** Every directory entry that agrees with the segment's bits leads to it. */
  #place(segment: Segment): void {
    for (let i = segment.prefix; i < this.#directory.length; i += 1 << segment.depth) {
      this.#directory[i] = segment;
    }
  }
}

class Segment {
  count = 0;
  readonly words: Uint32Array;
  readonly mask: number;
  readonly #countMax: number;

  /** `prefix` is the low `depth` bits of the hash of all its numbers. */
  constructor(readonly depth: number, readonly prefix: number, readonly slots: number) {
    this.words = new Uint32Array(slots * entryWords);
    this.mask = slots - 1;
    // Numbers fill all segments alike: with one limit for all they would be split all at once.
    const spread = (prefix * 0.6180339887498949) % 1;
    this.#countMax = Math.floor(slots * (loadMin + (loadMax - loadMin) * spread));
  }

  get isFull(): boolean {
    return this.count >= this.#countMax;
  }
}

/** Where the number stands in the words, or the free slot where it belongs. */
function slotOf(words: Uint32Array, mask: number, number: number): number {
  let slot = (hashOf(number) >>> depthMax) & mask;
  for (;;) {
    const at = slot * entryWords;
    if (words[at + 2] === 0 || words[at] === number) return at;
    slot = (slot + 1) & mask;
  }
}

function moveAll({ words }: Segment, target: (hash: number) => Segment): void {
  for (let at = 0; at < words.length; at += entryWords) {
    const length = words[at + 2]!;
    if (length === 0) continue;
    const number = words[at]!;
    const segment = target(hashOf(number));
    const to = slotOf(segment.words, segment.mask, number);
    segment.words[to] = number;
    segment.words[to + 1] = words[at + 1]!;
    segment.words[to + 2] = length;
    segment.count++;
  }
}

function hashOf(number: number): number {
  let hash = Math.imul(number ^ (number >>> 15), 0x2c1b3c6d);
  hash = Math.imul(hash ^ (hash >>> 12), 0x297a2d39);
  return (hash ^ (hash >>> 15)) >>> 0;
}
