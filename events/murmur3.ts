/**
 * MurmurHash3, the 32-bit variant for x86 with seed 0, of a text in UTF-8
 * (https://github.com/aappleby/smhasher). Not for secrets: it spreads, nothing more.
 */
const encoder = new TextEncoder();
let scratch = new Uint8Array(1024);

export function murmur3(text: string): number {
  if (text.length * 3 > scratch.length) scratch = new Uint8Array(text.length * 3);
  const length = encode(text);
  let hash = 0;
  const blocksEnd = length & ~3;
  for (let i = 0; i < blocksEnd; i += 4) {
    const block = scratch[i]! | scratch[i + 1]! << 8 | scratch[i + 2]! << 16 |
      scratch[i + 3]! << 24;
    hash ^= scrambled(block);
    hash = (hash << 13) | (hash >>> 19);
    hash = (Math.imul(hash, 5) + 0xe6546b64) | 0;
  }
  let rest = 0;
  for (let i = length - 1; i >= blocksEnd; i--) rest = rest << 8 | scratch[i]!;
  if (length > blocksEnd) hash ^= scrambled(rest);
  return finished(hash ^ length);
}

/** Ids are nearly always ASCII, for which a loop is faster than the encoder. */
function encode(text: string): number {
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code > 127) return encoder.encodeInto(text, scratch).written;
    scratch[i] = code;
  }
  return text.length;
}

function scrambled(block: number): number {
  const product = Math.imul(block, 0xcc9e2d51);
  return Math.imul((product << 15) | (product >>> 17), 0x1b873593);
}

function finished(hash: number): number {
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}
