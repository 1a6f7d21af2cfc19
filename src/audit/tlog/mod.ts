/**
 * A transparency log by the C2SP formats (tlog-tiles, tlog-checkpoint, signed-note) over the tree of
 * RFC 6962. Pure: it knows neither the store nor the server, so that a verifier trusts no more than this.
 */
export {
  type Checkpoint,
  checkpointText,
  openCheckpoint,
  parseCheckpoint,
  signCheckpoint,
} from "./checkpoint.ts";
export { GrowingTree } from "./growing_tree.ts";
export {
  consistencyProof,
  emptyRoot,
  hashBytes,
  inclusionProof,
  isConsistent,
  isIncluded,
  isSameHash,
  leafHash,
  nodeHash,
  rootAt,
  rootOfRow,
  type SubtreeHashes,
} from "./merkle.ts";
export {
  fromBase64,
  isSignature,
  NoteError,
  openNote,
  parseVerifierKey,
  type Signer,
  signerOf,
  signNote,
  type Verifier,
  verifierKey,
} from "./note.ts";
export {
  hashesFromTiles,
  parseTilePath,
  type ReadTile,
  type Tile,
  tileBytes,
  tilePath,
  tilesAt,
  tileWidth,
  tileWidthAt,
} from "./tiles.ts";
