/**
 * The one writer of a process for everything that is decided. Commands that arrive while a commit is
 * in flight are gathered, decided in order and appended by the next commit. Its check on the tip says
 * "I have folded everything before this": when another instance was first, its events are folded and
 * all gathered commands are decided again. Nobody is answered before the commit.
 */
import type { Command, Decided, Outcome, RememberedAnswer } from "./command.ts";
import { KeyReusedError } from "./command.ts";
import { commit, retried, StoreUnavailableError, TooLargeError } from "./commit.ts";
import { Draft } from "./draft.ts";
import { keys } from "./keys.ts";
import {
  commitBytesMax,
  commitKeyBytesMax,
  getManyKeysMax,
  jsonValueBytes,
  keyBytes,
  keyBytesMax,
  valueBytesMax,
} from "./limits.ts";
import { encodeRow } from "./log_row.ts";
import { formatPosition } from "./position.ts";
import type { StreamStates } from "./stream_states.ts";
import type { Tail } from "./tail.ts";

/** A remembered answer is kept a little longer than the 24 h that callers are promised. */
const rememberedKeptMs = 25 * 60 * 60 * 1000;
const commandsPerCommitMax = 256;
/** Commands waiting for a commit; beyond it callers are told to come back. */
const queueMax = 10_000;
/** Other instances may be first this often in a row before the caller is told to come back. */
const conflictsMax = 100;
/** Room for the row's own members around its events. */
const rowOverheadBytes = 200;

/** More commands are waiting than the store can take. Nothing was stored. */
export class OverloadedError extends Error {
  override readonly name = "OverloadedError";
}

export interface WriterOptions<State> {
  readonly kv: Deno.Kv;
  readonly epoch: number;
  readonly tail: Tail;
  readonly states: StreamStates<State>;
  nowMs(): number;
  newId(): string;
  /** Throws when the states cannot be trusted: their fold has stopped. */
  assertFolding(): void;
}

interface Waiting<State> {
  readonly command: Command<State, unknown>;
  resolve(outcome: Outcome<unknown>): void;
  reject(error: unknown): void;
}

interface Settled<State> {
  readonly waiting: Waiting<State>;
  /** Set where the command gave up or was decided before. */
  readonly error?: unknown;
  readonly remembered?: RememberedAnswer;
  readonly decided?: Decided<unknown>;
  /** Of the command's last event in the row; -1 where it appended none. */
  readonly index: number;
}

export class Writer<State> {
  readonly #options: WriterOptions<State>;
  #queue: Waiting<State>[] = [];
  #tip: string | null = null;
  #tipKnown = false;
  #running: Promise<void> | null = null;

  constructor(options: WriterOptions<State>) {
    this.#options = options;
  }

  get waitingCount(): number {
    return this.#queue.length;
  }

  submit<Answer>(command: Command<State, Answer>): Promise<Outcome<Answer>> {
    if (this.#queue.length >= queueMax) {
      return Promise.reject(new OverloadedError("too many commands are waiting"));
    }
    if (rememberedKeyBytes(command) > keyBytesMax) {
      return Promise.reject(new TooLargeError("the idempotency key is too long"));
    }
    return new Promise((resolve, reject) => {
      this.#queue.push({
        command,
        resolve: resolve as (outcome: Outcome<unknown>) => void,
        reject,
      });
      this.#running ??= this.#run();
    });
  }

  /** Resolves when every command so far has been answered. */
  async idle(): Promise<void> {
    while (this.#running) await this.#running;
  }

  async #run(): Promise<void> {
    // Requests that arrive in the same turn of the event loop share the commit.
    await Promise.resolve();
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, commandsPerCommitMax);
      try {
        await this.#process(batch);
      } catch (error) {
        this.#tipKnown = false;
        for (const waiting of batch) waiting.reject(error);
      }
    }
    // In the turn that found the queue empty: a command that comes later starts the next run.
    this.#running = null;
  }

  async #process(batch: Waiting<State>[]): Promise<void> {
    const { kv, epoch, tail } = this.#options;
    for (let conflicts = 0; conflicts < conflictsMax; conflicts++) {
      await this.#foldToTip();
      const known = await this.#remembered(batch);
      const draft = new Draft(
        this.#options.states,
        Math.max(this.#options.nowMs(), tail.cursor.timeMs),
      );
      const commitId = this.#options.newId();
      const { settled, later, remember } = this.#decide(batch, draft, known, commitId);
      const decidedOn = tail.cursor.position;
      let rowVersionstamp = "";
      if (draft.events.length === 0 && remember.length === 0) {
        if (await this.#readTip() !== this.#tip) {
          this.#tipKnown = false;
          continue;
        }
      } else {
        const outcome = await commit(kv, {
          commitId,
          epoch,
          count: draft.events.length,
          build: (operation) => this.#build(operation, draft, commitId, remember),
        });
        if (!outcome.stored) {
          this.#tipKnown = false;
          continue;
        }
        rowVersionstamp = this.#tip = outcome.versionstamp;
        // A commit of answers alone has no row that a read could wait for.
        if (draft.events.length > 0) tail.noteOwnCommit(outcome.versionstamp);
        // A failing read here does not undo the commit; the next batch reads again.
        await tail.poll().catch(() => this.#tipKnown = false);
      }
      if (later.length > 0) {
        this.#queue.unshift(...later);
        // Those wait for the next commit: they must not be rejected with this batch.
        batch.splice(batch.length - later.length);
      }
      for (const one of settled) settle(one, epoch, rowVersionstamp, decidedOn);
      return;
    }
    throw new StoreUnavailableError("other instances kept appending first");
  }

  async #foldToTip(): Promise<void> {
    if (!this.#tipKnown) {
      this.#tip = await this.#readTip();
      this.#tipKnown = true;
    }
    if (this.#tip !== null) await this.#options.tail.readThrough(this.#tip);
    this.#options.assertFolding();
  }

  #readTip(): Promise<string | null> {
    return retried(async () => {
      return (await this.#options.kv.get(keys.tip(), { consistency: "strong" })).versionstamp;
    });
  }

  /** The remembered answers of this batch, by `scope key`. Read after the tip, so none is missed. */
  async #remembered(batch: Waiting<State>[]): Promise<Map<string, RememberedAnswer>> {
    const wanted = batch.flatMap(({ command }) => command.remember ? [command.remember] : []);
    const known = new Map<string, RememberedAnswer>();
    for (let first = 0; first < wanted.length; first += getManyKeysMax) {
      const some = wanted.slice(first, first + getManyKeysMax);
      const entries = await retried(() =>
        this.#options.kv.getMany<RememberedAnswer[]>(
          some.map(({ scope, key }) => keys.command(scope, key)),
          { consistency: "strong" },
        )
      );
      entries.forEach((entry, index) => {
        if (entry.value === null) return;
        // An answer knows its commit only by its versionstamp, which came with the commit.
        const position = entry.value.position ??
          formatPosition(entry.value.epoch, entry.versionstamp, entry.value.index!);
        known.set(rememberKey(some[index]!), { ...entry.value, position });
      });
    }
    return known;
  }

  #decide(
    batch: Waiting<State>[],
    draft: Draft<State>,
    known: Map<string, RememberedAnswer>,
    commitId: string,
  ) {
    const settled: Settled<State>[] = [];
    const remember: { key: Deno.KvKey; value: RememberedAnswer }[] = [];
    const inBatch = new Map<string, Settled<State>>();
    let answerBytes = 0;
    let answerKeyBytes = 0;
    let taken = 0;
    for (const waiting of batch) {
      const { command } = waiting;
      const earlier = command.remember && known.get(rememberKey(command.remember));
      const twin = command.remember && inBatch.get(rememberKey(command.remember));
      let one: Settled<State>;
      if (earlier) {
        one = repeat(waiting, earlier, -1);
      } else if (twin) {
        one = repeat(waiting, twin.remembered!, twin.index);
      } else {
        one = decideOne(waiting, draft);
        const full = draft.bytes + rowOverheadBytes > valueBytesMax ||
          draft.bytes + answerBytes > commitBytesMax ||
          answerKeyBytes + rememberedKeyBytes(command) > commitKeyBytesMax;
        if (full && one.error === undefined && taken > 0) {
          draft.undo();
          break;
        }
        if (full && one.error === undefined) {
          one = { waiting, error: new TooLargeError("the events do not fit a commit"), index: -1 };
        }
        if (one.error === undefined && command.remember && one.decided!.success) {
          const value: RememberedAnswer = {
            requestHash: command.remember.requestHash,
            answer: one.decided!.answer,
            epoch: this.#options.epoch,
            commitId,
            ...(one.index >= 0
              ? { index: one.index }
              : { position: this.#options.tail.cursor.position }),
          };
          const bytes = jsonValueBytes(value);
          if (bytes > valueBytesMax) {
            one = {
              waiting,
              error: new TooLargeError("the answer cannot be remembered"),
              index: -1,
            };
          } else {
            answerBytes += bytes;
            answerKeyBytes += rememberedKeyBytes(command);
            remember.push({
              key: keys.command(command.remember.scope, command.remember.key),
              value,
            });
            inBatch.set(rememberKey(command.remember), { ...one, remembered: value });
          }
        }
        if (one.error === undefined) draft.keep();
        else draft.undo();
      }
      settled.push(one);
      taken++;
    }
    return { settled, later: batch.slice(taken), remember };
  }

  #build(
    operation: Deno.AtomicOperation,
    draft: Draft<State>,
    commitId: string,
    remember: readonly { key: Deno.KvKey; value: RememberedAnswer }[],
  ): Deno.AtomicOperation {
    const { kv, epoch } = this.#options;
    operation.check({ key: keys.tip(), versionstamp: this.#tip }).set(keys.tip(), commitId);
    if (draft.events.length > 0) {
      // The versionstamp is known only to the store: it becomes the last part of the row's key.
      const key = [...keys.logPrefix(epoch), kv.commitVersionstamp()] as unknown as Deno.KvKey;
      operation.set(key, encodeRow(commitId, draft.events));
    }
    for (const { key, value } of remember) {
      operation.set(key, value, { expireIn: rememberedKeptMs });
    }
    return operation;
  }
}

function rememberKey({ scope, key }: { scope: string; key: string }): string {
  return `${scope}\n${key}`;
}

function rememberedKeyBytes({ remember }: Pick<Command<unknown, unknown>, "remember">): number {
  return remember ? keyBytes(keys.command(remember.scope, remember.key)) : 0;
}

function decideOne<State>(waiting: Waiting<State>, draft: Draft<State>): Settled<State> {
  const eventsBefore = draft.events.length;
  try {
    const decided = waiting.command.decide(draft);
    const index = draft.events.length > eventsBefore ? draft.events.length - 1 : -1;
    return { waiting, decided, index };
  } catch (error) {
    return { waiting, error, index: -1 };
  }
}

function repeat<State>(
  waiting: Waiting<State>,
  remembered: RememberedAnswer,
  index: number,
): Settled<State> {
  if (remembered.requestHash !== waiting.command.remember!.requestHash) {
    return { waiting, error: new KeyReusedError("the key was used for another request"), index };
  }
  return { waiting, remembered, index };
}

function settle<State>(
  one: Settled<State>,
  epoch: number,
  rowVersionstamp: string,
  decidedOn: string,
): void {
  if (one.error !== undefined) return one.waiting.reject(one.error);
  const position = one.remembered?.position ??
    (one.index >= 0 ? formatPosition(epoch, rowVersionstamp, one.index) : decidedOn);
  one.waiting.resolve({
    answer: one.remembered ? one.remembered.answer : one.decided!.answer,
    position,
    remembered: one.remembered !== undefined,
  });
}
