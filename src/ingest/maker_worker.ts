/** The thread that makes chunks; what it does is in `ChunkMaker`. */
import { buffersOf, ChunkMaker } from "./chunk_maker.ts";
import type { Made, Work } from "./maker_messages.ts";

/** The part of a worker's global scope that is used; its types are not among those of the server. */
interface Scope {
  onmessage: ((event: MessageEvent<Work>) => void) | null;
  postMessage(made: Made, transfer: ArrayBuffer[]): void;
}

const scope = globalThis as unknown as Scope;
const maker = new ChunkMaker();

scope.onmessage = ({ data }) => {
  const made = maker.work(data);
  scope.postMessage(made, buffersOf(made));
};
