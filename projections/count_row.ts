/**
 * How often each of 65,536 neighbouring numbers was counted, exactly, in a few bytes for each that
 * was: a small hash table, and where many were counted some bits for every one of them. Its bytes
 * depend on the counts alone, not on the way to them.
 */

export const countRowShift = 16;
const numbers = 1 << countRowShift;
const lowMask = numbers - 1;
const slotsAtFirst = 8;
const slotsMax = 2_048;
/** Bits for every number, to begin with. */
const bitsAtFirst = 2;
const sparseCountMax = 0xffff;
/** So many may have counts too large for their place, before all get larger places. */
const largeMax = 256;
const bitsMax = 32;

export class CountRow {
  isDirty = false;
  /** Has events that have not come to it yet: those up to `through`. */
  isAhead = false;
  through = "";
  /** Of a table: `number << 16 | count`, 0 for a free slot. Else the counts themselves. */
  #words = new Uint32Array(slotsAtFirst);
  /** 0: it is a table. */
  #bits = 0;
  /** Numbers in the table. */
  #size = 0;
  #places = new Uint8Array(0);
  /** The counts of those whose place holds the greatest that fits there. */
  #large: Map<number, number> | null = null;

  constructor(readonly key: string) {}

  /** Of the number only its lowest 16 bits are looked at. */
  get(number: number): number {
    const low = number & lowMask;
    const value = this.#bits === 0
      ? this.#words[this.#slotOf(low)]! & sparseCountMax
      : this.#place(low);
    return value === this.#valueMax ? this.#large!.get(low)! : value;
  }

  /** One more. */
  add(number: number): void {
    const low = number & lowMask;
    const bits = this.#bits;
    if (bits === 2 || bits === 4) {
      const at = (low * bits) >>> 3;
      const shift = (low * bits) & 7;
      const byte = this.#places[at]!;
      const mask = (1 << bits) - 1;
      if (((byte >>> shift) & mask) < mask - 1) {
        this.#places[at] = byte + (1 << shift);
        return;
      }
    } else if (bits === 0) {
      const slot = this.#slotOf(low);
      const word = this.#words[slot]!;
      if (word === 0) return this.#insert(low, 1);
      if ((word & sparseCountMax) < sparseCountMax - 1) {
        this.#words[slot] = word + 1;
        return;
      }
    }
    this.#set(low, this.get(low) + 1);
  }

  /** One more of each of the first so many numbers from there on. */
  addAll(all: Uint32Array, from: number, to: number): void {
    for (let nth = from; nth < to;) {
      const bits = this.#bits;
      const places = this.#places;
      const mask = (1 << bits) - 1;
      // The usual case without a call for each; `add` does what is more than that.
      for (; nth < to && (bits === 2 || bits === 4); nth++) {
        const bit = (all[nth]! & lowMask) * bits;
        const byte = places[bit >>> 3]!;
        if (((byte >>> (bit & 7)) & mask) >= mask - 1) break;
        places[bit >>> 3] = byte + (1 << (bit & 7));
      }
      if (nth < to) this.add(all[nth++]!);
    }
  }

  /** `u8 bits · u32 large counts · (u32 number, u32 count) each · table or places up to the last`. */
  encode(): Uint8Array {
    const large = [...this.#large ?? []].sort(([a], [b]) => a - b);
    const body = this.#bits === 0 ? this.#sortedTable() : this.#usedPlaces();
    const bytes = new Uint8Array(headBytes + large.length * 8 + body.length);
    const view = new DataView(bytes.buffer);
    bytes[0] = this.#bits;
    view.setUint32(1, large.length, true);
    large.forEach(([low, count], index) => {
      view.setUint32(headBytes + index * 8, low, true);
      view.setUint32(headBytes + index * 8 + 4, count, true);
    });
    bytes.set(body, headBytes + large.length * 8);
    return bytes;
  }

  load(bytes: Uint8Array): void {
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#bits = bytes[0]!;
    const largeCount = view.getUint32(1, true);
    const start = headBytes + largeCount * 8;
    this.#large = largeCount === 0 ? null : new Map();
    for (let at = headBytes; at < start; at += 8) {
      this.#large!.set(view.getUint32(at, true), view.getUint32(at + 4, true));
    }
    if (this.#bits === 0) {
      for (let at = start; at < bytes.length; at += 4) {
        const word = view.getUint32(at, true);
        this.#insert(word >>> 16, word & sparseCountMax);
      }
    } else {
      this.#words = new Uint32Array(0);
      this.#places = new Uint8Array(numbers * this.#bits / 8);
      this.#places.set(bytes.subarray(start));
    }
  }

  /** Stands for itself and everything above, which is then in `#large`. */
  get #valueMax(): number {
    return this.#bits === 0 ? sparseCountMax : 2 ** this.#bits - 1;
  }

  /** Where the number stands in the table, or the free slot where it belongs. */
  #slotOf(low: number): number {
    const words = this.#words;
    const mask = words.length - 1;
    let slot = (Math.imul(low, 0x9e3779b1) >>> 16) & mask;
    for (;;) {
      const word = words[slot]!;
      if (word === 0 || word >>> 16 === low) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #insert(low: number, count: number): void {
    if ((this.#size + 1) * 4 > this.#words.length * 3) {
      this.#enlarge();
      if (this.#bits !== 0) return this.#set(low, count);
    }
    this.#words[this.#slotOf(low)] = ((low << 16) | count) >>> 0;
    this.#size++;
  }

  #enlarge(): void {
    const before = this.#words;
    if (before.length < slotsMax) {
      this.#words = new Uint32Array(before.length * 2);
      for (const word of before) if (word !== 0) this.#words[this.#slotOf(word >>> 16)] = word;
      return;
    }
    const large = this.#large;
    this.#words = new Uint32Array(0);
    this.#large = null;
    this.#bits = bitsAtFirst;
    this.#places = new Uint8Array(numbers * bitsAtFirst / 8);
    for (const word of before) {
      if (word === 0) continue;
      const count = word & sparseCountMax;
      // Nearly all are small, whatever bits it has by then.
      if (count < 2 ** bitsAtFirst - 1) this.#setPlace(word >>> 16, count);
      else this.#set(word >>> 16, count === sparseCountMax ? large!.get(word >>> 16)! : count);
    }
  }

  #set(low: number, count: number): void {
    const max = this.#valueMax;
    if (this.#bits === 0) {
      this.#words[this.#slotOf(low)] = ((low << 16) | Math.min(count, max)) >>> 0;
    } else this.#setPlace(low, Math.min(count, max));
    if (count < max) return;
    this.#large ??= new Map();
    this.#large.set(low, count);
    if (this.#large.size > largeMax && this.#bits !== 0 && this.#bits < bitsMax) this.#widen();
  }

  /** Gives every number twice the place. */
  #widen(): void {
    const large = this.#large!;
    const before = new CountRow("");
    before.#bits = this.#bits;
    before.#places = this.#places;
    this.#bits *= 2;
    this.#places = new Uint8Array(numbers * this.#bits / 8);
    this.#large = null;
    for (let low = 0; low < numbers; low++) this.#setPlace(low, before.#place(low));
    for (const [low, count] of large) this.#set(low, count);
  }

  #place(low: number): number {
    const places = this.#places;
    const bits = this.#bits;
    if (bits < 8) return (places[(low * bits) >>> 3]! >>> ((low * bits) & 7)) & ((1 << bits) - 1);
    const width = bits >>> 3;
    let value = 0;
    for (let byte = 0; byte < width; byte++) value |= places[low * width + byte]! << (byte * 8);
    return value >>> 0;
  }

  #setPlace(low: number, value: number): void {
    const places = this.#places;
    const bits = this.#bits;
    if (bits < 8) {
      const at = (low * bits) >>> 3;
      const shift = (low * bits) & 7;
      places[at] = (places[at]! & ~(((1 << bits) - 1) << shift)) | (value << shift);
      return;
    }
    const width = bits >>> 3;
    for (let byte = 0; byte < width; byte++) places[low * width + byte] = value >>> (byte * 8);
  }

  #sortedTable(): Uint8Array {
    const words = this.#words.filter((word) => word !== 0).sort();
    const bytes = new Uint8Array(words.length * 4);
    const view = new DataView(bytes.buffer);
    words.forEach((word, index) => view.setUint32(index * 4, word, true));
    return bytes;
  }

  #usedPlaces(): Uint8Array {
    const places = this.#places;
    let used = places.length;
    while (used > 0 && places[used - 1] === 0) used--;
    return places.subarray(0, used);
  }
}

const headBytes = 5;
