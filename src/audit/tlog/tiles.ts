/**
 * Tiles as C2SP tlog-tiles has them: a tile of level L holds up to 256 hashes of complete subtrees of
 * 256^L leaves. Tile N of a level is full, or the level's last one and partial.
 */
import { hashBytes, rootOfRow, type SubtreeHashes } from "./merkle.ts";

export const tileHeight = 8;
export const tileWidth = 2 ** tileHeight;
export const tileBytes = tileWidth * hashBytes;
/** A tree with as many levels as this has more leaves than a number can count exactly. */
const levelMax = 6;

export interface Tile {
  /** "entries": the bundle of the leaves themselves. */
  readonly level: number | "entries";
  readonly index: number;
  /** Hashes or entries in it: 256 where it is full. */
  readonly width: number;
}

/** `0/x001/234.p/5`: what stands after `tile/`. */
export function tilePath({ level, index, width }: Tile): string {
  const groups = [String(index % 1_000).padStart(3, "0")];
  for (let rest = Math.floor(index / 1_000); rest > 0; rest = Math.floor(rest / 1_000)) {
    groups.unshift("x" + String(rest % 1_000).padStart(3, "0"));
  }
  return `${level}/${groups.join("/")}${width < tileWidth ? `.p/${width}` : ""}`;
}

/** Null where the text is no path of a tile in its one right form. */
export function parseTilePath(path: string): Tile | null {
  const match = /^(entries|\d)\/((?:x\d{3}\/){0,4}\d{3})(?:\.p\/(\d{1,3}))?$/.exec(path);
  if (!match) return null;
  const level = match[1] === "entries" ? "entries" as const : Number(match[1]);
  const index = Number(match[2]!.replaceAll(/[x/]/g, ""));
  const width = match[3] === undefined ? tileWidth : Number(match[3]);
  const tile: Tile = { level, index, width };
  const isRight = width > 0 && (level === "entries" || level <= levelMax) &&
    tilePath(tile) === path;
  return isRight ? tile : null;
}

/** How many hashes or entries the tile has in a tree of this size; 0: there is no such tile. */
export function tileWidthAt(size: number, level: number | "entries", index: number): number {
  const hashes = Math.floor(size / tileWidth ** (level === "entries" ? 0 : level));
  return Math.max(0, Math.min(tileWidth, hashes - index * tileWidth));
}

/** The tiles of a tree of this size: every level, from the left, entry bundles left out. */
export function* tilesAt(size: number): Generator<Tile> {
  for (let level = 0; level <= levelMax; level++) {
    for (let index = 0;; index++) {
      const width = tileWidthAt(size, level, index);
      if (width === 0) break;
      yield { level, index, width };
      if (width < tileWidth) break;
    }
  }
}

/** Gives the hashes of a tile, at least as many as its width. */
export type ReadTile = (tile: Tile) => Uint8Array | Promise<Uint8Array>;

/** Hashes of the tree of this size out of its tiles, of which each is read when it is needed. */
export function hashesFromTiles(size: number, read: ReadTile): SubtreeHashes {
  return async (height, index) => {
    const level = Math.floor(height / tileHeight);
    const count = 2 ** (height % tileHeight);
    const first = index * count;
    const tile = Math.floor(first / tileWidth);
    const width = tileWidthAt(size, level, tile);
    const bytes = await read({ level, index: tile, width });
    const at = (first % tileWidth) * hashBytes;
    const row = bytes.subarray(at, at + count * hashBytes);
    if (row.length < count * hashBytes) {
      throw new RangeError(`tile ${tilePath({ level, index: tile, width })} is too short`);
    }
    return rootOfRow(row);
  };
}
