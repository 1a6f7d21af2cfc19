/**
 * Appends events that carry a body and that nothing is decided on: chunks of interactions. They do
 * not move the tip, so they never make a command wait. One commit is in flight at a time, because the
 * events of the writer's own stream are numbered and chained.
 */
import type { DomainEvent, EventMeta } from "../../events/recorded_event.ts";
import type { RememberedAnswer } from "./command.ts";
import { commit, TooLargeError } from "./commit.ts";
import { keys } from "./keys.ts";
import { commitBytesMax, jsonValueBytes, valueBytesMax } from "./limits.ts";
import { type EncodedEvent, encodeEvent, encodeRow, sha256Hex } from "./log_row.ts";
import { formatPosition } from "./position.ts";
import { rememberedKeptMs } from "./remembered.ts";
import type { Tail } from "./tail.ts";

/** Room for the row's own members around its event. */
const rowOverheadBytes = 200;

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
   * event (or of the log's end), or null when the key to remember was there before.
   */
  append(
    content: { event: DomainEvent; body: Uint8Array; meta: EventMeta } | null,
    remember?: RememberOnce,
  ): Promise<string | null> {
    const appended = this.#last.then(() => this.#append(content, remember));
    this.#last = appended.catch(() => {});
    return appended;
  }

  async idle(): Promise<void> {
    await this.#last;
  }

  async #append(
    content: { event: DomainEvent; body: Uint8Array; meta: EventMeta } | null,
    remember?: RememberOnce,
  ): Promise<string | null> {
    const { kv, epoch, tail } = this.#options;
    const commitId = this.#options.newId();
    const encoded = content ? this.#encode(commitId, content) : null;
    if (remember && jsonValueBytes(remember) > valueBytesMax) {
      throw new TooLargeError("the answer cannot be remembered");
    }
    const rememberedAt = tail.cursor.position;
    let outcome;
    if (content) tail.reader.keepOwnBody(commitId, content.body);
    try {
      outcome = await commit(kv, {
        commitId,
        epoch,
        count: encoded ? 1 : 0,
        build: (operation) => {
          if (content && encoded) buildRow(kv, operation, epoch, commitId, encoded, content.body);
          if (remember) buildRemember(operation, epoch, commitId, remember, encoded, rememberedAt);
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
    content: { event: DomainEvent; body: Uint8Array; meta: EventMeta },
  ): EncodedEvent {
    if (content.body.length > commitBytesMax) throw new TooLargeError("the body does not fit");
    const timeMs = Math.max(this.#options.nowMs(), this.#options.tail.cursor.timeMs);
    const encoded = encodeEvent(
      { stream: this.#stream, version: this.#version + 1, previousHash: this.#hash },
      content.event,
      new Date(timeMs).toISOString(),
      content.meta,
      {
        ref,
        parts: Math.ceil(content.body.length / valueBytesMax),
        bytes: content.body.length,
        sha256: sha256Hex(content.body),
      },
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

function buildRow(
  kv: Deno.Kv,
  operation: Deno.AtomicOperation,
  epoch: number,
  commitId: string,
  encoded: EncodedEvent,
  body: Uint8Array,
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
