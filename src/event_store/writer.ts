/**
 * The one writer of a process for everything that is decided. Commands that arrive while a commit is
 * in flight are gathered, decided in order and appended by the next commit, many by the next two. Its
 * check on the tip says "I have folded everything before this": when another instance was first, its
 * events are folded and all commands of the commit are decided again. Nobody is answered before it.
 */
import { setImmediate } from "node:timers";
import { Batch, type Waiting } from "./batch.ts";
import type { Command, Outcome } from "./command.ts";
import { commit, retried, StoreUnavailableError, TooLargeError } from "./commit.ts";
import { Draft } from "./draft.ts";
import { keys } from "./keys.ts";
import { keyBytesMax } from "./limits.ts";
import { encodeRow } from "./log_row.ts";
import { OwnHeads } from "./own_heads.ts";
import { firstEpoch, formatPosition, maximum } from "./position.ts";
import {
  readRemembered,
  rememberedKeptMs,
  rememberedKeyBytes,
  type ScopedKey,
} from "./remembered.ts";
import type { StreamStates } from "./stream_states.ts";
import type { Tail } from "./tail.ts";

const commandsPerCommitMax = 256;
/** Fewer are not divided. */
const commandsDividedMin = 16;
/** Commands waiting for a commit; beyond it callers are told to come back. */
const queueMax = 10_000;
/**
 * Commits that are folded together while many come: each read of the log takes the store's time from
 * the next commit. Whoever reads asks for what is missing, and the tail looks on its own.
 */
const commitsPerFold = 12;
/** Commits of its own that the writer may be ahead of the states. */
const commitsAheadMax = 48;
/** Other instances may be first this often in a row before the caller is told to come back. */
const conflictsMax = 100;

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

export class Writer<State> {
  readonly #options: WriterOptions<State>;
  #queue: Waiting<State>[] = [];
  readonly #ownHeads = new OwnHeads<State>();
  /** Of the newest event of this writer. */
  #last = { position: "", timeMs: 0 };
  /** Commands in the commit before. */
  #lastCount = 0;
  #tip: string | null = null;
  #tipKnown = false;
  #running: Promise<void> | null = null;
  /** Whether the last command came alone: then the next one need not wait for others. */
  #alone = true;
  /** Answers those of the last commit. */
  #answers: (() => void) | null = null;

  constructor(options: WriterOptions<State>) {
    this.#options = options;
    options.states.adoptFrom((recorded) => this.#ownHeads.after(recorded));
  }

  get waitingCount(): number {
    return this.#queue.length;
  }

  submit<Answer>(command: Command<State, Answer>): Promise<Outcome<Answer>> {
    if (this.#queue.length >= queueMax) {
      return Promise.reject(new OverloadedError("too many commands are waiting"));
    }
    if (rememberedKeyBytes(command.remember) > keyBytesMax) {
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
    await this.#gather();
    while (this.#queue.length > 0) {
      const batch = this.#queue.splice(0, this.#nextCount());
      this.#lastCount = batch.length;
      try {
        await this.#process(batch);
      } catch (error) {
        this.#tipKnown = false;
        for (const waiting of batch) waiting.reject(error);
      }
      if (this.#queue.length === 0) this.#answerLast();
    }
    // In the turn that found the queue empty: a command that comes later starts the next run.
    this.#running = null;
  }

  /** Requests that arrive in the same turn of the event loop share a commit. */
  async #gather(): Promise<void> {
    if (this.#alone) await Promise.resolve();
    else await new Promise((resolve) => setImmediate(resolve));
    this.#alone = this.#queue.length === 1;
  }

  /**
   * Half of those who are about, with those whose answers are due: while their commit is on its way the
   * other half is received, instead of all waiting for one commit and then for each other.
   */
  #nextCount(): number {
    const count = this.#queue.length + this.#lastCount;
    return Math.min(
      count < commandsDividedMin ? count : Math.ceil(count / 2),
      commandsPerCommitMax,
    );
  }

  /** Answers those of the last commit. The next one is under way by then, or there is none. */
  #answerLast(): void {
    const answer = this.#answers;
    this.#answers = null;
    answer?.();
  }

  async #process(waiting: Waiting<State>[]): Promise<void> {
    const { kv, epoch, tail } = this.#options;
    const remembered = waiting.flatMap(({ command }) => command.remember ? [command.remember] : []);
    const fold = waiting.some(({ command }) => command.looksAtReadModels);
    for (let conflicts = 0; conflicts < conflictsMax; conflicts++) {
      if (this.#mustRead(fold)) await this.#readToTip();
      this.#options.assertFolding();
      const known = remembered.length > 0 ? await this.#remembered(remembered) : noneKnown;
      const commitId = this.#options.newId();
      const draft = this.#draft();
      const decidedOn = maximum(this.#last.position, tail.cursor.position);
      const batch = new Batch(waiting, draft, known, { epoch, commitId, decidedOn });
      if (batch.isEmpty) {
        this.#answerLast();
        if (await this.#readTip() !== this.#tip) {
          this.#tipKnown = false;
          continue;
        }
        batch.answer("");
      } else {
        const committing = commit(kv, {
          commitId,
          epoch,
          count: draft.events.length,
          build: (operation) => this.#build(operation, batch),
        });
        this.#answerLast();
        const outcome = await committing;
        if (!outcome.stored) {
          this.#tipKnown = false;
          continue;
        }
        this.#stored(outcome.versionstamp, commitId, draft);
        this.#answers = () => batch.answer(outcome.versionstamp);
      }
      this.#queue.unshift(...batch.later);
      return;
    }
    throw new StoreUnavailableError("other instances kept appending first");
  }

  /** Answered before it is folded: reads wait for their own process's commits. */
  #stored(versionstamp: string, commitId: string, draft: Draft<State>): void {
    const { epoch, tail } = this.#options;
    this.#tip = versionstamp;
    // A commit of answers alone has no row that a read could wait for.
    if (draft.events.length === 0) return;
    this.#last = {
      position: formatPosition(epoch, versionstamp, draft.events.length - 1),
      timeMs: draft.timeMs,
    };
    this.#ownHeads.keep(versionstamp, draft.timeMs, draft.changed);
    // A read that was under way may have found the commit before its reply came.
    if (versionstamp > tail.versionstamp) {
      const { events, readBack, timeMs } = draft;
      tail.reader.keepOwnRow(versionstamp, { commitId, timeMs, events, readBack });
    }
    tail.noteOwnCommands(versionstamp);
    if (!this.#alone && this.#ownHeads.commitCount % commitsPerFold > 0) return;
    // A failing read does not undo the commit; the next batch reads again.
    tail.poll().catch(() => this.#tipKnown = false);
  }

  #draft(): Draft<State> {
    const { tail, states, nowMs } = this.#options;
    // From here to the commit nothing is folded: what the states have is theirs to say.
    this.#ownHeads.dropThrough(tail.versionstamp);
    const timeMs = Math.max(nowMs(), tail.cursor.timeMs, this.#last.timeMs);
    return new Draft(states, timeMs, this.#ownHeads);
  }

  /** `fold`: the states and the read models have to be there, not the heads alone. */
  #mustRead(fold: boolean): boolean {
    return fold || !this.#tipKnown || this.#ownHeads.commitCount >= commitsAheadMax;
  }

  async #readToTip(): Promise<void> {
    this.#answerLast();
    if (!this.#tipKnown) {
      this.#tip = await this.#readTip();
      this.#tipKnown = true;
    }
    const { tail, epoch } = this.#options;
    if (this.#tip !== null) await tail.readThrough(this.#tip);
    // What commands left in the epochs before has moved no tip here.
    else if (epoch > firstEpoch) await tail.poll();
  }

  #remembered(wanted: readonly ScopedKey[]): ReturnType<typeof readRemembered> {
    this.#answerLast();
    return readRemembered(this.#options.kv, wanted);
  }

  #readTip(): Promise<string | null> {
    return retried(async () => {
      return (await this.#options.kv.get(keys.tip(), { consistency: "strong" })).versionstamp;
    });
  }

  #build(
    operation: Deno.AtomicOperation,
    { draft, place, remember }: Batch<State>,
  ): Deno.AtomicOperation {
    const { kv, epoch } = this.#options;
    operation.check({ key: keys.tip(), versionstamp: this.#tip }).set(keys.tip(), place.commitId);
    if (draft.events.length > 0) {
      // The versionstamp is known only to the store: it becomes the last part of the row's key.
      const key = [...keys.logPrefix(epoch), kv.commitVersionstamp()] as unknown as Deno.KvKey;
      operation.set(key, encodeRow(place.commitId, draft.events));
    }
    for (const { key, value } of remember) {
      operation.set(key, value, { expireIn: rememberedKeptMs });
    }
    return operation;
  }
}

const noneKnown: Awaited<ReturnType<typeof readRemembered>> = new Map();
