/**
 * MurmurHash3 x86 32-bit for the second model: written from the published description, in whole numbers
 * of any size, so that it shares no trick of 32-bit arithmetic with the product.
 */
const all32 = 0xffff_ffffn;
const rotated = (value: bigint, by: bigint) => (value << by | value >> (32n - by)) & all32;
const times = (a: bigint, b: bigint) => a * b & all32;

export function murmur3(text: string, seed = 0): number {
  const bytes = [...new TextEncoder().encode(text)].map(BigInt);
  const scrambled = (word: bigint) => times(rotated(times(word, 0xcc9e_2d51n), 15n), 0x1b87_3593n);
  let hash = BigInt(seed);
  const whole = bytes.length - bytes.length % 4;
  for (let index = 0; index < whole; index += 4) {
    hash ^= scrambled(littleEndian(bytes.slice(index, index + 4)));
    hash = times(rotated(hash, 13n), 5n) + 0xe654_6b64n & all32;
  }
  if (whole < bytes.length) hash ^= scrambled(littleEndian(bytes.slice(whole)));
  hash ^= BigInt(bytes.length);
  hash = times(hash ^ hash >> 16n, 0x85eb_ca6bn);
  hash = times(hash ^ hash >> 13n, 0xc2b2_ae35n);
  return Number(hash ^ hash >> 16n);
}

const shares = new Map<string, number>();

/** In hundredths of a per cent: 0 to 9,999. */
export function shareOf(text: string): number {
  let share = shares.get(text);
  if (share === undefined) shares.set(text, share = murmur3(text) % 10_000);
  return share;
}

function littleEndian(bytes: readonly bigint[]): bigint {
  return bytes.reduce((word, byte, index) => word | byte << BigInt(8 * index), 0n);
}
