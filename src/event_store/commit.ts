/**
 * The commit protocol. Every commit carries a unique id and a check that this id is new. A commit may
 * be stored although its reply was lost, and over KV Connect the client then sends it again and is
 * told of a conflict with itself. So after a conflict or a throw the id is read back: it is there when
 * the commit is ours. A commit that threw is sent again under the same id, which cannot store it twice.
 */
import { keys } from "./keys.ts";
import { LogDamagedError } from "./log_row.ts";

/** The store did not take or answer a request in time. The caller may try again. */
export class StoreUnavailableError extends Error {
  override readonly name = "StoreUnavailableError";
}

/** What a command would append does not fit one commit. Nothing was stored. */
export class TooLargeError extends Error {
  override readonly name = "TooLargeError";
}

export type CommitOutcome =
  | { readonly stored: true; readonly versionstamp: string }
  | { readonly stored: false };

/** Ids are needed only while a commit may still be sent again. */
const commitIdKeptMs = 60 * 60 * 1000;
const retryDelayMsMin = 2;
const retryDelayMsMax = 200;
/** After this long without an answer the caller is told that the store is unavailable. */
const storeTimeoutMs = 15_000;

export interface CommitRequest {
  readonly commitId: string;
  readonly epoch: number;
  /** Events in the commit. */
  readonly count: number;
  /** Adds checks and mutations. Called once for each try. */
  build(operation: Deno.AtomicOperation): Deno.AtomicOperation;
}

export async function commit(kv: Deno.Kv, request: CommitRequest): Promise<CommitOutcome> {
  const idKey = keys.commit(request.commitId);
  return await retried(async () => {
    const operation = request.build(kv.atomic())
      .check({ key: idKey, versionstamp: null })
      .set(idKey, { epoch: request.epoch, count: request.count }, { expireIn: commitIdKeptMs });
    let failure: unknown;
    try {
      const result = await operation.commit();
      if (result.ok) return { stored: true, versionstamp: result.versionstamp };
    } catch (error) {
      if (exceedsLimit(error)) throw new NotRetried(error);
      failure = error;
    }
    const entry = await kv.get(idKey, { consistency: "strong" });
    if (entry.versionstamp !== null) return { stored: true, versionstamp: entry.versionstamp };
    if (failure !== undefined) throw failure;
    return { stored: false };
  });
}

/** Whether the engine will never take this commit. "Database is locked" is a TypeError as well. */
function exceedsLimit(error: unknown): boolean {
  return error instanceof TypeError && /\(max \d+/.test(error.message);
}

class NotRetried {
  constructor(readonly error: unknown) {}
}

/** Tries again while the store says busy or throws, with growing pauses, for a bounded time. */
export async function retried<T>(request: () => Promise<T>): Promise<T> {
  const startedAtMs = performance.now();
  for (let delayMs = retryDelayMsMin;; delayMs = Math.min(delayMs * 2, retryDelayMsMax)) {
    try {
      return await request();
    } catch (error) {
      if (error instanceof NotRetried) throw error.error;
      // Neither heals by itself: the log is damaged, or the handle has been closed.
      if (error instanceof LogDamagedError || error instanceof Deno.errors.BadResource) throw error;
      if (performance.now() - startedAtMs > storeTimeoutMs) {
        throw new StoreUnavailableError("the store does not answer", { cause: error });
      }
    }
    await new Promise((resolve) => setTimeout(resolve, delayMs));
  }
}
