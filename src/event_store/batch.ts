/**
 * The commands gathered for one commit, decided in order on one draft. What does not fit waits for the
 * next commit; a command that gives up takes back only its own events.
 */
import type { Command, Decided, Outcome, RememberedAnswer } from "./command.ts";
import { KeyReusedError } from "./command.ts";
import { TooLargeError } from "./commit.ts";
import type { Draft } from "./draft.ts";
import { keys } from "./keys.ts";
import { commitBytesMax, commitKeyBytesMax, jsonValueBytes, valueBytesMax } from "./limits.ts";
import { formatPosition } from "./position.ts";
import { rememberedKeyBytes, rememberKey } from "./remembered.ts";

/** Room for the row's own members around its events. */
const rowOverheadBytes = 200;

export interface Waiting<State> {
  readonly command: Command<State, unknown>;
  resolve(outcome: Outcome<unknown>): void;
  reject(error: unknown): void;
}

interface Settled<State> {
  readonly waiting: Waiting<State>;
  /** Set where the command gave up. */
  readonly error?: unknown;
  /** Set where it was answered before. */
  readonly remembered?: RememberedAnswer;
  readonly decided?: Decided<unknown>;
  /** Of the command's last event in the row; -1 where it appended none. */
  readonly index: number;
}

/** Where the commit will stand, as far as that is known before it. */
export interface Place {
  readonly epoch: number;
  readonly commitId: string;
  /** The position that everything was decided on. */
  readonly decidedOn: string;
}

export class Batch<State> {
  /** To be answered after the commit. */
  readonly settled: Settled<State>[] = [];
  /** Answers to be stored with the commit. */
  readonly remember: { readonly key: Deno.KvKey; readonly value: RememberedAnswer }[] = [];
  /** Commands that have to wait for the next commit. */
  readonly later: readonly Waiting<State>[];
  readonly #inBatch = new Map<string, Settled<State>>();
  #answerBytes = 0;
  #answerKeyBytes = 0;

  constructor(
    waiting: readonly Waiting<State>[],
    readonly draft: Draft<State>,
    readonly known: ReadonlyMap<string, RememberedAnswer>,
    readonly place: Place,
  ) {
    let taken = 0;
    while (taken < waiting.length && this.#take(waiting[taken]!)) taken++;
    this.later = waiting.slice(taken);
  }

  get isEmpty(): boolean {
    return this.draft.events.length === 0 && this.remember.length === 0;
  }

  /** Answers everybody; `versionstamp` is that of the commit's row. */
  answer(versionstamp: string): void {
    for (const { waiting, error, remembered, decided, index } of this.settled) {
      if (error !== undefined) {
        waiting.reject(error);
        continue;
      }
      const position = remembered?.position ??
        (index >= 0 ? formatPosition(this.place.epoch, versionstamp, index) : this.place.decidedOn);
      waiting.resolve({
        answer: remembered ? remembered.answer : decided!.answer,
        position,
        remembered: remembered !== undefined,
      });
    }
  }

  /** False when the command does not fit any more. */
  #take(waiting: Waiting<State>): boolean {
    const { remember } = waiting.command;
    const earlier = remember && this.known.get(rememberKey(remember));
    if (earlier) {
      this.settled.push(repeat(waiting, earlier, -1));
      return true;
    }
    const twin = remember && this.#inBatch.get(rememberKey(remember));
    if (twin) {
      this.settled.push(repeat(waiting, twin.remembered!, twin.index));
      return true;
    }
    let one = decideOne(waiting, this.draft);
    if (one.error === undefined && !this.#fits(waiting)) {
      if (this.settled.length > 0) {
        this.draft.undo();
        return false;
      }
      one = { waiting, error: new TooLargeError("the events do not fit a commit"), index: -1 };
    }
    if (one.error === undefined && remember && one.decided!.success) one = this.#remembering(one);
    if (one.error === undefined) this.draft.keep();
    else this.draft.undo();
    this.settled.push(one);
    return true;
  }

  #fits({ command }: Waiting<State>): boolean {
    const keyBytes = this.#answerKeyBytes + rememberedKeyBytes(command.remember);
    return this.draft.bytes + rowOverheadBytes <= valueBytesMax &&
      this.draft.bytes + this.#answerBytes <= commitBytesMax &&
      keyBytes <= commitKeyBytesMax;
  }

  #remembering(one: Settled<State>): Settled<State> {
    const remember = one.waiting.command.remember!;
    const { epoch, commitId, decidedOn } = this.place;
    const value: RememberedAnswer = {
      requestHash: remember.requestHash,
      answer: one.decided!.answer,
      epoch,
      commitId,
      ...(one.index >= 0 ? { index: one.index } : { position: decidedOn }),
    };
    const bytes = jsonValueBytes(value);
    if (bytes > valueBytesMax) {
      const error = new TooLargeError("the answer cannot be remembered");
      return { waiting: one.waiting, error, index: -1 };
    }
    this.#answerBytes += bytes;
    this.#answerKeyBytes += rememberedKeyBytes(remember);
    this.remember.push({ key: keys.command(remember.scope, remember.key), value });
    this.#inBatch.set(rememberKey(remember), { ...one, remembered: value });
    return one;
  }
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
