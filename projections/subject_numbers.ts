/**
 * Sets of device or user numbers that are kept as rows: what all have in common that saw a campaign,
 * say. A set is divided by number, so that each of its rows fits one commit however many there are.
 */
import { deserializeNumbers, NumberSet } from "./kpi_number_set.ts";

/** A full row has 512 KiB. */
const rowNumbersShift = 22;

export class SubjectNumbers {
  readonly #rows: (NumbersRow | undefined)[] = [];

  /** `changed` is told when a row has something to be written; `name` is the set's, for its rows. */
  constructor(readonly name: string, readonly changed: (row: NumbersRow) => void) {}

  add(number: number): void {
    const row = this.#rows[number >>> rowNumbersShift] ?? this.row(number >>> rowNumbersShift);
    if (row.isAhead) return;
    row.numbers.add(number);
    if (!row.isDirty) {
      row.isDirty = true;
      this.changed(row);
    }
  }

  has(number: number): boolean {
    return this.#rows[number >>> rowNumbersShift]?.numbers.bitmap?.has(number) ?? false;
  }

  get size(): number {
    return this.#rows.reduce((sum, row) => sum + (row?.numbers.bitmap?.size ?? 0), 0);
  }

  /** In ascending order. */
  *[Symbol.iterator](): Iterator<number> {
    for (const row of this.#rows) yield* row?.numbers.bitmap ?? [];
  }

  /** Those that hold anything. */
  *rows(): Iterable<NumbersRow> {
    for (const row of this.#rows) if (row?.numbers.bitmap) yield row;
  }

  row(index: number): NumbersRow {
    return this.#rows[index] ??= new NumbersRow(`${this.name}/${index}`);
  }
}

/** One row: its numbers, and whether it has events that have not come to it yet. */
export class NumbersRow {
  readonly numbers = new NumberSet();
  isDirty = false;
  isAhead = false;
  through = "";

  constructor(readonly key: string) {}

  encode(): Uint8Array {
    return this.numbers.serialize();
  }

  load(bytes: Uint8Array): void {
    const stored = deserializeNumbers(bytes);
    if (!stored) return;
    this.numbers.addAll(stored);
    stored.dispose();
  }
}
