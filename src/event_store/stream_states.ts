/**
 * The head of every stream that commands decide on: version, hash and state, folded from the log. It
 * is kept as rows like any read model, so that a start need not fold the whole log.
 */
import type { DomainEvent, RecordedEvent } from "../../events/recorded_event.ts";

export interface StreamHead<State> {
  readonly version: number;
  readonly hash: string;
  readonly state: State;
}

export interface StreamRules<State> {
  /** Whether commands decide on this stream. */
  tracks(stream: string): boolean;
  initial(stream: string): State;
  evolve(stream: string, state: State, event: DomainEvent, timeMs: number): State;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class StreamStates<State> {
  readonly name = "stream_states";
  readonly #heads = new Map<string, StreamHead<State>>();
  readonly #through = new Map<string, string>();
  readonly #dirty = new Set<string>();
  readonly #listeners: ((stream: string, head: StreamHead<State>) => void)[] = [];

  constructor(readonly revision: number, readonly rules: StreamRules<State>) {}

  /** Told of every head that there is, and from now on of every change. */
  onChange(listener: (stream: string, head: StreamHead<State>) => void): void {
    for (const [stream, head] of this.#heads) listener(stream, head);
    this.#listeners.push(listener);
  }

  head(stream: string): StreamHead<State> {
    return this.#heads.get(stream) ??
      { version: 0, hash: "", state: this.rules.initial(stream) };
  }

  fold(recorded: RecordedEvent): void {
    const { stream } = recorded;
    if (!this.rules.tracks(stream)) return;
    const through = this.#through.get(stream);
    if (through !== undefined) {
      if (recorded.position <= through) return;
      this.#through.delete(stream);
    }
    const head = this.head(stream);
    if (recorded.version !== head.version + 1) {
      throw new Error(`${stream} goes from version ${head.version} to ${recorded.version}`);
    }
    this.#set(stream, {
      version: recorded.version,
      hash: recorded.hash,
      state: this.rules.evolve(stream, head.state, recorded.event, recorded.timeMs),
    });
    this.#dirty.add(stream);
  }

  takeDirty(): string[] {
    const streams = [...this.#dirty];
    this.#dirty.clear();
    return streams;
  }

  encodeRow(stream: string): Uint8Array {
    return encoder.encode(JSON.stringify(this.head(stream)));
  }

  loadRow(stream: string, bytes: Uint8Array, through: string): void {
    this.#through.set(stream, through);
    this.#set(stream, JSON.parse(decoder.decode(bytes)));
  }

  rowKeys(): Iterable<string> {
    return this.#heads.keys();
  }

  #set(stream: string, head: StreamHead<State>): void {
    this.#heads.set(stream, head);
    for (const listener of this.#listeners) listener(stream, head);
  }
}
