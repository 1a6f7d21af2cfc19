/**
 * The check of the whole store while a server goes on serving from the same thread: in short slices,
 * one at a time, and given up when nobody waits for it any more.
 */
import type { Projection } from "../../projections/projection.ts";
import { logStart, OverloadedError } from "../event_store/mod.ts";
import type { Pacing } from "../projector/mod.ts";
import { Pacer } from "../snapshots/mod.ts";
import type { FsckReport } from "./findings.ts";
import { fsck } from "./fsck.ts";

export interface VerificationOptions {
  readonly kv: Deno.Kv;
  readonly creates: () => readonly (() => Projection)[];
  /** Stores what the live models have folded, so that their rows are those of now. */
  flush(): Promise<void>;
  /** Of the last event that the live models have folded. */
  position(): string;
}

export interface Verified extends FsckReport {
  /** The live models had folded the log up to here. */
  readonly position: string;
}

export class Verification {
  #running: Promise<unknown> | null = null;
  #closed = false;

  constructor(readonly options: VerificationOptions) {}

  async run(signal?: AbortSignal): Promise<Verified> {
    if (this.#running || this.#closed) {
      throw new OverloadedError("a verification is under way; ask again when it has ended");
    }
    const running = this.#run(signal);
    this.#running = running.catch(() => {});
    try {
      return await running;
    } finally {
      this.#running = null;
    }
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#running;
  }

  async #run(signal?: AbortSignal): Promise<Verified> {
    const { kv, creates, flush, position } = this.options;
    await flush();
    const at = position() || logStart;
    const pacer = new Pacer();
    const isGivenUp = () => this.#closed || signal?.aborted === true;
    const pacing: Pacing = {
      get isDue() {
        return isGivenUp() || pacer.isDue;
      },
      rest: () => {
        if (isGivenUp()) throw new OverloadedError("the verification was given up");
        return pacer.rest();
      },
    };
    const { counts, faultCount, faults, notes } = await fsck(kv, creates(), pacing);
    return { position: at, counts, faultCount, faults, notes };
  }
}
