/**
 * SHA-256 of four short texts at once, as WebAssembly that is put together here: its vector
 * instructions do for four what scalar code does for one. One block each, and half of the result.
 */

/** Bytes in the memory: the schedule of 64 vectors, the constants, the result of four vectors. */
const constantsAt = 1_024;
const initialAt = constantsAt + 64 * 4;
const resultAt = 1_536;

export const lanes = 4;

/** Word `t` of the block of a text is at `t * lanes + lane`. */
export interface Sha256Lanes {
  readonly block: Int32Array;
  /** The first four words of each digest, in the same order. */
  readonly result: Int32Array;
  hash(): void;
}

/** Null where the platform lacks vector instructions. */
export function sha256Lanes(
  roundConstants: readonly number[],
  initial: readonly number[],
): Sha256Lanes | null {
  const bytes = moduleBytes();
  if (!WebAssembly.validate(bytes)) return null;
  const { exports } = new WebAssembly.Instance(new WebAssembly.Module(bytes));
  const { buffer } = exports.memory as WebAssembly.Memory;
  new Int32Array(buffer, constantsAt, 64).set(roundConstants);
  new Int32Array(buffer, initialAt, 8).set(initial);
  return {
    block: new Int32Array(buffer, 0, 16 * lanes),
    result: new Int32Array(buffer, resultAt, 4 * lanes),
    hash: exports.hash as () => void,
  };
}

type Code = readonly number[];

const vector = {
  load: 0x00,
  loadSplat: 0x09,
  store: 0x0b,
  xor: 0x51,
  or: 0x50,
  select: 0x52,
  shiftLeft: 0xab,
  shiftRight: 0xad,
  add: 0xae,
};
/** Local variables: the offset of the loop, two vectors in hand, the eight of the state. */
const at = 0, x = 1, y = 2, a = 3, b = 4, c = 5, d = 6, e = 7, f = 8, g = 9, h = 10;
const state = [a, b, c, d, e, f, g, h];

function op(code: number, ...immediates: Code): Code {
  return [0xfd, ...unsigned(code), ...immediates];
}
const get = (local: number): Code => [0x20, local];
const set = (local: number): Code => [0x21, local];
const number = (value: number): Code => [0x41, ...signed(value)];
const add = op(vector.add), xor = op(vector.xor);

/** From `address` on; what stands on the stack is added to it. */
const load = (address: number): Code => op(vector.load, 4, ...unsigned(address));
const loadSplat = (address: number): Code => op(vector.loadSplat, 2, ...unsigned(address));
const store = (address: number): Code => op(vector.store, 4, ...unsigned(address));

function shifted(local: number, bits: number): Code {
  return [...get(local), ...number(bits), ...op(vector.shiftRight)];
}

function rotated(local: number, bits: number): Code {
  return [
    ...shifted(local, bits),
    ...get(local),
    ...number(32 - bits),
    ...op(vector.shiftLeft),
    ...op(vector.or),
  ];
}

/** The steps run with `at` from 0 to `end`, without it. */
function loop(end: number, step: number, body: Code): Code {
  return [
    ...[...number(0), ...set(at), 0x03, 0x40],
    ...body,
    ...[...get(at), ...number(step), 0x6a, 0x22, at],
    ...[...number(end), 0x48, 0x0d, 0x00, 0x0b],
  ];
}

/** FIPS 180-4, section 6.2.2. A vector has 16 bytes, so word t - k of the schedule is 16 k before. */
function hashCode(): Code {
  const schedule = [
    ...[...get(at), ...load(16), ...set(x), ...get(at), ...load(224), ...set(y), ...get(at)],
    ...[...rotated(x, 7), ...rotated(x, 18), ...xor, ...shifted(x, 3), ...xor],
    ...[...rotated(y, 17), ...rotated(y, 19), ...xor, ...shifted(y, 10), ...xor, ...add],
    ...[...get(at), ...load(0), ...add, ...get(at), ...load(144), ...add, ...store(256)],
  ];
  const round = [
    // x = h + sum1(e) + ch(e, f, g) + constant + word
    ...[...get(h), ...rotated(e, 6), ...rotated(e, 11), ...xor, ...rotated(e, 25), ...xor, ...add],
    ...[...get(f), ...get(g), ...get(e), ...op(vector.select), ...add],
    ...[...get(at), ...number(2), 0x76, ...loadSplat(constantsAt), ...add],
    ...[...get(at), ...load(0), ...add, ...set(x)],
    // y = sum0(a) + maj(a, b, c)
    ...[...rotated(a, 2), ...rotated(a, 13), ...xor, ...rotated(a, 22), ...xor],
    ...[...get(c), ...get(a), ...get(a), ...get(b), ...xor, ...op(vector.select), ...add],
    ...set(y),
    ...[...get(g), ...set(h), ...get(f), ...set(g), ...get(e), ...set(f)],
    ...[...get(d), ...get(x), ...add, ...set(e)],
    ...[...get(c), ...set(d), ...get(b), ...set(c), ...get(a), ...set(b)],
    ...[...get(x), ...get(y), ...add, ...set(a)],
  ];
  const initialWord = (index: number) => [...number(0), ...loadSplat(initialAt + 4 * index)];
  return [
    ...loop(48 * 16, 16, schedule),
    ...state.flatMap((local, index) => [...initialWord(index), ...set(local)]),
    ...loop(64 * 16, 16, round),
    ...[a, b, c, d].flatMap((local, index) => [
      ...number(0),
      ...[...get(local), ...initialWord(index), ...add],
      ...store(resultAt + 16 * index),
    ]),
  ];
}

function moduleBytes(): Uint8Array<ArrayBuffer> {
  // One variable is an i32, ten are vectors.
  const body = [2, 1, 0x7f, 10, 0x7b, ...hashCode(), 0x0b];
  return Uint8Array.from([
    ...[0x00, 0x61, 0x73, 0x6d, 0x01, 0x00, 0x00, 0x00],
    ...section(1, [1, 0x60, 0, 0]),
    ...section(3, [1, 0]),
    ...section(5, [1, 0x00, 1]),
    ...section(7, [2, ...name("memory"), 0x02, 0, ...name("hash"), 0x00, 0]),
    ...section(10, [1, ...unsigned(body.length), ...body]),
  ]);
}

function section(id: number, content: Code): Code {
  return [id, ...unsigned(content.length), ...content];
}

function name(text: string): Code {
  return [text.length, ...new TextEncoder().encode(text)];
}

/** LEB128. */
function unsigned(value: number): Code {
  return value < 0x80 ? [value] : [(value & 0x7f) | 0x80, ...unsigned(value >>> 7)];
}

function signed(value: number): Code {
  return value < 0x40 ? [value] : [(value & 0x7f) | 0x80, ...signed(value >> 7)];
}
