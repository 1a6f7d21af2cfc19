/** Reads chunks of interactions; the door to their format and to what builds them. */
import { zstdDecompressSync } from "node:zlib";
import {
  type ChunkItem,
  chunkPlatforms,
  column,
  columnNames,
  type DecodedChunk,
  dictionaryNames,
  digestBytes,
  interactionKinds,
  MalformedChunkError,
  shapeOfFormat,
  viewOf,
} from "./interaction_chunk_format.ts";

export { ChunkBuilder, encodeChunk } from "./interaction_chunk_builder.ts";
export {
  type ChunkItem,
  chunkPlatforms,
  type DecodedChunk,
  digestBytes,
  type InteractionChunk,
  type InteractionKind,
  interactionKinds,
  MalformedChunkError,
} from "./interaction_chunk_format.ts";

/** The digests of a chunk without the rest, which is neither decompressed nor checked. */
export function chunkDigests(bytes: Uint8Array): { count: number; digests: Uint8Array } {
  if (bytes.length < 5) throw new MalformedChunkError("the chunk is truncated");
  if (!shapeOfFormat[bytes[0]!]) throw new MalformedChunkError(`unknown chunk format ${bytes[0]}`);
  const count = viewOf(bytes).getUint32(1, true);
  const digests = bytes.subarray(5, 5 + count * digestBytes);
  if (digests.length !== count * digestBytes) {
    throw new MalformedChunkError(`the chunk is truncated: ${count} items do not fit`);
  }
  return { count, digests };
}

/** Several read models ask for one chunk after the other: the last one decoded is at hand. */
export function decodeChunk(bytes: Uint8Array): DecodedChunk {
  if (last?.bytes !== bytes) last = { bytes, chunk: decode(bytes) };
  return last.chunk;
}

/** One item of a decoded chunk, for readers that do not mind the cost. */
export function chunkItem(chunk: DecodedChunk, index: number): ChunkItem {
  if (!(index >= 0 && index < chunk.count)) throw new RangeError(`the chunk has no item ${index}`);
  return {
    digest: chunk.digests.slice(index * digestBytes, (index + 1) * digestBytes),
    kind: interactionKinds[chunk.kind[index]!]!,
    campaignId: chunk.campaigns[chunk.campaign[index]! - 1] ?? null,
    device: chunk.device[index]!,
    user: chunk.user[index]!,
    occurredAtMs: chunk.occurredAtMs[index]!,
    platform: chunkPlatforms[chunk.platform[index]!]!,
    revision: chunk.revision[index]!,
    elementId: chunk.elements[chunk.element[index]! - 1] ?? null,
    variant: chunk.variants[chunk.variant[index]! - 1] ?? null,
    name: chunk.names[chunk.name[index]! - 1] ?? null,
    session: chunk.session[index]!,
    claim: chunk.claims[chunk.claim[index]! - 1] ?? null,
  };
}

let last: { readonly bytes: Uint8Array; readonly chunk: DecodedChunk } | undefined;

function decode(bytes: Uint8Array): DecodedChunk {
  const { count, digests } = chunkDigests(bytes);
  const shape = shapeOfFormat[bytes[0]!]!;
  const raw = decompress(bytes, 5 + digests.length);
  if (raw.length < 4) throw new MalformedChunkError("the dictionaries are truncated");
  const view = viewOf(raw);
  const columnsStart = 12 + view.getUint32(0, true);
  if (columnsStart > raw.length) throw new MalformedChunkError("the dictionaries are truncated");
  const [campaigns, elements, variants, names, claims = []] = readDictionaries(
    raw.subarray(4, columnsStart - 8),
    shape.dictionaries,
  );
  const earliestMs = Number(view.getBigUint64(columnsStart - 8, true));
  const columns = readColumns(raw, columnsStart, count, shape.columns);
  const after = columns[column.occurredAfterMs]!;
  const high = columns[column.occurredAfterMsHigh]!;
  const occurredAtMs = new Float64Array(count);
  for (let i = 0; i < count; i++) occurredAtMs[i] = earliestMs + high[i]! * 2 ** 32 + after[i]!;
  const below = (index: number, limit: number): Uint32Array => {
    const values = columns[index]!;
    for (let i = 0; i < count; i++) {
      if (values[i]! >= limit) {
        throw new MalformedChunkError(`${columnNames[index]} ${values[i]} is out of range`);
      }
    }
    return values;
  };
  return {
    count,
    digests,
    occurredAtMs,
    kind: below(column.kind, interactionKinds.length),
    platform: below(column.platform, chunkPlatforms.length),
    device: columns[column.device]!,
    user: columns[column.user]!,
    revision: columns[column.revision]!,
    campaign: below(column.campaign, campaigns!.length + 1),
    element: below(column.element, elements!.length + 1),
    variant: below(column.variant, variants!.length + 1),
    name: below(column.name, names!.length + 1),
    session: columns[column.session]!,
    claim: below(column.claim, claims.length + 1),
    campaigns: campaigns!,
    elements: elements!,
    variants: variants!,
    names: names!,
    claims,
  };
}

/** No honest chunk comes near it: a value in the store has tens of kilobytes. */
const rawBytesMax = 64 * 1024 * 1024;
/** The platform takes no smaller pieces. */
const chunkSizeMin = 64;
/** Larger ones the C library asks of the system each time; and a length alone may be a lie. */
const chunkSizeMax = 60 * 1024;
const decoder = new TextDecoder("utf-8", { fatal: true });

function decompress(bytes: Uint8Array, digestsEnd: number): Uint8Array {
  if (bytes.length < digestsEnd + 4) throw new MalformedChunkError("the chunk is truncated");
  const length = viewOf(bytes).getUint32(digestsEnd, true);
  if (length > rawBytesMax) throw new MalformedChunkError(`${length} bytes of columns do not fit`);
  let raw: Uint8Array;
  try {
    raw = zstdDecompressSync(bytes.subarray(digestsEnd + 4), {
      maxOutputLength: Math.max(length, 1),
      // A byte more than there will be: the output then stands in one piece, and is not copied.
      chunkSize: Math.min(Math.max(length + 1, chunkSizeMin), chunkSizeMax),
    });
  } catch (cause) {
    throw new MalformedChunkError("the chunk's columns cannot be decompressed", { cause });
  }
  if (raw.length !== length) {
    throw new MalformedChunkError(`the columns have ${raw.length} bytes, not ${length}`);
  }
  return raw;
}

function readDictionaries(json: Uint8Array, count: number): string[][] {
  let dictionaries: unknown;
  try {
    dictionaries = JSON.parse(decoder.decode(json));
  } catch (cause) {
    throw new MalformedChunkError("the dictionaries are not JSON", { cause });
  }
  const isStrings = (value: unknown) =>
    Array.isArray(value) && value.every((entry) => typeof entry === "string");
  if (
    !Array.isArray(dictionaries) || dictionaries.length !== count || !dictionaries.every(isStrings)
  ) {
    const names = dictionaryNames.slice(0, count).join(", ");
    throw new MalformedChunkError(`the dictionaries are not lists of strings: ${names}`);
  }
  return dictionaries;
}

/** Columns that the format lacks are all 0. */
function readColumns(raw: Uint8Array, start: number, count: number, stored: number): Uint32Array[] {
  let offset = start;
  const columns = columnNames.map((name, index) => {
    const values = new Uint32Array(count);
    if (index >= stored) return values;
    const width = raw[offset++];
    if (width === undefined || width > 4 || offset + width * count > raw.length) {
      throw new MalformedChunkError(`the column ${name} is truncated`);
    }
    for (let shift = 0; shift < width * 8; shift += 8) {
      for (let i = 0; i < count; i++) values[i] = values[i]! | (raw[offset + i]! << shift);
      offset += count;
    }
    return values;
  });
  if (offset !== raw.length) throw new MalformedChunkError("bytes follow the last column");
  return columns;
}
