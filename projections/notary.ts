/**
 * The transparency log: every event's line is a leaf, in the order of the log. Full tiles are rows that
 * never change; the partial tiles at the tree's right edge are one row, rewritten as the tree grows.
 */
import type { RecordedEvent } from "../events/recorded_event.ts";
import {
  GrowingTree,
  hashBytes,
  hashesFromTiles,
  type SubtreeHashes,
  tileBytes,
  tileWidth,
  tileWidthAt,
} from "../src/audit/tlog/mod.ts";
import type { Projection, RowSource } from "./projection.ts";

const edgeKey = "edge";
const encoder = new TextEncoder();
const decoder = new TextDecoder();

interface Edge {
  readonly size: number;
  /** Position of the first entry after the last full bundle; "" where there is none. */
  readonly bundleStart: string;
  /** The partial tile of each level, in base64. */
  readonly levels: readonly string[];
}

export class NotaryProjection implements Projection {
  readonly name = "notary";
  readonly revision = 1;
  readonly bodiesOf = [];
  readonly #tree = new GrowingTree((level, index, bytes) => this.#keepFull(level, index, bytes));
  #bundleStart = "";
  /** The edge that was loaded has the events up to here. */
  #through = "";
  /** Full tiles that are in no store yet. */
  readonly #unstored = new Map<string, Uint8Array>();
  readonly #dirty = new Set<string>();
  #source: RowSource | null = null;

  get size(): number {
    return this.#tree.size;
  }

  root(): Uint8Array {
    return this.#tree.root();
  }

  fold(recorded: RecordedEvent): void {
    if (recorded.position <= this.#through) return;
    if (!recorded.line) throw new Error(`the event at ${recorded.position} has no line`);
    if (this.size % tileWidth === 0) this.#bundleStart = recorded.position;
    this.#tree.appendEntry(recorded.line());
    this.#dirty.add(edgeKey);
  }

  /** The first `width` hashes of a tile; null where the tree has not so many. */
  async tile(level: number, index: number, width: number): Promise<Uint8Array | null> {
    const there = tileWidthAt(this.size, level, index);
    if (there < width) return null;
    const bytes = width * hashBytes;
    if (there < tileWidth) return this.#tree.partial(level).slice(0, bytes);
    return (await this.#fullTile(level, index)).subarray(0, bytes);
  }

  /** The position of the first entry of a bundle; null where the tree has not so many. */
  async bundleStart(index: number): Promise<string | null> {
    const width = tileWidthAt(this.size, "entries", index);
    if (width < tileWidth) return width === 0 ? null : this.#bundleStart;
    return decoder.decode((await this.#fullTile(0, index)).subarray(tileBytes));
  }

  /** The hashes of the tree as it was when it had this size, which is at most today's. */
  hashesAt(size: number): SubtreeHashes {
    return hashesFromTiles(size, async ({ level, index, width }) => {
      return (await this.tile(level as number, index, width))!;
    });
  }

  takeDirty(): string[] {
    const keys = [...this.#dirty];
    this.#dirty.clear();
    return keys;
  }

  isIndex(key: string): boolean {
    return key === edgeKey;
  }

  encodeRow(key: string): Uint8Array {
    if (key !== edgeKey) return this.#unstored.get(key)!;
    const levels = Array.from(
      { length: this.#tree.levelCount },
      (_, level) => this.#tree.partial(level).toBase64(),
    );
    const bundleStart = this.size % tileWidth === 0 ? "" : this.#bundleStart;
    const edge: Edge = { size: this.size, bundleStart, levels };
    return encoder.encode(JSON.stringify(edge));
  }

  loadRow(_key: string, bytes: Uint8Array, through: string): void {
    const { size, bundleStart, levels }: Edge = JSON.parse(decoder.decode(bytes));
    this.#tree.restore(size, levels.map((text) => Uint8Array.fromBase64(text)));
    this.#bundleStart = bundleStart;
    this.#through = through;
  }

  *rowKeys(): Generator<string> {
    if (this.size > 0) yield edgeKey;
    for (let level = 0; level < this.#tree.levelCount; level++) {
      const count = Math.floor(this.size / tileWidth ** (level + 1));
      for (let index = 0; index < count; index++) yield tileKey(level, index);
    }
  }

  attach(source: RowSource): void {
    this.#source = source;
  }

  stored(keys: Iterable<string>): void {
    if (this.#source) { for (const key of keys) this.#unstored.delete(key); }
  }

  #keepFull(level: number, index: number, bytes: Uint8Array): void {
    const key = tileKey(level, index);
    // A tile of leaves also tells where in the log they begin.
    this.#unstored.set(key, level === 0 ? joined(bytes, encoder.encode(this.#bundleStart)) : bytes);
    this.#dirty.add(key);
  }

  async #fullTile(level: number, index: number): Promise<Uint8Array> {
    const key = tileKey(level, index);
    return this.#unstored.get(key) ?? (await this.#source!.read([key])).get(key)!;
  }
}

function tileKey(level: number, index: number): string {
  return `cold/tile/${level}/${String(index).padStart(12, "0")}`;
}

function joined(one: Uint8Array, other: Uint8Array): Uint8Array {
  const bytes = new Uint8Array(one.length + other.length);
  bytes.set(one);
  bytes.set(other, one.length);
  return bytes;
}
