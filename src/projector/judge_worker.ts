/** The thread that judges chunks; what it does is in `ChunkJudge`. */
import { ChunkJudge, type Judged, withoutDigests } from "../../projections/chunk_judge.ts";
import type { ChunkToJudge } from "./judged_ahead.ts";

/** The part of a worker's global scope that is used; its types are not among those of the server. */
interface Scope {
  onmessage: ((event: MessageEvent<ChunkToJudge>) => void) | null;
  postMessage(judged: Judged | null, transfer: ArrayBuffer[]): void;
}

const scope = globalThis as unknown as Scope;
const judge = new ChunkJudge();

scope.onmessage = ({ data: { bytes, recordedMs } }) => {
  let judged: Judged;
  try {
    judged = withoutDigests(judge.judge(bytes, recordedMs));
  } catch {
    // Whoever folds it meets the same fault, and names it.
    return scope.postMessage(null, []);
  }
  scope.postMessage(judged, buffersOf(judged));
};

function buffersOf({ chunk, fresh }: Judged): ArrayBuffer[] {
  const arrays = [fresh, ...Object.values(chunk)].filter((value) => ArrayBuffer.isView(value));
  return arrays.map((array) => array.buffer as ArrayBuffer);
}
