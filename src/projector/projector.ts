/**
 * Runs the projections of a process: loads their rows, folds the log into them, and flushes them from
 * time to time. Any number of instances may run it on one store.
 */
import type { RecordedEvent } from "../../events/recorded_event.ts";
import { readsBodiesOf } from "../../projections/projection.ts";
import type { LogCursor, LogReader, Tail } from "../event_store/mod.ts";
import { type Mounted, placeOf } from "./mounted.ts";

/** Seldom, so that rows that change often are written once; often enough to start in a moment. */
const tickIntervalMs = 5_000;

/** A read model has stopped at an event that it cannot fold; see `/readyz`. */
export class ProjectionStoppedError extends Error {
  override readonly name = "ProjectionStoppedError";
}

export class Projector {
  #timer: ReturnType<typeof setTimeout> | undefined;
  #warming: ReturnType<typeof setTimeout> | undefined;
  /** Flushes and exchanges of slots, one after the other. */
  #last: Promise<void> = Promise.resolve();
  #flushFailure: unknown = null;
  #closed = false;

  constructor(readonly reader: LogReader, readonly mounted: readonly Mounted[]) {}

  /** Loads every projection; gives the cursor from which the tail has to read. */
  async load(): Promise<LogCursor> {
    await Promise.all(this.mounted.map((one) => one.load(this.reader)));
    return this.mounted.map((one) => one.cursor)
      .reduce((least, cursor) => cursor.position < least.position ? cursor : least);
  }

  /** Whether a projection that has not folded the event yet reads its body. */
  wantsBody(type: string, position: string): boolean {
    return this.mounted.some(({ model, cursor }) =>
      position > cursor.position && readsBodiesOf(model, type)
    );
  }

  follow(tail: Tail): void {
    tail.subscribe((events: readonly RecordedEvent[]) => {
      for (const recorded of events) {
        const place = placeOf(recorded);
        for (const one of this.mounted) one.fold(recorded, place);
      }
    });
  }

  /** Begins to flush on its own. */
  start(tail: Tail): void {
    const tick = async () => {
      // A failure is shown by `flushFailure` and tried again.
      await this.tick().catch(() => {});
      await this.#oneAtATime(() => this.#reloadSwitched(tail)).catch(() => {});
      if (!this.#closed) this.#timer = setTimeout(tick, tickIntervalMs);
    };
    this.#timer = setTimeout(tick, tickIntervalMs);
    this.#warm(this.mounted.flatMap(({ model }) => model.warm ? [model.warm()] : []));
  }

  /** Why the last flush failed; null when it did not. */
  get flushFailure(): unknown {
    return this.#flushFailure;
  }

  flush(): Promise<void> {
    return this.#flushed((one) => one.flush());
  }

  /** Flushes those whose time it is. */
  tick(): Promise<void> {
    return this.#flushed((one) => one.tick());
  }

  #flushed(flushOne: (one: Mounted) => Promise<unknown>): Promise<void> {
    return this.#oneAtATime(async () => {
      const errors: unknown[] = [];
      for (const one of this.mounted) await flushOne(one).catch((error) => errors.push(error));
      this.#flushFailure = errors[0] ?? null;
      if (errors.length > 0) throw errors[0];
    });
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    clearTimeout(this.#warming);
    await this.flush();
  }

  assertFolding(one: Mounted): void {
    if (!one.failure) return;
    throw new ProjectionStoppedError(
      `${one.name} stopped at ${one.failure.position}: ${one.failure.error}`,
    );
  }

  /** A step a turn, so that nobody waits for it. */
  #warm(all: readonly Iterable<unknown>[]): void {
    const steps = all.map((one) => one[Symbol.iterator]());
    const step = async () => {
      try {
        while (steps.length > 0) {
          const { done, value } = steps[0]!.next();
          if (!done) {
            await value;
            break;
          }
          steps.shift();
        }
      } catch {
        // A question that needs what could not be read will say so.
        steps.shift();
      }
      if (steps.length > 0 && !this.#closed) this.#warming = setTimeout(step);
    };
    this.#warming = setTimeout(step);
  }

  #oneAtATime(work: () => Promise<void>): Promise<void> {
    const done = this.#last.then(work);
    this.#last = done.catch(() => {});
    return done;
  }

  /** Takes over a slot that `rebuild` has switched to: loaded and caught up beside the old model. */
  async #reloadSwitched(tail: Tail): Promise<void> {
    for (const one of this.mounted) {
      if (!one.options.exchangeable || !await one.switched()) continue;
      const fresh = one.beside();
      await fresh.load(this.reader);
      // Its rows may be ahead of what this process has read.
      await tail.poll();
      // The last event read and the exchange are in one turn of the event loop: nothing is missed.
      while (fresh.cursor.position < tail.cursor.position && !fresh.failure) {
        for await (const row of this.reader.read(fresh.cursor)) {
          // The answers of this process name the tail's position: a model is never ahead of it.
          if (row.events.some(({ position }) => position > tail.cursor.position)) break;
          for (const recorded of row.events) fresh.fold(recorded);
        }
      }
      one.takeOver(fresh);
    }
  }
}
