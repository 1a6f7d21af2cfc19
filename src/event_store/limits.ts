/** Limits of Deno KV, and the room that we leave below them. Sizes are bytes. */
import { serialize } from "node:v8";

/** Most checks of one commit that every engine takes: KV Connect allows 10. */
export const commitChecksMax = 10;
/** The engine's limit is 1,000 mutations a commit. */
export const commitMutationsMax = 900;
/** The engine's limit is 800 KiB a commit, keys included. */
export const commitBytesMax = 700_000;
/** One commit of rows in bulk: commands and interactions wait for it about a millisecond. */
export const bulkCommitBytesMax = 100_000;
/** The engine's limit is 64 KiB a value; the log's rows and all parts stay below this. */
export const valueBytesMax = 60_000;
/** Most entries of one read of a list; the engine's limit is 1,000. */
export const listBatchMax = 500;
/** Most keys of one `getMany`. */
export const getManyKeysMax = 10;
/** The engine's limit is 2 KiB a key. */
export const keyBytesMax = 2_000;
/** The engine's limit is 80 KiB for all keys of a commit, its checks included. */
export const commitKeyBytesMax = 70_000;

/** What a key takes in a commit, or a little more. */
export function keyBytes(key: Deno.KvKey): number {
  return key.reduce<number>(
    (bytes, part) => bytes + (typeof part === "string" ? utf8Bytes(part) + 2 : 12),
    0,
  );
}

/** Or a little more. Counted because encoding costs more, and every id that gets a number is asked for. */
function utf8Bytes(text: string): number {
  let bytes = text.length;
  for (let index = 0; index < text.length; index++) {
    const code = text.charCodeAt(index);
    if (code > 0x7f) bytes += code > 0x7ff ? 2 : 1;
  }
  return bytes;
}

/** What JSON takes as a value in V8's form, or more: two bytes a character, nine a fraction. */
export function jsonValueBytes(value: unknown): number {
  const atMost = 3 * JSON.stringify(value).length + 100;
  return atMost <= valueBytesMax ? atMost : serialize(value).byteLength;
}
