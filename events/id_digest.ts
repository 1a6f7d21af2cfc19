/**
 * The first 16 bytes of the SHA-256 of an id, which stand for it in the log. Ids are short and come by
 * the hundred thousand a second: one that fits a block is hashed here, since calling the platform for
 * it costs three times as much as the hash.
 */
import { hash } from "node:crypto";

export const digestBytes = 16;

/**
 * The digest as four words, the first byte of the digest first in the first word. The same array each
 * time: read it before the next call.
 */
export function idDigest(id: string): Int32Array {
  if (!fillBlock(id)) return platformDigest(id);
  hashBlock();
  return words;
}

/** Writes the digest's 16 bytes. */
export function putIdDigest(id: string, bytes: Uint8Array, at: number): void {
  const digest = idDigest(id);
  for (let index = 0; index < 4; index++) {
    const word = digest[index]!;
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

/** A block has 64 bytes; one ends the text and eight tell its length. */
const idLengthMax = 55;
const words = new Int32Array(4);
const schedule = new Int32Array(64);
const roundConstants = primes(64).map((prime) => (Math.cbrt(prime) % 1) * 2 ** 32 | 0);
const initial = primes(8).map((prime) => (Math.sqrt(prime) % 1) * 2 ** 32 | 0);
const constants = Int32Array.from(roundConstants);

/** Puts the padded text into the schedule; false where it does not fit or is more than ASCII. */
function fillBlock(id: string): boolean {
  const length = id.length;
  if (length > idLengthMax) return false;
  schedule.fill(0, 0, 16);
  for (let index = 0; index < length; index++) {
    const code = id.charCodeAt(index);
    if (code > 127) return false;
    schedule[index >> 2]! |= code << (24 - ((index & 3) << 3));
  }
  schedule[length >> 2]! |= 0x80 << (24 - ((length & 3) << 3));
  schedule[15] = length << 3;
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
