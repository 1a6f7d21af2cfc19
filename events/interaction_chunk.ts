/**
 * The bytes of a chunk of interactions, a format kept for ever. Chunks hold numbers and digests, never
 * raw ids. The digests stand apart and uncompressed, because they are random and because a start of
 * the server reads nothing else of old chunks.
 *
 * ```
 * u8 format (1) · u32 count · count × 16 bytes of digest · u32 length · zstd of `length` bytes:
 *   u32 length of JSON · JSON [campaigns, elements, variants, names] · u64 earliest occurredAt (ms)
 *   the columns of `columnNames` in their order: u8 width (0–4) · width planes of count bytes
 * ```
 * Integers are little-endian. A column's plane `p` has byte `p` of every item's number, least first;
 * width 0 says that all are 0. Columns that name a dictionary hold 0 for none, else the index + 1.
 * A format with more columns takes the next format byte; decoders keep all earlier ones.
 */
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import type { Platform } from "./workspace_events.ts";

/** The index is the code in the bytes: add at the end only. */
export const interactionKinds = ["impression", "click", "event", "hide"] as const;
export type InteractionKind = (typeof interactionKinds)[number];

/** The index is the code in the bytes: add at the end only. */
export const chunkPlatforms = ["web", "android", "ios"] as const satisfies readonly Platform[];

export const digestBytes = 16;

/** One interaction, as `ChunkBuilder` takes it. */
export interface ChunkItem {
  /** The first 16 bytes of a digest of the interaction's id. */
  readonly digest: Uint8Array;
  readonly kind: InteractionKind;
  readonly campaignId: string | null;
  /** From the identity register, from 1 on. */
  readonly device: number;
  /** From the identity register, from 1 on; 0 for none. */
  readonly user: number;
  readonly occurredAtMs: number;
  readonly platform: Platform;
  /** Of the content; 0 for not known. */
  readonly revision: number;
  readonly elementId: string | null;
  readonly variant: string | null;
  /** Of an event; the duration of a hide. */
  readonly name: string | null;
}

export type InteractionChunk = readonly ChunkItem[];

/** A chunk column by column; item `i` is what stands at `i` in every column. */
export interface DecodedChunk {
  readonly count: number;
  /** 16 bytes an item; a view of the bytes that were decoded. */
  readonly digests: Uint8Array;
  readonly occurredAtMs: Float64Array;
  /** Indices into `interactionKinds` and `chunkPlatforms`. */
  readonly kind: Uint32Array;
  readonly platform: Uint32Array;
  readonly device: Uint32Array;
  readonly user: Uint32Array;
  readonly revision: Uint32Array;
  /** 0 for none, else the index in the dictionary + 1. */
  readonly campaign: Uint32Array;
  readonly element: Uint32Array;
  readonly variant: Uint32Array;
  readonly name: Uint32Array;
  readonly campaigns: readonly string[];
  readonly elements: readonly string[];
  readonly variants: readonly string[];
  readonly names: readonly string[];
}

export class MalformedChunkError extends Error {
  override name = "MalformedChunkError";
}

/** Gathers interactions; `build` gives the chunk's bytes. */
export class ChunkBuilder {
  #count = 0;
  #capacity = 256;
  #digests = new Uint8Array(this.#capacity * digestBytes);
  #occurredAtMs = new Float64Array(this.#capacity);
  #columns = columnNames.map(() => new Uint32Array(this.#capacity));
  readonly #maxima = new Float64Array(columnNames.length);
  #earliestMs = Infinity;
  #latestMs = -Infinity;
  readonly #campaigns = new Dictionary();
  readonly #elements = new Dictionary();
  readonly #variants = new Dictionary();
  readonly #names = new Dictionary();

  get count(): number {
    return this.#count;
  }

  /** What `build` gives has at most about this many bytes, usually a third less. */
  get approximateBytes(): number {
    let bytes = 64 + this.#count * (digestBytes + widthOf(this.#latestMs - this.#earliestMs));
    for (const maximum of this.#maxima) bytes += this.#count * widthOf(maximum);
    return bytes + this.#campaigns.bytes + this.#elements.bytes + this.#variants.bytes +
      this.#names.bytes;
  }

  add(item: ChunkItem): void {
    const { digest, occurredAtMs } = item;
    if (digest.length !== digestBytes) throw new RangeError("a digest has 16 bytes");
    if (!Number.isSafeInteger(occurredAtMs) || occurredAtMs < 0) {
      throw new RangeError(`occurredAtMs ${occurredAtMs} is not a whole number from 0 on`);
    }
    checkUint32("device", item.device);
    checkUint32("user", item.user);
    checkUint32("revision", item.revision);
    const index = this.#count;
    if (index === this.#capacity) this.#grow();
    this.#digests.set(digest, index * digestBytes);
    this.#occurredAtMs[index] = occurredAtMs;
    if (occurredAtMs < this.#earliestMs) this.#earliestMs = occurredAtMs;
    if (occurredAtMs > this.#latestMs) this.#latestMs = occurredAtMs;
    this.#put(column.kind, index, interactionKinds.indexOf(item.kind));
    this.#put(column.platform, index, chunkPlatforms.indexOf(item.platform));
    this.#put(column.campaign, index, this.#campaigns.number(item.campaignId));
    this.#put(column.device, index, item.device);
    this.#put(column.user, index, item.user);
    this.#put(column.revision, index, item.revision);
    this.#put(column.element, index, this.#elements.number(item.elementId));
    this.#put(column.variant, index, this.#variants.number(item.variant));
    this.#put(column.name, index, this.#names.number(item.name));
    this.#count = index + 1;
  }

  build(): Uint8Array {
    const count = this.#count;
    const earliestMs = count === 0 ? 0 : this.#earliestMs;
    this.#splitTimes(earliestMs);
    const dictionaries = encoder.encode(JSON.stringify(
      [this.#campaigns, this.#elements, this.#variants, this.#names].map(({ values }) => values),
    ));
    const widths = Array.from(this.#maxima, widthOf);
    const planes = widths.reduce((sum, width) => sum + width, 0);
    const raw = new Uint8Array(12 + dictionaries.length + widths.length + planes * count);
    const view = new DataView(raw.buffer);
    view.setUint32(0, dictionaries.length, true);
    raw.set(dictionaries, 4);
    view.setBigUint64(4 + dictionaries.length, BigInt(earliestMs), true);
    let offset = 12 + dictionaries.length;
    widths.forEach((width, index) => {
      raw[offset++] = width;
      const values = this.#columns[index]!;
      for (let shift = 0; shift < width * 8; shift += 8) {
        for (let i = 0; i < count; i++) raw[offset + i] = values[i]! >>> shift;
        offset += count;
      }
    });
    return this.#assemble(raw);
  }

  #assemble(raw: Uint8Array): Uint8Array {
    const compressed = zstdCompressSync(raw, {
      params: { [constants.ZSTD_c_compressionLevel]: 1 },
    });
    const digestsEnd = 5 + this.#count * digestBytes;
    const bytes = new Uint8Array(digestsEnd + 4 + compressed.length);
    const view = new DataView(bytes.buffer);
    bytes[0] = format;
    view.setUint32(1, this.#count, true);
    bytes.set(this.#digests.subarray(0, this.#count * digestBytes), 5);
    view.setUint32(digestsEnd, raw.length, true);
    bytes.set(compressed, digestsEnd + 4);
    return bytes;
  }

  #put(index: number, row: number, value: number): void {
    this.#columns[index]![row] = value;
    if (value > this.#maxima[index]!) this.#maxima[index] = value;
  }

  #splitTimes(earliestMs: number): void {
    for (let i = 0; i < this.#count; i++) {
      const afterMs = this.#occurredAtMs[i]! - earliestMs;
      const high = Math.floor(afterMs / 2 ** 32);
      this.#put(column.occurredAfterMs, i, afterMs - high * 2 ** 32);
      this.#put(column.occurredAfterMsHigh, i, high);
    }
  }

  #grow(): void {
    this.#capacity *= 2;
    this.#digests = grown(this.#digests, new Uint8Array(this.#capacity * digestBytes));
    this.#occurredAtMs = grown(this.#occurredAtMs, new Float64Array(this.#capacity));
    this.#columns = this.#columns.map((values) => grown(values, new Uint32Array(this.#capacity)));
  }
}

export function encodeChunk(chunk: InteractionChunk): Uint8Array {
  const builder = new ChunkBuilder();
  for (const item of chunk) builder.add(item);
  return builder.build();
}

/** The digests of a chunk without the rest, which is neither decompressed nor checked. */
export function chunkDigests(bytes: Uint8Array): { count: number; digests: Uint8Array } {
  if (bytes.length < 5) throw new MalformedChunkError("the chunk is truncated");
  if (bytes[0] !== format) throw new MalformedChunkError(`unknown chunk format ${bytes[0]}`);
  const count = viewOf(bytes).getUint32(1, true);
  const digests = bytes.subarray(5, 5 + count * digestBytes);
  if (digests.length !== count * digestBytes) {
    throw new MalformedChunkError(`the chunk is truncated: ${count} items do not fit`);
  }
  return { count, digests };
}

export function decodeChunk(bytes: Uint8Array): DecodedChunk {
  const { count, digests } = chunkDigests(bytes);
  const raw = decompress(bytes, 5 + digests.length);
  if (raw.length < 4) throw new MalformedChunkError("the dictionaries are truncated");
  const view = viewOf(raw);
  const columnsStart = 12 + view.getUint32(0, true);
  if (columnsStart > raw.length) throw new MalformedChunkError("the dictionaries are truncated");
  const [campaigns, elements, variants, names] = readDictionaries(
    raw.subarray(4, columnsStart - 8),
  );
  const earliestMs = Number(view.getBigUint64(columnsStart - 8, true));
  const columns = readColumns(raw, columnsStart, count);
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
    campaigns: campaigns!,
    elements: elements!,
    variants: variants!,
    names: names!,
  };
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
  };
}

const format = 1;
/** No honest chunk comes near it: a value in the store has tens of kilobytes. */
const rawBytesMax = 64 * 1024 * 1024;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

const columnNames = [
  "kind",
  "platform",
  "campaign",
  "device",
  "user",
  "occurredAfterMs",
  "occurredAfterMsHigh",
  "revision",
  "element",
  "variant",
  "name",
] as const;
const column = Object.fromEntries(columnNames.map((name, index) => [name, index])) as Record<
  (typeof columnNames)[number],
  number
>;

class Dictionary {
  readonly values: string[] = [];
  /** Most bytes that the values take as JSON. */
  bytes = 0;
  readonly #numbers = new Map<string, number>();

  /** 0 for null, else the value's index + 1. */
  number(value: string | null): number {
    if (value === null) return 0;
    const known = this.#numbers.get(value);
    if (known !== undefined) return known;
    const added = this.values.push(value);
    this.#numbers.set(value, added);
    this.bytes += value.length * 6 + 3;
    return added;
  }
}

function decompress(bytes: Uint8Array, digestsEnd: number): Uint8Array {
  if (bytes.length < digestsEnd + 4) throw new MalformedChunkError("the chunk is truncated");
  const length = viewOf(bytes).getUint32(digestsEnd, true);
  if (length > rawBytesMax) throw new MalformedChunkError(`${length} bytes of columns do not fit`);
  let raw: Uint8Array;
  try {
    raw = zstdDecompressSync(bytes.subarray(digestsEnd + 4), {
      maxOutputLength: Math.max(length, 1),
    });
  } catch (cause) {
    throw new MalformedChunkError("the chunk's columns cannot be decompressed", { cause });
  }
  if (raw.length !== length) {
    throw new MalformedChunkError(`the columns have ${raw.length} bytes, not ${length}`);
  }
  return raw;
}

function readDictionaries(json: Uint8Array): string[][] {
  let dictionaries: unknown;
  try {
    dictionaries = JSON.parse(decoder.decode(json));
  } catch (cause) {
    throw new MalformedChunkError("the dictionaries are not JSON", { cause });
  }
  const isStrings = (value: unknown) =>
    Array.isArray(value) && value.every((entry) => typeof entry === "string");
  if (
    !Array.isArray(dictionaries) || dictionaries.length !== 4 || !dictionaries.every(isStrings)
  ) throw new MalformedChunkError("the dictionaries are not four lists of strings");
  return dictionaries;
}

function readColumns(raw: Uint8Array, start: number, count: number): Uint32Array[] {
  let offset = start;
  const columns = columnNames.map((name) => {
    const values = new Uint32Array(count);
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

function widthOf(maximum: number): number {
  let width = 0;
  while (maximum >= 2 ** (8 * width)) width++;
  return width;
}

function checkUint32(name: string, value: number): void {
  if (value >>> 0 !== value) throw new RangeError(`${name} ${value} is not a 32-bit number`);
}

function grown<T extends Uint8Array | Uint32Array | Float64Array>(from: T, to: T): T {
  to.set(from);
  return to;
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
