/**
 * The bytes of the body of `profiles_changed`, a format kept for ever.
 *
 * ```
 * u8 format (1) · u32 count · count × u8 kind · count × u32 number · count × u32 user
 * · count × 16 bytes of digest
 * ```
 * Integers are little-endian. A kind is an index into `subjectKinds`. `user` is the number of the user
 * whom a device was said to belong to, 0 where nothing was said. The digest is the first 16 bytes of
 * the SHA-256 of the profile's salt (hex text) and the canonical JSON of its attributes.
 */
import { type SubjectKind, subjectKinds } from "./profile_events.ts";

export const profileDigestBytes = 16;
const format = 1;
const headBytes = 5;
const itemBytes = 1 + 4 + 4 + profileDigestBytes;

export interface ProfileChange {
  readonly kind: SubjectKind;
  /** Of the identity register, from 1 on. */
  readonly number: number;
  /** Of the user whom the device belongs to from now on; 0: no word of it. */
  readonly user: number;
  readonly digest: Uint8Array;
}

/** The changes column by column; change `i` is what stands at `i` in every column. */
export interface DecodedProfileChanges {
  readonly count: number;
  /** Indices into `subjectKinds`. */
  readonly kind: Uint8Array;
  readonly number: Uint32Array;
  readonly user: Uint32Array;
  /** 16 bytes a change. */
  readonly digests: Uint8Array;
}

export class MalformedProfileChangesError extends Error {
  override readonly name = "MalformedProfileChangesError";
}

/** How many bytes the body of so many changes has. */
export function profileChangesBytes(count: number): number {
  return headBytes + count * itemBytes;
}

export function encodeProfileChanges(changes: readonly ProfileChange[]): Uint8Array {
  const count = changes.length;
  const bytes = new Uint8Array(profileChangesBytes(count));
  const view = new DataView(bytes.buffer);
  const { numbers, users, digests } = placesOf(count);
  bytes[0] = format;
  view.setUint32(1, count, true);
  changes.forEach(({ kind, number, user, digest }, index) => {
    if (digest.length !== profileDigestBytes) throw new RangeError("a digest has 16 bytes");
    bytes[headBytes + index] = subjectKinds.indexOf(kind);
    view.setUint32(numbers + 4 * index, number, true);
    view.setUint32(users + 4 * index, user, true);
    bytes.set(digest, digests + profileDigestBytes * index);
  });
  return bytes;
}

export function decodeProfileChanges(bytes: Uint8Array): DecodedProfileChanges {
  if (bytes.length < headBytes) throw new MalformedProfileChangesError("it is truncated");
  if (bytes[0] !== format) throw new MalformedProfileChangesError(`unknown format ${bytes[0]}`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const count = view.getUint32(1, true);
  if (bytes.length !== profileChangesBytes(count)) {
    throw new MalformedProfileChangesError(`${bytes.length} bytes are not ${count} changes`);
  }
  const { numbers, users, digests } = placesOf(count);
  const kind = bytes.slice(headBytes, numbers);
  const number = new Uint32Array(count);
  const user = new Uint32Array(count);
  for (let index = 0; index < count; index++) {
    number[index] = view.getUint32(numbers + 4 * index, true);
    user[index] = view.getUint32(users + 4 * index, true);
    if (kind[index]! >= subjectKinds.length || number[index] === 0) {
      throw new MalformedProfileChangesError(`change ${index} is of nobody`);
    }
  }
  return { count, kind, number, user, digests: bytes.slice(digests) };
}

function placesOf(count: number) {
  const numbers = headBytes + count;
  const users = numbers + 4 * count;
  return { numbers, users, digests: users + 4 * count };
}
