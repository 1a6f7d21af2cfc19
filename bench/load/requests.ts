/**
 * Prepared requests in turn, with random ids and devices written over their placeholders: the same
 * as `wrk.lua` does, for the generator of our own.
 */
export class Requests {
  readonly #requests: Prepared[] = [];
  readonly #state = new Int32Array(4);
  #turn = 0;

  constructor(file: Uint8Array, seed: number, readonly devices: number) {
    for (let at = 0; at < file.length;) {
      const lineEnd = file.indexOf(newLine, at);
      const length = Number(decoder.decode(file.subarray(at, lineEnd)));
      this.#requests.push(prepared(file.slice(lineEnd + 1, lineEnd + 1 + length)));
      at = lineEnd + 1 + length;
    }
    this.#state.set([123456789, 362436069, seed, seed * 7919 + 1]);
    for (let round = 0; round < 20; round++) this.#draw();
  }

  /** A copy: what was given before may still be on its way. */
  next(): Uint8Array {
    const { bytes, digits, numbers } = this.#requests[this.#turn++ % this.#requests.length]!;
    if (digits.length + numbers.length === 0) return bytes;
    for (const offset of digits) {
      const bits = this.#draw();
      for (let index = 0; index < 4; index++) {
        bytes[offset + index] = hexDigits[(bits >>> (4 * index)) & 15]!;
      }
    }
    for (const { offset, again } of numbers) {
      const number = (this.#draw() & 0x7fffffff) % this.devices;
      writeNumber(bytes, offset, number);
      if (again >= 0) writeNumber(bytes, again, number);
    }
    return bytes.slice();
  }

  /** xorshift128. */
  #draw(): number {
    const state = this.#state;
    const first = state[0]! ^ (state[0]! << 11);
    state.copyWithin(0, 1);
    const last = state[3]!;
    return state[3] = last ^ (last >>> 19) ^ first ^ (first >>> 8);
  }
}

interface Prepared {
  readonly bytes: Uint8Array;
  readonly digits: readonly number[];
  readonly numbers: readonly { readonly offset: number; again: number }[];
}

function prepared(bytes: Uint8Array): Prepared {
  // One character a byte, so that offsets agree.
  const text = new TextDecoder("latin1").decode(bytes);
  const numbers = [...text.matchAll(/######/g)].map(({ index }) => ({ offset: index, again: -1 }));
  for (const { index } of text.matchAll(/\^{6}/g)) {
    numbers.findLast(({ offset }) => offset < index)!.again = index;
  }
  return { bytes, digits: [...text.matchAll(/~~~~/g)].map(({ index }) => index), numbers };
}

function writeNumber(bytes: Uint8Array, offset: number, number: number): void {
  for (let index = offset + 5, rest = number; index >= offset; index--) {
    bytes[index] = 48 + rest % 10;
    rest = Math.floor(rest / 10);
  }
}

const newLine = 10;
const decoder = new TextDecoder();
const hexDigits = new TextEncoder().encode("0123456789abcdef");
