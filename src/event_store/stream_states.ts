/**
 * The head of every stream that commands decide on: version, hash and state, folded from the log. It
 * is kept as rows like any read model, so that a start need not fold the whole log.
 */
import { PackedRows } from "../../projections/packed_rows.ts";
import { RowPositions } from "../../projections/row_positions.ts";
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
  /** Whether a state is at rest: nothing but a command will move it, and nobody who starts needs it. */
  isAtRest?(stream: string, state: State): boolean;
  evolve(stream: string, state: State, event: DomainEvent, timeMs: number): State;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class StreamStates<State> {
  readonly name = "stream_states";
  readonly bodiesOf = [];
  readonly #heads = new PackedRows<StreamHead<State>>();
  /** The streams that are not at rest. */
  readonly #moving = new Set<string>();
  readonly #positions = new RowPositions();
  readonly #dirty = new Set<string>();
  readonly #listeners: ((stream: string, head: StreamHead<State>) => void)[] = [];
  #known: (recorded: RecordedEvent) => StreamHead<State> | undefined = () => undefined;

  constructor(readonly revision: number, readonly rules: StreamRules<State>) {}

  /** Told of every head that is not at rest, and from now on of every change. */
  onChange(listener: (stream: string, head: StreamHead<State>) => void): void {
    for (const stream of this.#moving) listener(stream, this.head(stream));
    this.#listeners.push(listener);
  }

  /**
   * `known` gives the head that an event left, where that has been made: the hash says that it is of
   * the same events.
   */
  adoptFrom(known: (recorded: RecordedEvent) => StreamHead<State> | undefined): void {
    this.#known = known;
  }

  head(stream: string): StreamHead<State> {
    return this.#heads.get(stream) ??
      { version: 0, hash: "", state: this.rules.initial(stream) };
  }

  fold(recorded: RecordedEvent): void {
    const { stream } = recorded;
    if (!this.rules.tracks(stream)) return;
    if (this.#positions.has(stream, recorded.position)) return;
    const next = this.#known(recorded) ?? this.#evolved(recorded);
    this.#heads.set(stream, next);
    this.#dirty.add(stream);
    this.#changed(stream, next);
  }

  takeDirty(): string[] {
    const streams = [...this.#dirty];
    this.#dirty.clear();
    return streams;
  }

  encodeRow(stream: string): Uint8Array {
    return encoder.encode(this.#heads.text(stream));
  }

  loadRow(stream: string, bytes: Uint8Array, through: string): void {
    const head = this.#heads.setText(stream, decoder.decode(bytes));
    this.#positions.set(stream, through);
    this.#changed(stream, head);
  }

  rowKeys(): Iterable<string> {
    return this.#heads.keys();
  }

  #evolved({ stream, version, hash, event, timeMs }: RecordedEvent): StreamHead<State> {
    const head = this.head(stream);
    if (version !== head.version + 1) {
      throw new Error(`${stream} goes from version ${head.version} to ${version}`);
    }
    return { version, hash, state: this.rules.evolve(stream, head.state, event, timeMs) };
  }

  #changed(stream: string, head: StreamHead<State>): void {
    if (this.rules.isAtRest?.(stream, head.state)) this.#moving.delete(stream);
    else this.#moving.add(stream);
    for (const listener of this.#listeners) listener(stream, head);
  }
}
