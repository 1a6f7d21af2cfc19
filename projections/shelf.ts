/**
 * Small bytes that stay for long, many in one buffer: in one each they take some 300 more. A buffer goes
 * when the last of its bytes is let go, so that only bytes that go at about the same time belong here.
 */

const shelfBytes = 64 * 1024;
/** Of larger ones a buffer each costs little. */
const shelvedBytesMax = 1_024;

let shelf = new Uint8Array();
let used = 0;

/** A copy on the shelf, or the bytes themselves where they are large. */
export function shelved(bytes: Uint8Array): Uint8Array {
  if (bytes.length > shelvedBytesMax) return bytes;
  if (used + bytes.length > shelf.length) {
    shelf = new Uint8Array(shelfBytes);
    used = 0;
  }
  shelf.set(bytes, used);
  return shelf.subarray(used, used += bytes.length);
}
