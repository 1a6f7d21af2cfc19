/** The events of single streams as far as a place in the log, and what the clock did to them by then. */
import type { RecordedEvent } from "../../events/recorded_event.ts";
import {
  type LogReader,
  recordedMs,
  retried,
  rowOfPosition,
  type StreamIndex,
} from "../event_store/mod.ts";
import { clockActor } from "../transact/mod.ts";

/** Rows whose recorded time is remembered; they hold many streams' events. */
const rowTimesMax = 10_000;

export class PastLog {
  /** Recorded times by row: a row that can be read has all before it, so its time is what it will be. */
  readonly #rowTimesMs = new Map<string, number>();

  constructor(readonly reader: LogReader, readonly index: () => StreamIndex) {}

  async stream(stream: string, through: string): Promise<RecordedEvent[]> {
    const positions = this.index().positions(stream, 0, Infinity)
      .filter((position) => position <= through);
    const events: RecordedEvent[] = [];
    for (const recorded of await this.reader.readAt(positions)) {
      events.push({ ...recorded, timeMs: await this.#recordedMs(recorded.position) });
    }
    return events;
  }

  /**
   * The boundaries of a stream that the clock had passed at an instant, though they were recorded a
   * little later: those that come next, since nothing else is recorded before them. Each counts as
   * recorded when it was due.
   */
  async boundariesBy(
    stream: string,
    afterVersion: number,
    instantMs: number,
  ): Promise<RecordedEvent[]> {
    const passed: RecordedEvent[] = [];
    for (;;) {
      const version = afterVersion + passed.length;
      const next = this.index().positions(stream, version, version + 1);
      const [recorded] = await this.reader.readAt(next);
      const dueMs = recorded ? boundaryMs(recorded) : null;
      if (!recorded || dueMs === null || dueMs > instantMs) return passed;
      passed.push({ ...recorded, timeMs: dueMs });
    }
  }

  async #recordedMs(position: string): Promise<number> {
    const row = rowOfPosition(position);
    let timeMs = this.#rowTimesMs.get(row);
    if (timeMs === undefined) {
      timeMs = await retried(() => recordedMs(this.reader.kv, position));
      if (this.#rowTimesMs.size >= rowTimesMax) this.#rowTimesMs.clear();
      this.#rowTimesMs.set(row, timeMs);
    }
    return timeMs;
  }
}

/** When a boundary was due; null: the event is not what time alone does. */
function boundaryMs({ meta, event }: RecordedEvent): number | null {
  const { at } = event.data as { at?: string };
  return meta.actor === clockActor && at !== undefined ? Date.parse(at) : null;
}
