/**
 * Has the chunks of a replay decoded and their ids judged on a thread of its own, some rows ahead of
 * the fold: the two take about as long.
 */
import type { RecordedEvent } from "../../events/recorded_event.ts";
import {
  buffersOf,
  type Judged,
  withDigests,
  withoutDigests,
} from "../../projections/chunk_judge.ts";
import type { ReadRow } from "../event_store/mod.ts";

export interface ChunkToJudge {
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly recordedMs: number;
}

export interface JudgedBytes {
  /** Those that were asked about: they go there and back. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** Null where they cannot be read. */
  readonly judged: Judged | null;
}

/** Events whose rows are judged before the first of them is folded: a chunk is one, of 50 KB or so. */
const eventsAheadMax = 16;

export class JudgedAhead {
  #worker: Worker | null = null;
  /** In the order in which they were asked, which is that of the answers. */
  readonly #asked: PromiseWithResolvers<JudgedBytes>[] = [];

  /**
   * The rows of a log from its beginning, or, called again, from where it ended before. Bodies of a row
   * and what was judged of them are gone when the next row is asked for.
   */
  async *over(rows: AsyncIterable<ReadRow>): AsyncGenerator<ReadRow> {
    const ahead: { readonly judged: Promise<ReadRow>; readonly eventCount: number }[] = [];
    let eventCount = 0;
    for await (const row of rows) {
      const judged = this.#judged(row);
      // Whoever comes to it is told of a failure.
      judged.catch(() => {});
      ahead.push({ judged, eventCount: row.events.length });
      eventCount += row.events.length;
      while (eventCount > eventsAheadMax) {
        const next = ahead.shift()!;
        eventCount -= next.eventCount;
        yield* handedOn(await next.judged);
      }
    }
    for (const { judged } of ahead) yield* handedOn(await judged);
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
    const asked = Promise.withResolvers<JudgedBytes>();
    this.#asked.push(asked);
    const message: ChunkToJudge = { bytes: body as Uint8Array<ArrayBuffer>, recordedMs: timeMs };
    this.#thread().postMessage(message, [message.bytes.buffer]);
    return asked.promise.then(({ bytes, judged }) => ({
      ...recorded,
      body: bytes,
      ...(judged ? { judged: withDigests(judged, bytes) } : {}),
    }));
  }

  #thread(): Worker {
    if (this.#worker) return this.#worker;
    const worker = new Worker(import.meta.resolve("./judge_worker.ts"), { type: "module" });
    worker.onmessage = ({ data }: MessageEvent<JudgedBytes>) => {
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

/** Hands the row on and frees what belongs to it, which might lie in wait for the collector for long. */
function* handedOn(row: ReadRow): Generator<ReadRow> {
  yield row;
  for (const { body, judged } of row.events) {
    if (!body || !judged) continue;
    const buffers = [body.buffer as ArrayBuffer, ...buffersOf(withoutDigests(judged))];
    for (const buffer of buffers) buffer.transfer(0);
  }
}
