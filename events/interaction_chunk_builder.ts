/** Gathers interactions into the bytes of a chunk. */
import { constants, zstdCompressSync } from "node:zlib";
import {
  type ChunkItem,
  chunkPlatforms,
  column,
  columnNames,
  digestBytes,
  format,
  type InteractionChunk,
  interactionKinds,
} from "./interaction_chunk_format.ts";

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
  readonly #claims = new Dictionary();

  get count(): number {
    return this.#count;
  }

  /** What `build` gives has at most about this many bytes, usually a third less. */
  get approximateBytes(): number {
    let bytes = 64 + this.#count * (digestBytes + widthOf(this.#latestMs - this.#earliestMs));
    for (const maximum of this.#maxima) bytes += this.#count * widthOf(maximum);
    return bytes + this.#campaigns.bytes + this.#elements.bytes + this.#variants.bytes +
      this.#names.bytes + this.#claims.bytes;
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
    checkUint32("session", item.session);
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
    this.#put(column.session, index, item.session);
    this.#put(column.claim, index, this.#claims.number(item.claim));
    this.#count = index + 1;
  }

  build(): Uint8Array<ArrayBuffer> {
    const count = this.#count;
    const earliestMs = count === 0 ? 0 : this.#earliestMs;
    this.#splitTimes(earliestMs);
    const dictionaries = encoder.encode(JSON.stringify(
      [this.#campaigns, this.#elements, this.#variants, this.#names, this.#claims]
        .map(({ values }) => values),
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

  #assemble(raw: Uint8Array): Uint8Array<ArrayBuffer> {
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

const encoder = new TextEncoder();

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
