/** Where chunks are made: on a thread of its own, or in this one. */
import { ChunkMaker } from "./chunk_maker.ts";
import type { Made, Work } from "./maker_messages.ts";

export interface MakerChannel {
  post(work: Work): void;
  close(): void;
}

export interface MakerListener {
  made(made: Made): void;
  /** It makes nothing any more; what it was told and has not answered is lost. */
  failed(error: Error): void;
}

export type OpenMaker = (listener: MakerListener) => MakerChannel;

/** For a process that has no thread to spare, and for tests. */
export const makerInProcess: OpenMaker = (listener) => {
  const maker = new ChunkMaker();
  let isOpen = true;
  return {
    // Later, as from a thread.
    post: (work) =>
      queueMicrotask(() => {
        if (isOpen) listener.made(maker.work(work));
      }),
    close: () => void (isOpen = false),
  };
};

/** The thread computes only: it opens no store, and asks for nothing but its own code. */
export const makerOnThread: OpenMaker = (listener) => {
  const worker = new Worker(import.meta.resolve("./maker_worker.ts"), { type: "module" });
  worker.onmessage = ({ data }: MessageEvent<Made>) => listener.made(data);
  worker.onerror = (event) => {
    event.preventDefault();
    listener.failed(new Error(`the maker of chunks failed: ${event.message}`));
  };
  return {
    post: (work) => worker.postMessage(work, [work.bodies.buffer]),
    close: () => worker.terminate(),
  };
};
