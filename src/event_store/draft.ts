/**
 * The events that the commands gathered for one commit would append, over the state that the log has
 * now. Each command is decided on what those before it left; a command that is given up takes back
 * only its own events.
 */
import type { DomainEvent, EventMeta } from "../../events/recorded_event.ts";
import { type EncodedEvent, encodeEvent } from "./log_row.ts";
import type { StreamHead, StreamStates } from "./stream_states.ts";

export class Draft<State> {
  readonly #changed = new Map<string, StreamHead<State>>();
  /** The heads as they were before the command that is being decided. */
  readonly #undo = new Map<string, StreamHead<State> | undefined>();
  readonly events: EncodedEvent[] = [];
  #bytes = 0;
  #kept = { events: 0, bytes: 0 };

  constructor(readonly base: StreamStates<State>, readonly timeMs: number) {}

  /** Bytes of all events so far. */
  get bytes(): number {
    return this.#bytes;
  }

  head(stream: string): StreamHead<State> {
    return this.#changed.get(stream) ?? this.base.head(stream);
  }

  state(stream: string): State {
    return this.head(stream).state;
  }

  /** The streams that have events in this draft. */
  changedStreams(): Iterable<string> {
    return this.#changed.keys();
  }

  append(stream: string, events: readonly DomainEvent[], meta: EventMeta): void {
    const time = new Date(this.timeMs).toISOString();
    for (const event of events) {
      const head = this.head(stream);
      const version = head.version + 1;
      const encoded = encodeEvent(
        { stream, version, previousHash: head.hash },
        event,
        time,
        meta,
      );
      if (!this.#undo.has(stream)) this.#undo.set(stream, this.#changed.get(stream));
      this.#changed.set(stream, {
        version,
        hash: encoded.hash,
        state: this.base.rules.evolve(stream, head.state, event, this.timeMs),
      });
      this.events.push(encoded);
      this.#bytes += encoded.bytes + 1;
    }
  }

  /** Ends a command: its events stay. */
  keep(): void {
    this.#undo.clear();
    this.#kept = { events: this.events.length, bytes: this.#bytes };
  }

  /** Ends a command: its events go. */
  undo(): void {
    for (const [stream, head] of this.#undo) {
      if (head) this.#changed.set(stream, head);
      else this.#changed.delete(stream);
    }
    this.#undo.clear();
    this.events.length = this.#kept.events;
    this.#bytes = this.#kept.bytes;
  }
}
