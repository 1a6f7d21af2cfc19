/**
 * Appends events that nothing is decided on: chunks of interactions, changes of profiles. They do not
 * move the tip, so they never make a command wait. One commit is in flight at a time, because the
 * events of the writer's own stream are numbered and chained. State beside the log can be changed in
 * the same commit, so that the two never disagree.
 */
import type { DomainEvent, EventMeta } from "../../events/recorded_event.ts";
import type { RememberedAnswer } from "./command.ts";
import { timedRef } from "./body_reading.ts";
import { commit, TooLargeError } from "./commit.ts";
import { keys } from "./keys.ts";
import {
  commitBytesMax,
  commitChecksMax,
  commitKeyBytesMax,
  commitMutationsMax,
  jsonValueBytes,
  keyBytes,
  valueBytesMax,
} from "./limits.ts";
import { type EncodedEvent, encodeEvent, encodeRow, sha256Hex } from "./log_row.ts";
import { formatPosition } from "./position.ts";
import { rememberedKeptMs } from "./remembered.ts";
import type { Tail } from "./tail.ts";

/** Room for the row's own members around its event. */
const rowOverheadBytes = 200;
/** Room for the row's key, and for the commit's own entry. */
const ownKeyBytes = 400;
const ownBytes = 1_000;

export interface BodyWriterOptions {
  readonly kv: Deno.Kv;
  readonly epoch: number;
  readonly tail: Tail;
  /** Of the writer's streams: `PREFIX` and an id. */
  readonly streamPrefix: string;
  nowMs(): number;
  newId(): string;
}

/** An answer to remember with the append, under a key that must be new. */
export interface RememberOnce {
  readonly scope: string;
  readonly key: string;
  readonly requestHash: string;
  readonly answer: unknown;
}

/** An event with the body that stands beside the log, where it has one. */
export interface Appended {
  readonly event: DomainEvent;
  readonly body?: Uint8Array;
  readonly meta: EventMeta;
}

/** Checks and mutations of other keys that belong to the same commit. */
export interface AlsoCommitted {
  readonly checks: number;
  readonly mutations: number;
  /** Of values and keys together, and of keys alone, checks included. */
  readonly bytes: number;
  readonly keyBytes: number;
  /** Called once for each try. */
  add(operation: Deno.AtomicOperation): void;
}

export class BodyWriter {
  readonly #options: BodyWriterOptions;
  #stream: string;
  #version = 0;
  #hash = "";
  #last: Promise<unknown> = Promise.resolve();

  constructor(options: BodyWriterOptions) {
    this.#options = options;
    this.#stream = options.streamPrefix + options.newId();
  }

  /**
   * Appends one event with its body, or nothing but the answer to remember. Gives the position of the
   * event (or of the log's end), or null when the key to remember was there before, or when a check of
   * `also` did not hold: nothing was stored then.
   */
  append(
    content: Appended | null,
    remember?: RememberOnce,
    also?: AlsoCommitted,
  ): Promise<string | null> {
    const appended = this.#last.then(() => this.#append(content, remember, also));
    this.#last = appended.catch(() => {});
    return appended;
  }

  async idle(): Promise<void> {
    await this.#last;
  }

  async #append(
    content: Appended | null,
    remember?: RememberOnce,
    also?: AlsoCommitted,
  ): Promise<string | null> {
    const { kv, epoch, tail } = this.#options;
    const timeMs = Math.max(this.#options.nowMs(), tail.cursor.timeMs);
    const commitId = timedRef(timeMs, this.#options.newId());
    const encoded = content ? this.#encode(commitId, timeMs, content) : null;
    if (remember && jsonValueBytes(remember) > valueBytesMax) {
      throw new TooLargeError("the answer cannot be remembered");
    }
    if (also && !fits(also, content, encoded, remember)) {
      throw new TooLargeError("what belongs to the event does not fit its commit");
    }
    const rememberedAt = tail.cursor.position;
    let outcome;
    if (content?.body) tail.reader.keepOwnBody(commitId, content.body);
    try {
      outcome = await commit(kv, {
        commitId,
        epoch,
        count: encoded ? 1 : 0,
        build: (operation) => {
          if (content && encoded) buildRow(kv, operation, epoch, commitId, encoded, content.body);
          if (remember) buildRemember(operation, epoch, commitId, remember, encoded, rememberedAt);
          also?.add(operation);
          return operation;
        },
      });
    } catch (error) {
      // It may be stored or may yet be: this stream's next number is not known any more.
      this.#startStream();
      tail.reader.forgetOwnBody(commitId);
      throw error;
    }
    if (!outcome.stored) {
      tail.reader.forgetOwnBody(commitId);
      return null;
    }
    if (!encoded) return rememberedAt;
    this.#version = encoded.version;
    this.#hash = encoded.hash;
    tail.noteOwnCommit(outcome.versionstamp);
    tail.poll().catch(() => {});
    return formatPosition(epoch, outcome.versionstamp, 0);
  }

  #encode(
    ref: string,
    timeMs: number,
    { event, body, meta }: Appended,
  ): EncodedEvent {
    if (body && body.length > commitBytesMax) throw new TooLargeError("the body does not fit");
    const encoded = encodeEvent(
      { stream: this.#stream, version: this.#version + 1, previousHash: this.#hash },
      event,
      new Date(timeMs).toISOString(),
      meta,
      body && { ref, parts: partsOf(body), bytes: body.length, sha256: sha256Hex(body) },
    );
    if (encoded.bytes + rowOverheadBytes > valueBytesMax) {
      throw new TooLargeError("the event does not fit a commit");
    }
    return encoded;
  }

  #startStream(): void {
    this.#stream = this.#options.streamPrefix + this.#options.newId();
    this.#version = 0;
    this.#hash = "";
  }
}

function partsOf(body: Uint8Array | undefined): number {
  return body ? Math.ceil(body.length / valueBytesMax) : 0;
}

/** Whether a commit takes all that belongs together, with the entry of its own id. */
function fits(
  also: AlsoCommitted,
  content: Appended | null,
  encoded: EncodedEvent | null,
  remember: RememberOnce | undefined,
): boolean {
  const rememberedKeyBytes = remember
    ? 2 * keyBytes(keys.command(remember.scope, remember.key))
    : 0;
  const parts = partsOf(content?.body);
  const bytes = also.bytes + (encoded?.bytes ?? 0) + (content?.body?.length ?? 0) +
    (remember ? jsonValueBytes(remember) + rememberedKeyBytes : 0) + ownBytes;
  return also.checks + (remember ? 2 : 1) <= commitChecksMax &&
    also.mutations + parts + (encoded ? 1 : 0) + (remember ? 2 : 1) <= commitMutationsMax &&
    also.keyBytes + rememberedKeyBytes + ownKeyBytes + parts * ownKeyBytes <= commitKeyBytesMax &&
    bytes <= commitBytesMax;
}

function buildRow(
  kv: Deno.Kv,
  operation: Deno.AtomicOperation,
  epoch: number,
  commitId: string,
  encoded: EncodedEvent,
  body: Uint8Array = new Uint8Array(),
): void {
  const key = [...keys.logPrefix(epoch), kv.commitVersionstamp()] as unknown as Deno.KvKey;
  operation.set(key, encodeRow(commitId, [encoded]));
  for (let part = 0; part * valueBytesMax < body.length; part++) {
    operation.set(
      keys.body(commitId, part),
      body.subarray(part * valueBytesMax, (part + 1) * valueBytesMax),
    );
  }
}

function buildRemember(
  operation: Deno.AtomicOperation,
  epoch: number,
  commitId: string,
  remember: RememberOnce,
  encoded: EncodedEvent | null,
  rememberedAt: string,
): void {
  const key = keys.command(remember.scope, remember.key);
  const value: RememberedAnswer = {
    requestHash: remember.requestHash,
    answer: remember.answer,
    epoch,
    commitId,
    ...(encoded ? { index: 0 } : { position: rememberedAt }),
  };
  operation.check({ key, versionstamp: null }).set(key, value, { expireIn: rememberedKeptMs });
}
