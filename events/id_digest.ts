/**
 * The first 16 bytes of the SHA-256 of an id, which stand for it in the log. Ids are short and come by
 * the hundred thousand a second: one that fits a block is hashed here, since calling the platform for
 * it costs three times as much as the hash.
 */
import { hash } from "node:crypto";
import { lanes, type Sha256Lanes, sha256Lanes } from "./sha256_lanes.ts";

export const digestBytes = 16;

/**
 * The digest as four words, the first byte of the digest first in the first word. The same array each
 * time: read it before the next call.
 */
export function idDigest(id: string): Int32Array {
  schedule.fill(0, 0, 16);
  if (!fillBlock(id, schedule, 1, 0)) return platformDigest(id);
  hashBlock();
  return words;
}

/** Writes the 16 bytes of a digest that stands in `words` from `from` on. */
export function putDigest(bytes: Uint8Array, at: number, words: Int32Array, from: number): void {
  for (let index = 0; index < 4; index++) {
    const word = words[from + index]!;
    const to = at + 4 * index;
    bytes[to] = word >>> 24;
    bytes[to + 1] = word >>> 16;
    bytes[to + 2] = word >>> 8;
    bytes[to + 3] = word;
  }
}

export function idDigestHex(id: string): string {
  let hex = "";
  for (const word of idDigest(id)) hex += (word >>> 0).toString(16).padStart(8, "0");
  return hex;
}

/**
 * The digests of many ids, four words each. Costs a third of one at a time. The same array each time:
 * read it before the next call.
 */
export function idDigests(ids: readonly string[]): Int32Array {
  if (many.length < 4 * ids.length) many = new Int32Array(8 * ids.length);
  for (let first = 0; first < ids.length; first += lanes) {
    const end = Math.min(first + lanes, ids.length);
    if (!vectors || !hashLanes(vectors, ids, first, end)) {
      for (let index = first; index < end; index++) many.set(idDigest(ids[index]!), 4 * index);
    }
  }
  return many;
}

/** False when one of them fits no block. */
function hashLanes(
  { block, result, hash }: Sha256Lanes,
  ids: readonly string[],
  first: number,
  end: number,
): boolean {
  block.fill(0);
  for (let index = first; index < end; index++) {
    if (!fillBlock(ids[index]!, block, lanes, index - first)) return false;
  }
  hash();
  for (let index = first; index < end; index++) {
    const lane = index - first;
    const to = 4 * index;
    many[to] = result[lane]!;
    many[to + 1] = result[lanes + lane]!;
    many[to + 2] = result[2 * lanes + lane]!;
    many[to + 3] = result[3 * lanes + lane]!;
  }
  return true;
}

/** A block has 64 bytes; one ends the text and eight tell its length. */
const idLengthMax = 55;
const words = new Int32Array(4);
const schedule = new Int32Array(64);
const roundConstants = primes(64).map((prime) => (Math.cbrt(prime) % 1) * 2 ** 32 | 0);
const initial = primes(8).map((prime) => (Math.sqrt(prime) % 1) * 2 ** 32 | 0);
const constants = Int32Array.from(roundConstants);

let many = new Int32Array(1_024);
const vectors = sha256Lanes(roundConstants, initial);

/**
 * Puts the padded text into a block of zeros whose words stand `stride` apart. False where it does not
 * fit or is more than ASCII.
 */
function fillBlock(id: string, block: Int32Array, stride: number, lane: number): boolean {
  const length = id.length;
  if (length > idLengthMax) return false;
  let at = lane;
  let seen = 0;
  let index = 0;
  for (; index + 4 <= length; index += 4, at += stride) {
    const first = id.charCodeAt(index), second = id.charCodeAt(index + 1);
    const third = id.charCodeAt(index + 2), fourth = id.charCodeAt(index + 3);
    seen |= first | second | third | fourth;
    block[at] = first << 24 | second << 16 | third << 8 | fourth;
  }
  // The rest of the text, a bit that ends it, and zeros.
  let word = 0x80 << (24 - 8 * (length & 3));
  for (; index < length; index++) {
    const code = id.charCodeAt(index);
    seen |= code;
    word |= code << (24 - 8 * (index & 3));
  }
  if (seen > 127) return false;
  block[at] = word;
  block[15 * stride + lane] = length << 3;
  return true;
}

/** FIPS 180-4, section 6.2.2, for a single block; its last four words are not asked for. */
function hashBlock(): void {
  for (let t = 16; t < 64; t++) {
    const w15 = schedule[t - 15]!, w2 = schedule[t - 2]!;
    const sigma0 = (w15 >>> 7 | w15 << 25) ^ (w15 >>> 18 | w15 << 14) ^ w15 >>> 3;
    const sigma1 = (w2 >>> 17 | w2 << 15) ^ (w2 >>> 19 | w2 << 13) ^ w2 >>> 10;
    schedule[t] = (sigma0 + schedule[t - 7]! + sigma1 + schedule[t - 16]!) | 0;
  }
  let a = initial[0]!, b = initial[1]!, c = initial[2]!, d = initial[3]!;
  let e = initial[4]!, f = initial[5]!, g = initial[6]!, h = initial[7]!;
  for (let t = 0; t < 64; t++) {
    const sum1 = (e >>> 6 | e << 26) ^ (e >>> 11 | e << 21) ^ (e >>> 25 | e << 7);
    const t1 = (h + sum1 + (g ^ (e & (f ^ g))) + constants[t]! + schedule[t]!) | 0;
    const sum0 = (a >>> 2 | a << 30) ^ (a >>> 13 | a << 19) ^ (a >>> 22 | a << 10);
    const t2 = (sum0 + ((a & b) ^ (c & (a ^ b)))) | 0;
    h = g;
    g = f;
    f = e;
    e = (d + t1) | 0;
    d = c;
    c = b;
    b = a;
    a = (t1 + t2) | 0;
  }
  words[0] = a + initial[0]!;
  words[1] = b + initial[1]!;
  words[2] = c + initial[2]!;
  words[3] = d + initial[3]!;
}

function platformDigest(id: string): Int32Array {
  const hex = hash("sha256", id, "hex");
  for (let index = 0; index < 4; index++) {
    words[index] = Number.parseInt(hex.slice(8 * index, 8 * index + 8), 16);
  }
  return words;
}

function primes(count: number): number[] {
  const found: number[] = [];
  for (let number = 2; found.length < count; number++) {
    if (found.every((prime) => number % prime !== 0)) found.push(number);
  }
  return found;
}
