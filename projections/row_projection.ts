/** A read model whose rows depend, each on its own, on the events of one stream. */
import type { RecordedEvent } from "../events/recorded_event.ts";
import { PackedRows } from "./packed_rows.ts";
import type { Projection } from "./projection.ts";
import { RowPositions } from "./row_positions.ts";

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

export class RowProjection<Row extends object> implements Projection {
  readonly name: string;
  readonly revision: number;
  readonly bodiesOf: readonly string[] = [];
  readonly rows = new PackedRows<Row>();
  readonly #dirty = new Set<string>();
  readonly #positions = new RowPositions();
  readonly #rowFold: RowFold<Row>;
  readonly #onChange: (key: string, row: Row) => void;

  /** `onChange` keeps what is derived from the rows (counts, sorted orders) up to date. */
  constructor(
    rowFold: RowFold<Row>,
    onChange: (key: string, row: Row) => void = () => {},
  ) {
    this.name = rowFold.name;
    this.revision = rowFold.revision;
    this.#rowFold = rowFold;
    this.#onChange = onChange;
  }

  fold(recorded: RecordedEvent): void {
    const key = this.#rowFold.rowKey(recorded);
    if (key === undefined) return;
    if (this.#positions.has(key, recorded.position)) return;
    const previous = this.rows.get(key);
    const row = this.#rowFold.fold(previous, recorded);
    if (row === previous) return;
    this.rows.set(key, row);
    this.#dirty.add(key);
    this.#onChange(key, row);
  }

  takeDirty(): string[] {
    const keys = [...this.#dirty];
    this.#dirty.clear();
    return keys;
  }

  encodeRow(key: string): Uint8Array {
    return encoder.encode(this.rows.text(key));
  }

  loadRow(key: string, bytes: Uint8Array, through: string): void {
    const row = this.rows.setText(key, decoder.decode(bytes));
    this.#positions.set(key, through);
    this.#onChange(key, row);
  }

  rowKeys(): Iterable<string> {
    return this.rows.keys();
  }
}
