/** A stretch of a log, read again and again: folded, decoded, or its rows listed and nothing else. */
import { decodeChunk } from "../events/interaction_chunk.ts";
import {
  cursorAtStart,
  keys,
  type LogCursor,
  type LogReader,
  parsePosition,
  type ReadRow,
} from "../src/event_store/mod.ts";
import { JudgedAhead } from "../src/projector/mod.ts";

export interface Foldable {
  create(): { fold(recorded: never): void };
}

export class LogSpan {
  /** From behind `after` up to the row of `through`. */
  constructor(
    readonly reader: LogReader,
    readonly after: LogCursor = cursorAtStart,
    readonly through?: string,
  ) {}

  /** Into fresh models, as a replay does. */
  async fold(mounted: readonly Foldable[]): Promise<void> {
    const models = mounted.map((one) => one.create());
    using judgedAhead = new JudgedAhead();
    for await (const { events } of judgedAhead.over(this.#rows())) {
      for (const recorded of events) {
        for (const model of models) model.fold(recorded as never);
      }
    }
  }

  async decode(): Promise<{ events: number; interactions: number }> {
    let count = 0, interactions = 0;
    for await (const { events } of this.#rows()) {
      count += events.length;
      for (const { event, body } of events) {
        if (event.type === "interactions_recorded") interactions += decodeChunk(body!).count;
      }
    }
    return { events: count, interactions };
  }

  /** The rows of the span, and of all bodies where it has some. */
  async list(options: { bodies: boolean }): Promise<void> {
    const { kv } = this.reader;
    const start = this.#keyBehind(this.after.position);
    const end = this.through === undefined ? keys.logsEnd() : this.#keyBehind(this.through);
    const selectors = [{ start, end }, ...options.bodies ? [{ prefix: keys.bodyPrefix() }] : []];
    for (const selector of selectors) {
      for await (const _ of kv.list(selector, { batchSize: 500 }));
    }
  }

  #keyBehind(position: string): Deno.KvKey {
    const { epoch, versionstamp } = parsePosition(position)!;
    return [...keys.log(epoch, versionstamp), ""];
  }

  async *#rows(): AsyncGenerator<ReadRow> {
    for await (const row of this.reader.read(this.after)) {
      if (this.through !== undefined && row.events[0]!.position > this.through) return;
      yield row;
    }
  }
}
