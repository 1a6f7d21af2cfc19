/**
 * The bytes of changes of a list's members, a format kept for ever. They hold numbers of the identity
 * register, never ids.
 *
 * ```
 * u8 format (1) · u32 count · zstd of 5 × count bytes:
 *   count × u8 (bit 0: removed, else added; bit 1: a user, else a device) · 4 planes of count bytes
 * ```
 * Integers are little-endian; plane `p` has byte `p` of every number, least first. Another format takes
 * the next format byte; decoders keep the earlier ones.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";

const format = 1;
const headBytes = 5;
const bytesPerChange = 5;
/** No honest body comes near it. */
const countLimit = 1_000_000;
const removedBit = 1;
const userBit = 2;

export interface MemberChange {
  readonly op: "add" | "remove";
  readonly kind: "device" | "user";
  /** From the identity register, from 1 on. */
  readonly number: number;
}

export class MalformedMemberChangesError extends Error {
  override name = "MalformedMemberChangesError";
}

export function encodeMemberChanges(changes: readonly MemberChange[]): Uint8Array {
  const count = changes.length;
  const raw = new Uint8Array(count * bytesPerChange);
  changes.forEach(({ op, kind, number }, index) => {
    raw[index] = (op === "remove" ? removedBit : 0) | (kind === "user" ? userBit : 0);
    for (let plane = 0; plane < 4; plane++) {
      raw[(1 + plane) * count + index] = number >>> (8 * plane);
    }
  });
  const compressed = zstdCompressSync(raw, {
    params: { [constants.ZSTD_c_compressionLevel]: 1 },
  });
  const bytes = new Uint8Array(headBytes + compressed.length);
  bytes[0] = format;
  new DataView(bytes.buffer).setUint32(1, count, true);
  bytes.set(compressed, headBytes);
  return bytes;
}

export function decodeMemberChanges(bytes: Uint8Array): MemberChange[] {
  if (bytes.length < headBytes) malformed("they are truncated");
  if (bytes[0] !== format) malformed(`their format ${bytes[0]} is unknown`);
  const count = new DataView(bytes.buffer, bytes.byteOffset).getUint32(1, true);
  if (count === 0 || count > countLimit) malformed(`${count} changes do not fit`);
  const raw = decompressed(bytes.subarray(headBytes), count * bytesPerChange);
  return Array.from({ length: count }, (_, index) => {
    const flags = raw[index]!;
    if (flags > (removedBit | userBit)) malformed(`change ${index} has the flags ${flags}`);
    let number = 0;
    for (let plane = 3; plane >= 0; plane--) {
      number = (number << 8 | raw[(1 + plane) * count + index]!) >>> 0;
    }
    if (number === 0) malformed(`change ${index} has no number`);
    return {
      op: flags & removedBit ? "remove" : "add",
      kind: flags & userBit ? "user" : "device",
      number,
    };
  });
}

function decompressed(bytes: Uint8Array, length: number): Uint8Array {
  let raw: Uint8Array;
  try {
    raw = zstdDecompressSync(bytes, { maxOutputLength: length });
  } catch (cause) {
    throw new MalformedMemberChangesError("they cannot be decompressed", { cause });
  }
  if (raw.length !== length) malformed(`they have ${raw.length} bytes, not ${length}`);
  return raw;
}

function malformed(why: string): never {
  throw new MalformedMemberChangesError(why);
}
