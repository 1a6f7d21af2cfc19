/** Checkpoints (C2SP tlog-checkpoint): which tree, its size and its root; signed as a note. */
import { hashBytes } from "./merkle.ts";
import { fromBase64, NoteError, openNote, type Signer, signNote, type Verifier } from "./note.ts";

export interface Checkpoint {
  /** Names the log, for ever. */
  readonly origin: string;
  readonly size: number;
  readonly root: Uint8Array;
}

export function checkpointText({ origin, size, root }: Checkpoint): string {
  return `${origin}\n${size}\n${root.toBase64()}\n`;
}

/** The text of a checkpoint, or a whole note, whose signatures are then not looked at. */
export function parseCheckpoint(text: string): Checkpoint {
  const [origin, sizeText, rootText, ...rest] = text.split("\n");
  const size = /^(0|[1-9]\d{0,15})$/.test(sizeText ?? "") ? Number(sizeText) : NaN;
  const root = fromBase64(rootText ?? "");
  const isCheckpoint = origin && Number.isSafeInteger(size) && root?.length === hashBytes &&
    rest.length > 0;
  if (!isCheckpoint) throw new NoteError("this is no checkpoint of a log");
  return { origin, size, root };
}

export function signCheckpoint(checkpoint: Checkpoint, signer: Signer): string {
  return signNote(checkpointText(checkpoint), signer);
}

/** Throws a `NoteError` where nobody of these signed it. */
export function openCheckpoint(note: string, verifiers: readonly Verifier[]): Checkpoint {
  const { text, signedBy } = openNote(note, verifiers);
  if (signedBy.length === 0) {
    throw new NoteError("the checkpoint is not signed by the key that is to be trusted");
  }
  return parseCheckpoint(text);
}
