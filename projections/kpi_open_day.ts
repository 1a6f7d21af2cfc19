/**
 * The united numbers of a day that still changes. They are remembered; rows that changed since are
 * looked at anew, and become part of what is remembered when they are more than a few. That may be,
 * because a set of numbers only grows.
 */
import type { OpenDay } from "./kpi_campaign.ts";
import { type QuarterRow, quartersPerDay } from "./kpi_quarter.ts";
import { type FrozenTally, Tally } from "./kpi_tally.ts";

/** Rows that are looked at anew with each question. */
const changedRowsMax = 4;
let stamps = 0;

export class OpenDaySum {
  /** What each quarter had when the sum was made; −1 changes: nothing. */
  readonly #changes = new Int32Array(quartersPerDay).fill(-1);
  readonly #impressions = new Float64Array(quartersPerDay);
  readonly #clicks = new Float64Array(quartersPerDay);
  #sum: FrozenTally = new Tally().freeze();
  #stamp = ++stamps;
  #preparedAt = -1;
  #changed: readonly QuarterRow[] = [];

  constructor(readonly rows: OpenDay) {}

  get bytes(): number {
    return this.#sum.bytes + quartersPerDay * 20;
  }

  /** Without the rows that changed since. */
  get united(): FrozenTally {
    return this.#sum;
  }

  /** Another one whenever what is united is other than before; no two sums have the same. */
  get stamp(): number {
    return this.#stamp;
  }

  addTo(tally: Tally): void {
    this.prepare();
    tally.addFrozen(this.#sum);
    this.addChanged(tally);
  }

  /** To what has the united rows already. */
  addChanged(tally: Tally): void {
    for (const row of this.#changed) this.#addRow(tally, row);
  }

  /** Leaves few rows to look at anew. True when more is united. */
  prepare(): boolean {
    if (this.#preparedAt === this.rows.changes) return false;
    this.#preparedAt = this.rows.changes;
    const changed = this.#changedRows();
    this.#changed = changed.length <= changedRowsMax ? changed : [];
    if (changed === this.#changed) return false;
    const sum = new Tally();
    sum.addFrozen(this.#sum);
    for (const row of changed) this.#addAndNote(sum, row);
    this.#sum = sum.freeze();
    this.#stamp = ++stamps;
    return true;
  }

  #changedRows(): QuarterRow[] {
    const changed: QuarterRow[] = [];
    for (const row of this.rows.values()) {
      if (this.#changes[row.quarter % quartersPerDay] !== row.changes) changed.push(row);
    }
    return changed;
  }

  /** What the sum has of the row is replaced. */
  #addRow(tally: Tally, { quarter, cells }: QuarterRow): void {
    tally.impression.count -= this.#impressions[quarter % quartersPerDay]!;
    tally.click.count -= this.#clicks[quarter % quartersPerDay]!;
    cells.addTo(tally);
  }

  #addAndNote(tally: Tally, row: QuarterRow): void {
    const { impression, click } = tally;
    const index = row.quarter % quartersPerDay;
    const impressionsBefore = impression.count - this.#impressions[index]!;
    const clicksBefore = click.count - this.#clicks[index]!;
    this.#addRow(tally, row);
    this.#impressions[index] = impression.count - impressionsBefore;
    this.#clicks[index] = click.count - clicksBefore;
    this.#changes[index] = row.changes;
  }
}
