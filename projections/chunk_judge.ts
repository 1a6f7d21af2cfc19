/**
 * Decodes chunks and tells which of their ids are new, apart from what counts them: so a replay can
 * have that done on another thread, ahead of the fold. The verdicts are those of the KPI read model.
 */
import { chunkDigests, decodeChunk } from "../events/interaction_chunk.ts";
import type { JudgedChunk } from "../events/recorded_event.ts";
import { digestDay, DigestSet } from "./digest_set.ts";

export class ChunkJudge {
  readonly #seen = new DigestSet();

  /** To be called with every chunk of the log, in its order. Throws `MalformedChunkError`. */
  judge(bytes: Uint8Array, recordedMs: number): JudgedChunk {
    const chunk = decodeChunk(bytes);
    return { chunk, fresh: this.#seen.addAll(chunk.digests, digestDay(recordedMs)).slice() };
  }
}

/** Without the digests, which are in the bytes: what goes from one thread to another. */
export type Judged = Omit<JudgedChunk, "chunk"> & {
  readonly chunk: Omit<JudgedChunk["chunk"], "digests">;
};

export function withoutDigests({ chunk, fresh }: JudgedChunk): Judged {
  const { digests: _, ...rest } = chunk;
  return { chunk: rest, fresh };
}

export function withDigests({ chunk, fresh }: Judged, bytes: Uint8Array): JudgedChunk {
  return { chunk: { ...chunk, digests: chunkDigests(bytes).digests }, fresh };
}

/** What it takes beside the bytes. */
export function buffersOf({ chunk, fresh }: Judged): ArrayBuffer[] {
  const arrays = [fresh, ...Object.values(chunk)].filter((value) => ArrayBuffer.isView(value));
  return arrays.map((array) => array.buffer as ArrayBuffer);
}
