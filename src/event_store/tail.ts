/**
 * Follows the log and hands every event, once and in order, to whoever folds it in this process. Reads
 * by range, never by `watch`, which coalesces; an idle instance looks again every poll interval, and
 * whoever needs an event now asks for it. All versionstamps here are of the database's own epoch, whose
 * rows come after those of every other.
 */
import type { RecordedEvent } from "../../events/recorded_event.ts";
import { retried } from "./commit.ts";
import type { LogCursor, LogReader, WantsBody } from "./log_reader.ts";
import { parsePosition } from "./position.ts";

export type Fold = (events: readonly RecordedEvent[]) => void;

/** How long an instance may be unaware of what another instance appended. */
const pollIntervalMs = 100;

export class Tail {
  #cursor: LogCursor;
  #versionstamp: string;
  /** The newest commit of this process: reads wait until it is folded. */
  #ownVersionstamp = "";
  /** The newest of them that holds commands. */
  #commandsVersionstamp = "";
  #running: Promise<void> | null = null;
  #next: Promise<void> | null = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  #failure: unknown = null;
  readonly #folds: Fold[] = [];
  #wantsBody: WantsBody | undefined;

  /** `wantsBody` is of the first read, which may begin far behind where bodies are of use. */
  constructor(readonly reader: LogReader, from: LogCursor, wantsBody?: WantsBody) {
    this.#cursor = from;
    this.#wantsBody = wantsBody;
    const place = parsePosition(from.position)!;
    this.#versionstamp = place.epoch === reader.epoch ? place.versionstamp : "";
  }

  /** Position and recorded time of the last folded event. */
  get cursor(): LogCursor {
    return this.#cursor;
  }

  /** Of the last row folded; empty before the first of the database's own epoch. */
  get versionstamp(): string {
    return this.#versionstamp;
  }

  /** Why the tail stands still, when it does. */
  get failure(): unknown {
    return this.#failure;
  }

  subscribe(fold: Fold): void {
    this.#folds.push(fold);
  }

  /** Begins to look at the log on its own. */
  start(): void {
    const look = async () => {
      await this.poll().catch(() => {});
      if (!this.#closed) this.#timer = setTimeout(look, pollIntervalMs);
    };
    this.#timer = setTimeout(look, pollIntervalMs);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await Promise.allSettled([this.#running, this.#next]);
  }

  /** Resolves when everything that was visible at the call has been folded. */
  poll(): Promise<void> {
    // A read that waits for the one before has not begun, even where that one has just ended.
    if (this.#next) return this.#next;
    if (!this.#running) return this.#start();
    // The read under way may have begun before what the caller wants to see.
    this.#next = this.#running.catch(() => {}).then(() => {
      this.#next = null;
      return this.#start();
    });
    return this.#next;
  }

  /** Tells of a commit of this process, which its reads must reflect. */
  noteOwnCommit(versionstamp: string): void {
    if (versionstamp > this.#ownVersionstamp) this.#ownVersionstamp = versionstamp;
  }

  /** The same, of commands: those who judge by what was decided wait for no interactions. */
  noteOwnCommands(versionstamp: string): void {
    this.noteOwnCommit(versionstamp);
    if (versionstamp > this.#commandsVersionstamp) this.#commandsVersionstamp = versionstamp;
  }

  /** Resolves at once when the commands of this process have been folded. */
  async readOwnCommands(): Promise<void> {
    while (!this.hasOwnCommands) await this.poll();
  }

  /** Whether the commands of this process have been folded. */
  get hasOwnCommands(): boolean {
    return this.#versionstamp >= this.#commandsVersionstamp;
  }

  /** Whether everything that this process appended has been folded. */
  get hasOwnWrites(): boolean {
    return this.#versionstamp >= this.#ownVersionstamp;
  }

  /** Resolves at once when all that this process appended has been folded. */
  async readOwnWrites(): Promise<void> {
    while (!this.hasOwnWrites) await this.poll();
  }

  /** Resolves when the row has been folded: a versionstamp that is known to be in the log. */
  async readThrough(versionstamp: string): Promise<void> {
    if (this.#versionstamp < versionstamp) await this.poll();
  }

  #start(): Promise<void> {
    this.#running = retried(() => this.#read()).then(() => {
      this.#failure = null;
    }, (error) => {
      this.#failure = error;
      throw error;
    }).finally(() => {
      this.#running = null;
    });
    return this.#running;
  }

  async #read(): Promise<void> {
    for await (const row of this.reader.read(this.#cursor, this.#wantsBody)) {
      const last = row.events.at(-1);
      if (last) {
        for (const fold of this.#folds) fold(row.events);
        this.#cursor = { position: last.position, timeMs: last.timeMs };
      }
      if (row.epoch !== this.reader.epoch) continue;
      this.#versionstamp = row.versionstamp;
      this.reader.forgetOwnRow(row.versionstamp);
    }
    this.#wantsBody = undefined;
  }
}
