/**
 * The conversions of a campaign on a day (UTC): how many of each name by each device in each
 * quarter-hour. A day is open while clicks and events that happened on it may still arrive; then it is
 * closed, written once as parts, and never changes.
 */
import { decodeColumns, encodeColumns, headerOf, withHeader } from "./byte_planes.ts";
import type { ConversionTally } from "./conversion_tally.ts";

export const quartersPerDay = 96;

/** Quarters are those of the day, from 0 on; `to` is outside. */
export interface ConversionDay {
  tally(name: string, from: number, to: number, into: ConversionTally): void;
  /** Those with a conversion. */
  quarters(): Iterable<number>;
}

export class OpenDay implements ConversionDay {
  readonly #byName = new Map<string, OpenCounts>();

  add(name: string, quarter: number, device: number): void {
    let counts = this.#byName.get(name);
    if (!counts) this.#byName.set(name, counts = new OpenCounts());
    counts.add(quarter, device);
  }

  tally(name: string, from: number, to: number, into: ConversionTally): void {
    this.#byName.get(name)?.tally(from, to, into);
  }

  *quarters(): Iterable<number> {
    for (const { count, quarter } of this.#byName.values()) yield* quarter.subarray(0, count);
  }

  /** The same conversions always give the same parts, in whatever order they came. */
  close(): ClosedDay {
    const closed = new ClosedDay();
    let part = new PartBuilder();
    for (const name of [...this.#byName.keys()].sort()) {
      const counts = this.#byName.get(name)!;
      // Quarter and device as one number, which sorts by both.
      const keys = Float64Array.from(
        { length: counts.count },
        (_, i) => counts.quarter[i]! * 2 ** 32 + counts.device[i]!,
      ).sort();
      for (let i = 0; i < keys.length;) {
        let end = i + 1;
        while (keys[end] === keys[i]) end++;
        if (part.count === partEntriesMax) {
          closed.parts.push(part.build());
          part = new PartBuilder();
        }
        part.add(name, Math.floor(keys[i]! / 2 ** 32), keys[i]! % 2 ** 32, end - i);
        i = end;
      }
    }
    closed.parts.push(part.build());
    return closed;
  }
}

export class ClosedDay implements ConversionDay {
  readonly parts: ClosedPart[] = [];

  *names(): Iterable<string> {
    for (const part of this.parts) if (part) { for (const [name] of part.names) yield name; }
  }

  tally(name: string, from: number, to: number, into: ConversionTally): void {
    for (const part of this.parts) part?.tally(name, from, to, into);
  }

  *quarters(): Iterable<number> {
    for (const part of this.parts) if (part) yield* part.quarter;
  }
}

/** Entries stand by name, quarter and device; each says how often the device did it. */
export class ClosedPart {
  constructor(
    /** With how many entries each has. */
    readonly names: readonly (readonly [string, number])[],
    readonly quarter: Uint8Array,
    readonly device: Uint32Array,
    readonly times: Uint32Array,
  ) {}

  static decode(bytes: Uint8Array): ClosedPart {
    const { header, columns } = headerOf(bytes);
    const names = header as [string, number][];
    const count = names.reduce((sum, [, entries]) => sum + entries, 0);
    const quarter = new Uint8Array(count);
    const device = new Uint32Array(count);
    const times = new Uint32Array(count);
    decodeColumns(columns, [quarter, device, times], count);
    return new ClosedPart(names, quarter, device, times);
  }

  encode(): Uint8Array {
    const { names, quarter, device, times } = this;
    return withHeader(names, encodeColumns([quarter, device, times], quarter.length));
  }

  tally(name: string, from: number, to: number, into: ConversionTally): void {
    let start = 0;
    for (const [other, entries] of this.names) {
      const end = start + entries;
      if (other === name) {
        const first = lowerBound(this.quarter, start, end, from);
        const last = lowerBound(this.quarter, first, end, to);
        for (let i = first; i < last; i++) into.add(this.device[i]!, this.times[i]!);
        return;
      }
      start = end;
    }
  }
}

/** So that a row has some 150 KB at most. */
const partEntriesMax = 16_384;

class OpenCounts {
  count = 0;
  quarter = new Uint8Array(16);
  device = new Uint32Array(16);

  add(quarter: number, device: number): void {
    if (this.count === this.quarter.length) {
      const quarters = new Uint8Array(this.count * 2);
      const devices = new Uint32Array(this.count * 2);
      quarters.set(this.quarter);
      devices.set(this.device);
      this.quarter = quarters;
      this.device = devices;
    }
    this.quarter[this.count] = quarter;
    this.device[this.count++] = device;
  }

  tally(from: number, to: number, into: ConversionTally): void {
    for (let i = 0; i < this.count; i++) {
      if (this.quarter[i]! >= from && this.quarter[i]! < to) into.add(this.device[i]!, 1);
    }
  }
}

class PartBuilder {
  readonly #names: [string, number][] = [];
  readonly #quarters: number[] = [];
  readonly #devices: number[] = [];
  readonly #times: number[] = [];

  get count(): number {
    return this.#quarters.length;
  }

  add(name: string, quarter: number, device: number, times: number): void {
    const last = this.#names.at(-1);
    if (last?.[0] === name) last[1]++;
    else this.#names.push([name, 1]);
    this.#quarters.push(quarter);
    this.#devices.push(device);
    this.#times.push(times);
  }

  build(): ClosedPart {
    return new ClosedPart(
      this.#names,
      Uint8Array.from(this.#quarters),
      Uint32Array.from(this.#devices),
      Uint32Array.from(this.#times),
    );
  }
}

/** The first place from `start` on with a value of at least `value`. */
function lowerBound(values: Uint8Array, start: number, end: number, value: number): number {
  while (start < end) {
    const middle = (start + end) >>> 1;
    if (values[middle]! < value) start = middle + 1;
    else end = middle;
  }
  return start;
}
