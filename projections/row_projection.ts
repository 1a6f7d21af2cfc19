/** A read model whose rows depend, each on its own, on the events of one stream. */
import type { RecordedEvent } from "../events/recorded_event.ts";
import type { Projection } from "./projection.ts";

export interface RowFold<Row> {
  readonly name: string;
  readonly revision: number;
  /** The key of the row that an event changes; undefined: none. */
  rowKey(recorded: RecordedEvent): string | undefined;
  /** Pure: a row and the next event give the next row, the same one where nothing changes. */
  fold(row: Row | undefined, recorded: RecordedEvent): Row;
}

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class RowProjection<Row> implements Projection {
  readonly name: string;
  readonly revision: number;
  readonly rows = new Map<string, Row>();
  readonly #dirty = new Set<string>();
  readonly #through = new Map<string, string>();
  readonly #rowFold: RowFold<Row>;
  readonly #onChange: (key: string, row: Row, previous: Row | undefined) => void;

  /** `onChange` keeps what is derived from the rows (counts, sorted orders) up to date. */
  constructor(
    rowFold: RowFold<Row>,
    onChange: (key: string, row: Row, previous: Row | undefined) => void = () => {},
  ) {
    this.name = rowFold.name;
    this.revision = rowFold.revision;
    this.#rowFold = rowFold;
    this.#onChange = onChange;
  }

  fold(recorded: RecordedEvent): void {
    const key = this.#rowFold.rowKey(recorded);
    if (key === undefined) return;
    const through = this.#through.get(key);
    if (through !== undefined) {
      if (recorded.position <= through) return;
      this.#through.delete(key);
    }
    const previous = this.rows.get(key);
    const row = this.#rowFold.fold(previous, recorded);
    if (row === previous) return;
    this.rows.set(key, row);
    this.#dirty.add(key);
    this.#onChange(key, row, previous);
  }

  takeDirty(): string[] {
    const keys = [...this.#dirty];
    this.#dirty.clear();
    return keys;
  }

  encodeRow(key: string): Uint8Array {
    return encoder.encode(JSON.stringify(this.rows.get(key)));
  }

  loadRow(key: string, bytes: Uint8Array, through: string): void {
    const row = JSON.parse(decoder.decode(bytes)) as Row;
    this.rows.set(key, row);
    this.#through.set(key, through);
    this.#onChange(key, row, undefined);
  }

  rowKeys(): Iterable<string> {
    return this.rows.keys();
  }
}
