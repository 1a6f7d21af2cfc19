/**
 * A day of one campaign that cannot change any more, as its quarters one after the other: for periods
 * that begin or end within the day. Whole days are answered from sums.
 */
import { CellTable, type CellVisitor } from "./kpi_cells.ts";
import type { Tally } from "./kpi_tally.ts";
import { quartersPerDay } from "./kpi_quarter.ts";
import { ByteReader, ByteWriter } from "./number_bytes.ts";

export class ClosedDayWriter {
  readonly #writer = new ByteWriter();

  /** Quarters must come in order. */
  add(quarter: number, late: number, cells: Uint8Array): void {
    this.#writer.byte(quarter % quartersPerDay);
    this.#writer.count(late);
    this.#writer.count(cells.length);
    this.#writer.bytes(cells);
  }

  take(): Uint8Array {
    return this.#writer.take();
  }
}

export class ClosedDay {
  readonly #quarters: { readonly quarter: number; late: number; cells: CellTable }[] = [];

  constructor(day: number, readonly row: Uint8Array) {
    const reader = new ByteReader(row);
    while (!reader.isAtEnd) {
      const quarter = day * quartersPerDay + reader.byte();
      const late = reader.count();
      this.#quarters.push({ quarter, late, cells: new CellTable(reader.bytes(reader.count())) });
    }
  }

  get bytes(): number {
    return this.row.length + this.#quarters.length * quarterOverheadBytes;
  }

  addTo(tally: Tally, from: number, to: number): void {
    for (const { quarter, cells } of this.#quarters) {
      if (quarter >= from && quarter < to) cells.addTo(tally);
    }
  }

  visit(from: number, to: number, visitor: CellVisitor): void {
    for (const { quarter, cells } of this.#quarters) {
      if (quarter >= from && quarter < to) cells.visit(visitor);
    }
  }

  late(from: number, to: number): number {
    return this.#quarters.reduce(
      (sum, { quarter, late }) => quarter >= from && quarter < to ? sum + late : sum,
      0,
    );
  }
}

const quarterOverheadBytes = 150;
