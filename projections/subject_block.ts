/**
 * What is told of 16,384 devices or users with neighbouring numbers, column by column: when each was
 * seen first and last, and of a device whose it is. A block is one row.
 */
import type { SubjectKind } from "../events/profile_events.ts";

export const blockShift = 14;
export const blockNumbers = 1 << blockShift;
export const blockMask = blockNumbers - 1;

export class SubjectBlock {
  /** Seconds since the epoch; 0: never. */
  readonly first = new Uint32Array(blockNumbers);
  readonly last = new Uint32Array(blockNumbers);
  /** The user's number; 0: none. Empty in a block of users. */
  readonly user: Uint32Array;
  readonly key: string;
  isDirty = false;
  /** Has events that have not come to it yet: those up to `through`. */
  isAhead = false;
  through = "";

  constructor(kind: SubjectKind, readonly index: number) {
    this.key = `${kind}/${index}`;
    this.user = new Uint32Array(kind === "device" ? blockNumbers : 0);
  }

  /** `at`: the place in the block. */
  see(at: number, second: number): void {
    if (second > this.last[at]!) this.last[at] = second;
    const { first } = this;
    if (second < first[at]! || first[at] === 0) first[at] = second;
  }

  /** The columns up to the last number that is not nobody's, each as little-endian u32. */
  encode(): Uint8Array {
    let used = blockNumbers;
    while (used > 0 && this.#isEmpty(used - 1)) used--;
    const columns = this.#columns();
    const words = new Uint32Array(columns.length * used);
    columns.forEach((column, index) => words.set(column.subarray(0, used), index * used));
    return swapped(new Uint8Array(words.buffer));
  }

  load(bytes: Uint8Array): void {
    const words = new Uint32Array(swapped(bytes.slice()).buffer);
    const columns = this.#columns();
    const used = words.length / columns.length;
    columns.forEach((column, index) => {
      column.set(words.subarray(index * used, (index + 1) * used));
    });
  }

  #columns(): Uint32Array[] {
    return this.user.length > 0 ? [this.first, this.last, this.user] : [this.first, this.last];
  }

  #isEmpty(at: number): boolean {
    return this.last[at] === 0 && !this.user[at];
  }
}

const isLittleEndian = new Uint8Array(new Uint32Array([1]).buffer)[0] === 1;

/** Memory and rows have one order on nearly every machine. */
function swapped<Buffer extends ArrayBufferLike>(bytes: Uint8Array<Buffer>): Uint8Array<Buffer> {
  if (isLittleEndian) return bytes;
  for (let at = 0; at < bytes.length; at += 4) bytes.subarray(at, at + 4).reverse();
  return bytes;
}
