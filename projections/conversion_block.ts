/**
 * Some thousand clicks, or events that may be conversions, in the order of the log. What links those
 * of a device is not in the bytes: which of them came first does not matter to any count.
 */
import { checkColumns, decodeColumns, encodeColumns, headerOf, withHeader } from "./byte_planes.ts";

/** Where in the log a record comes from: the position of its event, and its number in the chunk. */
export interface RecordPlace {
  readonly position: string;
  readonly index: number;
}

export class ConversionBlock {
  count = 0;
  /**
   * Of each record the device, another record of the device by its place in memory (0 for none), the
   * low 32 bits of when it happened, and the high 16 bits of that with the index of its label. They
   * stand side by side because chains are walked.
   */
  #words = new Uint32Array(64 * wordsPerRecord);
  /** Campaigns that were clicked, or names of events. */
  labels: string[] = [];
  labelBytes = 0;
  /** Its place in memory; 0 for none. */
  slot = 0;
  readonly last: { position: string; index: number };
  /** What the words are to be made of; null: they are there. */
  #packed: { readonly columns: Uint8Array; readonly earliestMs: number } | null = null;
  #labelNumbers: Map<string, number> | null = null;

  /** `number` is its number in the day on which it was begun, `startMs` the recorded time of that. */
  constructor(readonly number: number, readonly first: RecordPlace, readonly startMs: number) {
    this.last = { ...first };
  }

  labelNumber(label: string): number {
    this.#labelNumbers ??= new Map(this.labels.map((known, index) => [known, index]));
    let number = this.#labelNumbers.get(label);
    if (number === undefined) {
      number = this.labels.push(label) - 1;
      this.labelBytes += label.length * 3;
      this.#labelNumbers.set(label, number);
    }
    return number;
  }

  /** When it happened is in milliseconds from the epoch on, up to the year 9999. */
  add(device: number, label: number, occurredAtMs: number): number {
    const index = this.count;
    if (index * wordsPerRecord === this.#words.length) this.#resize(index * 2);
    const at = index * wordsPerRecord;
    this.#words[at] = device;
    // A word takes the low 32 bits.
    this.#words[at + 2] = occurredAtMs;
    this.#words[at + 3] = Math.floor(occurredAtMs / 2 ** 32) * 2 ** 16 + label;
    this.count = index + 1;
    return index;
  }

  device(index: number): number {
    return this.#words[index * wordsPerRecord]!;
  }

  before(index: number): number {
    return this.#words[index * wordsPerRecord + 1]!;
  }

  setBefore(index: number, id: number): void {
    this.#words[index * wordsPerRecord + 1] = id;
  }

  occurredAtMs(index: number): number {
    const at = index * wordsPerRecord;
    return this.#words[at + 2]! + (this.#words[at + 3]! >>> 16) * 2 ** 32;
  }

  label(index: number): string {
    return this.labels[this.#words[index * wordsPerRecord + 3]! & 0xffff]!;
  }

  /** Gives back what was kept for growing. */
  trim(): void {
    this.#resize(this.count);
    this.#labelNumbers = null;
  }

  encode(): Uint8Array {
    this.unpack();
    const { first, last, startMs, count, labels } = this;
    const columns = newColumns(count);
    const [device, label, low, high] = columns;
    let earliestMs = Infinity;
    for (let i = 0; i < count; i++) earliestMs = Math.min(earliestMs, this.occurredAtMs(i));
    for (let i = 0; i < count; i++) {
      const afterMs = this.occurredAtMs(i) - earliestMs;
      device[i] = this.device(i);
      label[i] = this.#words[i * wordsPerRecord + 3]! & 0xffff;
      low[i] = afterMs % 2 ** 32;
      high[i] = Math.floor(afterMs / 2 ** 32);
    }
    const places = [first.position, first.index, last.position, last.index];
    return withHeader(
      [...places, startMs, count, earliestMs, labels],
      encodeColumns(columns, count),
    );
  }

  /** Its records are there when it has been unpacked. */
  static decode(number: number, bytes: Uint8Array): ConversionBlock {
    const { header, columns: encoded } = headerOf(bytes);
    const [first, firstIndex, last, lastIndex, startMs, count, earliestMs, labels] =
      header as EncodedHeader;
    const block = new ConversionBlock(number, { position: first, index: firstIndex }, startMs);
    block.last.position = last;
    block.last.index = lastIndex;
    block.labels = labels;
    for (const label of labels) block.labelBytes += label.length * 3;
    checkColumns(encoded, columnCount, count);
    block.#words = noWords;
    block.#packed = { columns: encoded, earliestMs };
    block.count = count;
    return block;
  }

  unpack(): void {
    const packed = this.#packed;
    if (!packed) return;
    this.#packed = null;
    const { count } = this;
    const columns = newColumns(count);
    decodeColumns(packed.columns, columns, count);
    const [device, label, low, high] = columns;
    this.#words = new Uint32Array(count * wordsPerRecord);
    this.count = 0;
    for (let i = 0; i < count; i++) {
      this.add(device[i]!, label[i]!, packed.earliestMs + low[i]! + high[i]! * 2 ** 32);
    }
  }

  #resize(capacity: number): void {
    const words = new Uint32Array(capacity * wordsPerRecord);
    words.set(this.#words.subarray(0, words.length));
    this.#words = words;
  }
}

const wordsPerRecord = 4;
const columnCount = 4;
const noWords = new Uint32Array(0);

/** Device, label, low and high part of when it happened. */
function newColumns(count: number) {
  const numbers = () => new Uint32Array(count);
  return [numbers(), numbers(), numbers(), numbers()] as const;
}

type EncodedHeader = [string, number, string, number, number, number, number, string[]];

/** Less than 0: the left one comes first. */
export function comparePlaces(left: RecordPlace, right: RecordPlace): number {
  if (left.position === right.position) return left.index - right.index;
  return left.position < right.position ? -1 : 1;
}
