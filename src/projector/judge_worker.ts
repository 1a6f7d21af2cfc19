/** The thread that judges chunks; what it does is in `ChunkJudge`. */
import {
  buffersOf,
  ChunkJudge,
  type Judged,
  withoutDigests,
} from "../../projections/chunk_judge.ts";
import type { ChunkToJudge, JudgedBytes } from "./judged_ahead.ts";

/** The part of a worker's global scope that is used; its types are not among those of the server. */
interface Scope {
  onmessage: ((event: MessageEvent<ChunkToJudge>) => void) | null;
  postMessage(answer: JudgedBytes, transfer: ArrayBuffer[]): void;
}

const scope = globalThis as unknown as Scope;
const judge = new ChunkJudge();

scope.onmessage = ({ data: { bytes, recordedMs } }) => {
  let judged: Judged | null = null;
  try {
    judged = withoutDigests(judge.judge(bytes, recordedMs));
  } catch {
    // Whoever folds it meets the same fault, and names it.
  }
  scope.postMessage({ bytes, judged }, [bytes.buffer, ...(judged ? buffersOf(judged) : [])]);
};
