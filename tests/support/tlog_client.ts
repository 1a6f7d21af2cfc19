/** A client of the transparency log that trusts nothing but the key that it is given. */
import { assert, assertEquals } from "@std/assert";
import {
  type Checkpoint,
  consistencyProof,
  hashBytes,
  hashesFromTiles,
  isConsistent,
  isSameHash,
  leafHash,
  nodeHash,
  openCheckpoint,
  parseVerifierKey,
  rootAt,
  type SubtreeHashes,
  tilePath,
  tileWidth,
  tileWidthAt,
} from "../../src/audit/tlog/mod.ts";

/** Gives the answer to a GET of a path under `/v1/audit/`. */
export type Fetch = (path: string) => Promise<Response>;

export class TlogClient {
  constructor(readonly fetch: Fetch) {}

  async key(): Promise<string> {
    return await (await this.#ok("key")).text();
  }

  async note(): Promise<string> {
    return await (await this.#ok("checkpoint")).text();
  }

  /** The newest checkpoint, which must be signed by the key; default: the one that is told. */
  async checkpoint(key?: string): Promise<Checkpoint> {
    return openCheckpoint(await this.note(), [parseVerifierKey(key ?? await this.key())]);
  }

  hashes(size: number): SubtreeHashes {
    return hashesFromTiles(size, async (tile) => {
      const bytes = await this.bytes(`tile/${tilePath(tile)}`);
      assertEquals(bytes.length, tile.width * hashBytes);
      return bytes;
    });
  }

  /** All lines of the tree, out of its bundles. */
  async lines(size: number): Promise<string[]> {
    const lines: string[] = [];
    for (let index = 0; index * tileWidth < size; index++) {
      const width = tileWidthAt(size, "entries", index);
      const bytes = await this.bytes(`tile/${tilePath({ level: "entries", index, width })}`);
      const view = new DataView(bytes.buffer);
      let count = 0;
      for (let offset = 0; offset < bytes.length; count++) {
        const length = view.getUint16(offset);
        lines.push(new TextDecoder().decode(bytes.subarray(offset + 2, offset + 2 + length)));
        offset += 2 + length;
      }
      assertEquals(count, width);
    }
    return lines;
  }

  /** The tiles give the root of the checkpoint, and its entries their leaves. Gives the lines. */
  async check(checkpoint: Checkpoint): Promise<string[]> {
    const { size, root } = checkpoint;
    const hashes = this.hashes(size);
    assert(isSameHash(await rootAt(size, hashes), root), "the tiles give another root");
    const lines = await this.lines(size);
    assertEquals(lines.length, size);
    const leaves = lines.map((line) => leafHash(line));
    assert(isSameHash(await rootAt(size, ofLeaves(leaves)), root), "the entries give another root");
    return lines;
  }

  async checkContinues(older: Checkpoint, newer: Checkpoint): Promise<void> {
    assertEquals(newer.origin, older.origin);
    const proof = await consistencyProof(older.size, newer.size, this.hashes(newer.size));
    assert(isConsistent(older.size, newer.size, older.root, newer.root, proof), "another history");
  }

  async bytes(path: string): Promise<Uint8Array> {
    return new Uint8Array(await (await this.#ok(path)).arrayBuffer());
  }

  async #ok(path: string): Promise<Response> {
    const response = await this.fetch(path);
    assertEquals(response.status, 200, path);
    return response;
  }
}

/** Hashes of complete subtrees, straight from the leaves. */
export function ofLeaves(
  leaves: readonly Uint8Array[],
): (height: number, index: number) => Uint8Array {
  const known = new Map<string, Uint8Array>();
  const of = (height: number, index: number): Uint8Array => {
    if (height === 0) return leaves[index]!;
    const key = `${height} ${index}`;
    const hash = known.get(key) ??
      nodeHash(of(height - 1, 2 * index), of(height - 1, 2 * index + 1));
    known.set(key, hash);
    return hash;
  };
  return of;
}
