/**
 * The events that the commands gathered for one commit would append, over the state that the log has
 * now. Each command is decided on what those before it left; a command that is given up takes back
 * only its own events.
 */
import type { DomainEvent, EventMeta } from "../../events/recorded_event.ts";
import { type EncodedEvent, encodeEvent } from "./log_row.ts";
import type { OwnHeads } from "./own_heads.ts";
import type { StreamHead, StreamStates } from "./stream_states.ts";

export class Draft<State> {
  readonly #changed = new Map<string, StreamHead<State>>();
  /** What the command that is being decided replaced, in this order. */
  readonly #replaced: { stream: string; head: StreamHead<State> | undefined }[] = [];
  readonly events: EncodedEvent[] = [];
  /** The same events as everybody will read them from the log. */
  readonly readBack: DomainEvent[] = [];
  #bytes = 0;
  #kept = { events: 0, bytes: 0 };

  readonly #time: string;

  constructor(
    readonly base: StreamStates<State>,
    readonly timeMs: number,
    /** Of commits that the base has not folded. */
    readonly ownHeads: OwnHeads<State>,
  ) {
    this.#time = new Date(timeMs).toISOString();
  }

  /** Bytes of all events so far. */
  get bytes(): number {
    return this.#bytes;
  }

  head(stream: string): StreamHead<State> {
    return this.#changed.get(stream) ?? this.ownHeads.head(stream) ?? this.base.head(stream);
  }

  state(stream: string): State {
    return this.head(stream).state;
  }

  /** The heads of the streams that have events in this draft. */
  get changed(): ReadonlyMap<string, StreamHead<State>> {
    return this.#changed;
  }

  /** The streams whose heads are not those of the base. */
  *changedStreams(): Iterable<string> {
    yield* this.ownHeads.streams();
    yield* this.#changed.keys();
  }

  append(stream: string, events: readonly DomainEvent[], meta: EventMeta): void {
    for (const event of events) {
      const head = this.head(stream);
      const version = head.version + 1;
      const encoded = encodeEvent(
        { stream, version, previousHash: head.hash },
        event,
        this.#time,
        meta,
      );
      const { type, schema } = event;
      const readBack = { type, schema, data: JSON.parse(encoded.data) };
      this.#replaced.push({ stream, head: this.#changed.get(stream) });
      this.#changed.set(stream, {
        version,
        hash: encoded.hash,
        state: this.base.rules.evolve(stream, head.state, readBack, this.timeMs),
      });
      this.events.push(encoded);
      this.readBack.push(readBack);
      this.#bytes += encoded.bytes + 1;
    }
  }

  /** Ends a command: its events stay. */
  keep(): void {
    this.#replaced.length = 0;
    this.#kept = { events: this.events.length, bytes: this.#bytes };
  }

  /** Ends a command: its events go. */
  undo(): void {
    for (const { stream, head } of this.#replaced.reverse()) {
      if (head) this.#changed.set(stream, head);
      else this.#changed.delete(stream);
    }
    this.#replaced.length = 0;
    this.events.length = this.#kept.events;
    this.readBack.length = this.#kept.events;
    this.#bytes = this.#kept.bytes;
  }
}
