/**
 * Ids → numbers at hand, in memory that threads share: one thread writes, any may look something up.
 * An id is known by 12 bytes of its digest. It has its place in one of two small buckets; where both
 * are full, another one is forgotten. The table is small at first and then has its full size at once,
 * so that a big one is never moved.
 */

/** An entry: three words of the digest, and the number; 0 is a free slot. */
const slotWords = 4;
const bucketSlots = 4;
const bucketWords = bucketSlots * slotWords;

/** Two buckets of four to choose from: below this share of full slots hardly any pair is full. */
const loadMax = 0.85;
/** With so many entries a small table becomes one of full size. */
const smallEntriesMax = 4_096;

export class NumberTable {
  /** Numbers that this thread has put in and that are still there. */
  size = 0;
  #words: Int32Array;
  #buckets: number;
  #turn = 0;
  /** What was found, lent; and what was read ahead, kept so that the engine does read it. */
  #found = new Uint32Array(0);
  #ahead = 0;

  /** `entriesMax`: as many are held with hardly any loss. */
  constructor(
    readonly entriesMax: number,
    memory = memoryFor(Math.min(entriesMax, 2 * smallEntriesMax)),
  ) {
    this.#words = new Int32Array(memory);
    this.#buckets = this.#words.length / bucketWords;
  }

  /** Another thread makes a table to read over it. It is another one once the table has grown. */
  get memory(): SharedArrayBuffer {
    return this.#words.buffer as SharedArrayBuffer;
  }

  /** 0: not at hand. The digest stands in `digest` from `from` on. */
  find(digest: Int32Array, from = 0): number {
    const found = this.#slotIn(this.#bucket(digest[from]!), digest, from);
    const at = found >= 0 ? found : this.#slotIn(this.#bucket(digest[from + 1]!), digest, from);
    if (at < 0) return 0;
    const number = Atomics.load(this.#words, at + 3);
    // Written to meanwhile: whoever asks then does not know it, which is always a good answer.
    return this.#holds(at, digest, from) && Atomics.load(this.#words, at + 3) === number
      ? number >>> 0
      : 0;
  }

  /**
   * The same for many, whose digests stand one after the other. The same array each time: read it before
   * the next call.
   */
  findAll(digests: Int32Array, count: number): Uint32Array {
    if (this.#found.length < count) this.#found = new Uint32Array(2 * count);
    const found = this.#found;
    // Each bucket is read before anything waits for one of them, so that memory answers many at once.
    for (let index = 0; index < count; index++) {
      this.#ahead ^= this.#words[this.#bucket(digests[4 * index]!)]!;
    }
    for (let index = 0; index < count; index++) found[index] = this.find(digests, 4 * index);
    return found;
  }

  set(digest: Int32Array, number: number): void {
    const isSmall = this.memory.byteLength < bytesFor(this.entriesMax);
    if (isSmall && this.size >= smallEntriesMax) this.#grow();
    const at = this.#slotFor(digest);
    if (this.#words[at + 3] === 0) this.size++;
    this.#write(at, digest, number);
  }

  #write(at: number, digest: Int32Array, number: number): void {
    // A slot that is being written holds no number, so no other thread reads half an entry.
    Atomics.store(this.#words, at + 3, 0);
    for (let word = 0; word < 3; word++) Atomics.store(this.#words, at + word, digest[word]!);
    Atomics.store(this.#words, at + 3, number | 0);
  }

  delete(digest: Int32Array): void {
    for (const word of [0, 1]) {
      const at = this.#slotIn(this.#bucket(digest[word]!), digest, 0);
      if (at >= 0) this.#free(at);
    }
  }

  /** Looks at every entry. */
  deleteNumbers(numbers: ReadonlySet<number>): void {
    for (let at = 0; at < this.#words.length; at += slotWords) {
      const number = this.#words[at + 3]! >>> 0;
      if (number !== 0 && numbers.has(number)) this.#free(at);
    }
  }

  #grow(): void {
    const before = this.#words;
    const grown = new NumberTable(this.entriesMax, memoryFor(this.entriesMax));
    for (let at = 0; at < before.length; at += slotWords) {
      if (before[at + 3] !== 0) grown.set(before.subarray(at, at + 3), before[at + 3]!);
    }
    this.#words = grown.#words;
    this.#buckets = grown.#buckets;
    this.size = grown.size;
  }

  #free(at: number): void {
    Atomics.store(this.#words, at + 3, 0);
    this.size--;
  }

  /** Where its bucket begins. */
  #bucket(hash: number): number {
    return Math.floor((hash >>> 0) / 2 ** 32 * this.#buckets) * bucketWords;
  }

  #slotIn(bucket: number, digest: Int32Array, from: number): number {
    const words = this.#words;
    const first = digest[from]!;
    for (let at = bucket; at < bucket + bucketWords; at += slotWords) {
      // Looked at again, in order, where the first word fits: that costs more.
      if (words[at] === first && this.#holds(at, digest, from) && words[at + 3] !== 0) return at;
    }
    return -1;
  }

  #holds(at: number, digest: Int32Array, from: number): boolean {
    return Atomics.load(this.#words, at) === digest[from] &&
      Atomics.load(this.#words, at + 1) === digest[from + 1] &&
      Atomics.load(this.#words, at + 2) === digest[from + 2];
  }

  /** Its own slot, else a free one in the emptier bucket, else that of another. */
  #slotFor(digest: Int32Array): number {
    const first = this.#bucket(digest[0]!), second = this.#bucket(digest[1]!);
    const held = Math.max(this.#slotIn(first, digest, 0), this.#slotIn(second, digest, 0));
    if (held >= 0) return held;
    // Rather where it is looked for first: each look costs a miss of the processor's caches.
    const free = this.#freeSlots(first) > 0 ? first : second;
    for (let at = free; at < free + bucketWords; at += slotWords) {
      if (this.#words[at + 3] === 0) return at;
    }
    for (const bucket of [first, second]) {
      for (let at = bucket; at < bucket + bucketWords; at += slotWords) {
        if (this.#moveAway(at)) return at;
      }
    }
    this.#turn = (this.#turn + 1) % bucketSlots;
    return first + this.#turn * slotWords;
  }

  /** Into the other bucket of the entry, where there is room. */
  #moveAway(from: number): boolean {
    const here = from - from % bucketWords;
    const entry = this.#words.slice(from, from + slotWords);
    const [first, second] = [this.#bucket(entry[0]!), this.#bucket(entry[1]!)];
    const other = first === here ? second : first;
    for (let at = other; at < other + bucketWords; at += slotWords) {
      if (this.#words[at + 3] !== 0) continue;
      this.#write(at, entry, entry[3]!);
      Atomics.store(this.#words, from + 3, 0);
      return true;
    }
    return false;
  }

  #freeSlots(bucket: number): number {
    let free = 0;
    for (let at = bucket; at < bucket + bucketWords; at += slotWords) {
      if (this.#words[at + 3] === 0) free++;
    }
    return free;
  }
}

function memoryFor(entries: number): SharedArrayBuffer {
  return new SharedArrayBuffer(bytesFor(entries));
}

function bytesFor(entries: number): number {
  const buckets = Math.max(2, Math.ceil(entries / loadMax / bucketSlots));
  return buckets * bucketWords * Int32Array.BYTES_PER_ELEMENT;
}
