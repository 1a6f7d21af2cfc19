/** Builds the tree over the lines anew, and compares tiles, root, and an older checkpoint with it. */
import type { Findings } from "../findings.ts";
import {
  type Checkpoint,
  GrowingTree,
  hashBytes,
  isSameHash,
  leafHash,
  type Tile,
  tilePath,
  tileWidth,
} from "../tlog/mod.ts";
import type { HistorySource } from "./history_source.ts";

interface FullTile {
  readonly tile: Tile;
  readonly bytes: Uint8Array;
}

export class TreeCheck {
  readonly #full: FullTile[] = [];
  readonly #tree = new GrowingTree((level, index, bytes) => {
    this.#full.push({ tile: { level, index, width: tileWidth }, bytes });
  });
  #sinceRoot: Uint8Array | null = null;

  constructor(
    readonly source: HistorySource,
    readonly findings: Findings,
    readonly since: Checkpoint | null,
  ) {
    this.#noteSince();
  }

  get size(): number {
    return this.#tree.size;
  }

  root(): Uint8Array {
    return this.#tree.root();
  }

  async append(line: Uint8Array): Promise<void> {
    this.#tree.append(leafHash(line));
    this.#noteSince();
    for (const { tile, bytes } of this.#full.splice(0)) await this.#compare(tile, bytes);
  }

  /** To be called after the last line. */
  async finish({ size, root }: Checkpoint): Promise<void> {
    for (let level = 0; level < this.#tree.levelCount; level++) {
      const bytes = this.#tree.partial(level);
      const width = bytes.length / hashBytes;
      const index = Math.floor(this.size / tileWidth ** (level + 1));
      if (width > 0) await this.#compare({ level, index, width }, bytes);
    }
    if (this.size !== size) {
      this.findings.fault(`the checkpoint speaks of ${size} events, there are ${this.size}`);
    } else if (!isSameHash(this.#tree.root(), root)) {
      this.findings.fault(
        `the root over the ${size} lines is ${this.#tree.root().toBase64()}, ` +
          `the checkpoint says ${root.toBase64()}`,
      );
    }
    this.#checkSince(size);
  }

  #noteSince(): void {
    if (this.since?.size === this.size) this.#sinceRoot = this.#tree.root();
  }

  #checkSince(size: number): void {
    if (!this.since) return;
    if (this.since.size > size) {
      this.findings.fault(
        `the older checkpoint speaks of ${this.since.size} events, this history of ${size}: ` +
          "events are gone from its end, or it comes from a restored older database",
      );
    } else if (this.#sinceRoot && !isSameHash(this.#sinceRoot, this.since.root)) {
      this.findings.fault(
        `the first ${this.since.size} events are not those of the older checkpoint: ` +
          `their root is ${this.#sinceRoot.toBase64()}, it says ${this.since.root.toBase64()}`,
      );
    }
  }

  async #compare(tile: Tile, bytes: Uint8Array): Promise<void> {
    const name = `tile/${tilePath(tile)}`;
    const found = await this.source.tile(tile);
    this.findings.count("tiles");
    if (!found) return this.findings.fault(`${name} is missing`);
    const fault = tileFault(tile, bytes, found, (leaf) => this.source.whereOf(leaf));
    if (fault !== null) this.findings.fault(`${name} ${fault}`);
  }
}

/** What is wrong with a tile that has to have these bytes; null: nothing. */
export function tileFault(
  { level, index }: Tile,
  bytes: Uint8Array,
  found: Uint8Array,
  whereOf: (leaf: number) => string,
): string | null {
  if (found.length !== bytes.length) return `has ${found.length} bytes, not ${bytes.length}`;
  if (isSameHash(found, bytes)) return null;
  const at = Math.floor(bytes.findIndex((byte, at) => byte !== found[at]) / hashBytes);
  const what = level === 0 ? whereOf(index * tileWidth + at) : "the tile below";
  return `has a hash ${at} that is not that of ${what}`;
}
