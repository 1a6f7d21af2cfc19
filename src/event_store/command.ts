/** A command as the writer takes it, and what comes of it. */
import type { Draft } from "./draft.ts";

export interface Command<State, Answer> {
  /**
   * Decides on the draft and appends to it. Called again, on a fresh draft, whenever another instance
   * appended first, so it must have no effect but on the draft. A throw gives up this command alone.
   */
  decide(draft: Draft<State>): Decided<Answer>;
  /**
   * Set where it also looks at read models: everything before it is then folded first. Others see what
   * was appended before them in the draft alone.
   */
  readonly looksAtReadModels?: boolean;
  /** Where the caller sent an idempotency key: under which its answer is remembered. */
  readonly remember?: {
    readonly scope: string;
    readonly key: string;
    /** Tells whether a later request with the same key is the same request. */
    readonly requestHash: string;
  };
}

export interface Decided<Answer> {
  /** JSON. */
  readonly answer: Answer;
  /** Only a success is remembered: a refusal is decided anew. */
  readonly success: boolean;
}

export interface Outcome<Answer> {
  readonly answer: Answer;
  /** Of the command's last event; where it appended none, the position that it was decided on. */
  readonly position: string;
  /** Whether this is the remembered answer to an earlier request. */
  readonly remembered: boolean;
}

/** The idempotency key was used before for another request. */
export class KeyReusedError extends Error {
  override readonly name = "KeyReusedError";
}

/** What is stored under an idempotency key. */
export interface RememberedAnswer {
  readonly requestHash: string;
  readonly answer: unknown;
  readonly epoch: number;
  /** The commit that it was stored with, for `fsck`. */
  readonly commitId: string;
  /** Where the command appended nothing, the position that it was decided on. */
  readonly position?: string;
  /** Where it appended: the index of its last event in its commit's row. */
  readonly index?: number;
}
