/**
 * The newest events, for those who follow the log: kept in memory while anybody does, so that nobody
 * asks the store whether something has happened. Whoever is further behind than what is kept reads
 * the store until it has caught up. One clock is the heartbeat of all.
 */
import type { RecordedEvent } from "../../events/recorded_event.ts";
import type { Tail } from "../event_store/mod.ts";

/** Streams of events that an instance has open at a time, live ones and others. */
export const eventStreamsMax = 100;
/** So often those who wait for events are told that the connection is alive. */
export const heartbeatMs = 15_000;
/** Characters of the lines that are kept, or twice as many. */
const keptLengthMax = 1_000_000;
/** Characters that are handed over at a time, or one line. */
const handedLengthMax = 64 * 1024;
/** Commits come faster than followers should be woken. */
const wakeDelayMs = 5;

/** Calls back again and again, until what it gives is called. */
export type Repeat = (everyMs: number, callback: () => void) => () => void;

export interface NewEvent {
  readonly position: string;
  readonly stream: string;
  readonly type: string;
  readonly actor: string;
  readonly timeMs: number;
  readonly line: string;
}

/** Why a follower waits no longer. */
export type Woken = "events" | "heartbeat" | "ended";

export class EventFeed {
  readonly #followers = new Set<Follower>();
  #liveCount = 0;
  #closed = false;
  #kept: NewEvent[] = [];
  #keptLength = 0;
  /** Every event behind this position is kept; null: nobody asks for them. */
  #keptAfter: string | null = null;
  #waking: ReturnType<typeof setTimeout> | undefined;
  #stopHeartbeat: (() => void) | null = null;

  constructor(readonly tail: Tail, readonly repeat: Repeat = byTheClock) {
    tail.subscribe((events) => this.#fold(events));
  }

  get openCount(): number {
    return this.#followers.size;
  }

  /** `live`: it will wait for events. Null when there are too many, or when the server is stopping. */
  follow(live: boolean): Follower | null {
    if (this.#closed || this.#followers.size >= eventStreamsMax) return null;
    const follower = new Follower(this, live);
    this.#followers.add(follower);
    if (live && this.#liveCount++ === 0) {
      this.#keptAfter = this.tail.cursor.position;
      this.#stopHeartbeat = this.repeat(heartbeatMs, () => this.#wake("heartbeat"));
    }
    return follower;
  }

  /** Called by a follower. */
  forget(follower: Follower): void {
    if (!this.#followers.delete(follower) || !follower.live) return;
    if (--this.#liveCount > 0) return;
    this.#kept = [];
    this.#keptLength = 0;
    this.#keptAfter = null;
    clearTimeout(this.#waking);
    this.#waking = undefined;
    this.#stopHeartbeat?.();
    this.#stopHeartbeat = null;
  }

  /** The next events behind a position; null where they are kept no more. */
  newEvents(after: string): readonly NewEvent[] | null {
    if (this.#keptAfter === null || after < this.#keptAfter) return null;
    let from = 0;
    for (let end = this.#kept.length; from < end;) {
      const middle = (from + end) >> 1;
      if (this.#kept[middle]!.position > after) end = middle;
      else from = middle + 1;
    }
    let to = from;
    for (let length = 0; to < this.#kept.length && length < handedLengthMax; to++) {
      length += this.#kept[to]!.line.length;
    }
    return this.#kept.slice(from, to);
  }

  /** Ends all streams, for their callers to go on elsewhere or later. */
  close(): void {
    this.#closed = true;
    for (const follower of [...this.#followers]) follower.leave();
  }

  #fold(events: readonly RecordedEvent[]): void {
    if (this.#liveCount === 0) return;
    for (const { position, stream, event: { type }, meta: { actor }, timeMs, line } of events) {
      const kept = { position, stream, type, actor, timeMs, line: line!() };
      this.#kept.push(kept);
      this.#keptLength += kept.line.length;
    }
    if (this.#keptLength > 2 * keptLengthMax) this.#dropOldest();
    this.#waking ??= setTimeout(() => {
      this.#waking = undefined;
      this.#wake("events");
    }, wakeDelayMs);
  }

  #dropOldest(): void {
    let count = 0;
    while (this.#keptLength > keptLengthMax) this.#keptLength -= this.#kept[count++]!.line.length;
    this.#keptAfter = this.#kept[count - 1]!.position;
    this.#kept = this.#kept.slice(count);
  }

  #wake(why: Woken): void {
    for (const follower of this.#followers) follower.wake(why);
  }
}

/** One open stream. */
export class Follower {
  #waiting: ((why: Woken) => void) | null = null;
  #hasLeft = false;

  constructor(readonly feed: EventFeed, readonly live: boolean) {}

  get hasLeft(): boolean {
    return this.#hasLeft;
  }

  /** Resolves when events have come, when the heart beats, or when it has left. */
  wait(): Promise<Woken> {
    if (this.#hasLeft) return Promise.resolve("ended");
    return new Promise((resolve) => this.#waiting = resolve);
  }

  wake(why: Woken): void {
    const waiting = this.#waiting;
    this.#waiting = null;
    waiting?.(why);
  }

  /** Gives its place to others. May be called again. */
  leave(): void {
    this.#hasLeft = true;
    this.feed.forget(this);
    this.wake("ended");
  }
}

const byTheClock: Repeat = (everyMs, callback) => {
  const timer = setInterval(callback, everyMs);
  return () => clearInterval(timer);
};
