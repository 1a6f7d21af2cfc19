/**
 * Has the chunks of a replay decoded and their ids judged on a thread of its own, some rows ahead of
 * the fold: the two take about as long.
 */
import type { JudgedChunk, RecordedEvent } from "../../events/recorded_event.ts";
import { type Judged, withDigests } from "../../projections/chunk_judge.ts";
import type { ReadRow } from "../event_store/mod.ts";

export interface ChunkToJudge {
  readonly bytes: Uint8Array;
  readonly recordedMs: number;
}

/** Rows that are judged before the first of them is folded. A chunk has some tens of kilobytes. */
const rowsAheadMax = 32;

export class JudgedAhead {
  #worker: Worker | null = null;
  /** In the order in which they were asked, which is that of the answers. */
  readonly #asked: PromiseWithResolvers<Judged | null>[] = [];

  /** The rows of a log from its beginning, or, called again, from where it ended before. */
  async *over(rows: AsyncIterable<ReadRow>): AsyncGenerator<ReadRow> {
    const ahead: Promise<ReadRow>[] = [];
    for await (const row of rows) {
      const judged = this.#judged(row);
      // Whoever comes to it is told of a failure.
      judged.catch(() => {});
      ahead.push(judged);
      if (ahead.length > rowsAheadMax) yield await ahead.shift()!;
    }
    for (const row of ahead) yield await row;
  }

  [Symbol.dispose](): void {
    this.#worker?.terminate();
  }

  async #judged(row: ReadRow): Promise<ReadRow> {
    const events = await Promise.all(row.events.map((recorded) => this.#withVerdict(recorded)));
    return { ...row, events };
  }

  #withVerdict(recorded: RecordedEvent): RecordedEvent | Promise<RecordedEvent> {
    const { body, event, timeMs } = recorded;
    if (event.type !== "interactions_recorded" || !body) return recorded;
    const asked = Promise.withResolvers<Judged | null>();
    this.#asked.push(asked);
    const message: ChunkToJudge = { bytes: body, recordedMs: timeMs };
    this.#thread().postMessage(message);
    return asked.promise.then((judged): RecordedEvent => {
      if (!judged) return recorded;
      const whole: JudgedChunk = withDigests(judged, body);
      return { ...recorded, judged: whole };
    });
  }

  #thread(): Worker {
    if (this.#worker) return this.#worker;
    const worker = new Worker(import.meta.resolve("./judge_worker.ts"), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<Judged | null>) => {
      this.#asked.shift()!.resolve(data);
    };
    worker.onerror = (event) => {
      event.preventDefault();
      const error = new Error(`the thread that judges chunks failed: ${event.message}`);
      for (const { reject } of this.#asked.splice(0)) reject(error);
    };
    return this.#worker = worker;
  }
}
