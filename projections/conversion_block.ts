/**
 * Some thousand clicks, or events that may be conversions, in the order of the log. What links those
 * of a device is not in the bytes: which of them came first does not matter to any count.
 */
import { decodeColumns, encodeColumns, headerOf, withHeader } from "./byte_planes.ts";

/** Where in the log a record comes from: the position of its event, and its number in the chunk. */
export interface RecordPlace {
  readonly position: string;
  readonly index: number;
}

export class ConversionBlock {
  count = 0;
  device = new Uint32Array(64);
  /** Index in `labels`. */
  label = new Uint16Array(64);
  occurredAtMs = new Float64Array(64);
  /** Another record of the device, by its place in memory; 0 for none. */
  before = new Uint32Array(64);
  /** Campaigns that were clicked, or names of events. */
  labels: string[] = [];
  labelBytes = 0;
  /** Its place in memory; 0 for none. */
  slot = 0;
  readonly last: { position: string; index: number };
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

  add(device: number, label: number, occurredAtMs: number): number {
    const index = this.count;
    if (index === this.device.length) this.#resize(index * 2);
    this.device[index] = device;
    this.label[index] = label;
    this.occurredAtMs[index] = occurredAtMs;
    this.count = index + 1;
    return index;
  }

  /** Gives back what was kept for growing. */
  trim(): void {
    this.#resize(this.count);
    this.#labelNumbers = null;
  }

  encode(): Uint8Array {
    const { first, last, startMs, count, labels, device, label, occurredAtMs } = this;
    let earliestMs = Infinity;
    for (let i = 0; i < count; i++) earliestMs = Math.min(earliestMs, occurredAtMs[i]!);
    const low = new Uint32Array(count);
    const high = new Uint32Array(count);
    for (let i = 0; i < count; i++) {
      const afterMs = occurredAtMs[i]! - earliestMs;
      low[i] = afterMs % 2 ** 32;
      high[i] = afterMs / 2 ** 32;
    }
    const places = [first.position, first.index, last.position, last.index];
    const header = [...places, startMs, count, earliestMs, labels];
    return withHeader(header, encodeColumns([device, label, low, high], count));
  }

  static decode(number: number, bytes: Uint8Array): ConversionBlock {
    const { header, columns } = headerOf(bytes);
    const [first, firstIndex, last, lastIndex, startMs, count, earliestMs, labels] =
      header as EncodedHeader;
    const block = new ConversionBlock(number, { position: first, index: firstIndex }, startMs);
    block.last.position = last;
    block.last.index = lastIndex;
    block.#resize(count);
    block.count = count;
    block.labels = labels;
    for (const label of labels) block.labelBytes += label.length * 3;
    const low = new Uint32Array(count);
    const high = new Uint32Array(count);
    decodeColumns(columns, [block.device, block.label, low, high], count);
    for (let i = 0; i < count; i++) {
      block.occurredAtMs[i] = earliestMs + low[i]! + high[i]! * 2 ** 32;
    }
    return block;
  }

  #resize(capacity: number): void {
    this.device = resized(this.device, new Uint32Array(capacity));
    this.label = resized(this.label, new Uint16Array(capacity));
    this.occurredAtMs = resized(this.occurredAtMs, new Float64Array(capacity));
    this.before = resized(this.before, new Uint32Array(capacity));
  }
}

type EncodedHeader = [string, number, string, number, number, number, number, string[]];

/** Less than 0: the left one comes first. */
export function comparePlaces(left: RecordPlace, right: RecordPlace): number {
  if (left.position === right.position) return left.index - right.index;
  return left.position < right.position ? -1 : 1;
}

function resized<T extends Uint16Array | Uint32Array | Float64Array>(from: T, to: T): T {
  to.set(from.length > to.length ? from.subarray(0, to.length) : from);
  return to;
}
