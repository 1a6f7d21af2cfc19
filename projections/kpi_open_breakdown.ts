/**
 * The breakdown of a day that still changes. It is remembered, because looking at the cells of a day's
 * rows costs far more than uniting their numbers; a row that changed is looked at again. That may be,
 * because a set of numbers only grows.
 */
import { type Breakdown, BreakdownTally, FrozenBreakdown, keyOf } from "./kpi_breakdown.ts";
import type { OpenDay } from "./kpi_campaign.ts";
import { type QuarterRow, quartersPerDay } from "./kpi_quarter.ts";

export class OpenDayBreakdown {
  /** The changes of each quarter that are in there; −1: nothing of it. */
  readonly #changes = new Int32Array(quartersPerDay).fill(-1);
  /** What of the counts each quarter gave: impressions, then clicks. */
  readonly #counts = new Map<string | null, Float64Array>();
  #lookedAt = -1;
  #frozen = FrozenBreakdown.empty;

  constructor(readonly rows: OpenDay, readonly by: Breakdown) {}

  get bytes(): number {
    return this.#frozen.bytes + quartersPerDay * (4 + this.#counts.size * 16);
  }

  addTo(tally: BreakdownTally): void {
    if (this.#lookedAt !== this.rows.changes) this.#lookAgain();
    tally.addFrozen(this.#frozen);
  }

  #lookAgain(): void {
    this.#lookedAt = this.rows.changes;
    const sum = new BreakdownTally(this.by);
    sum.addFrozen(this.#frozen);
    for (const row of this.rows.values()) {
      const index = row.quarter % quartersPerDay;
      if (this.#changes[index] === row.changes) continue;
      this.#takeBack(sum, index);
      this.#addRow(sum, row, index);
      this.#changes[index] = row.changes;
    }
    this.#frozen = sum.freeze();
  }

  /** The numbers stay: the row still has them. */
  #takeBack({ byKey }: BreakdownTally, index: number): void {
    for (const [key, counts] of this.#counts) {
      const tally = byKey.get(key)!;
      tally.impression.count -= counts[index]!;
      tally.click.count -= counts[quartersPerDay + index]!;
      counts[index] = counts[quartersPerDay + index] = 0;
    }
  }

  #addRow(sum: BreakdownTally, { cells }: QuarterRow, index: number): void {
    cells.visit((view) => {
      const { shape, count } = view;
      if (!sum.gathers(shape)) return;
      sum.add(view);
      const key = keyOf(shape, this.by);
      let counts = this.#counts.get(key);
      if (!counts) this.#counts.set(key, counts = new Float64Array(quartersPerDay * 2));
      counts[shape.kind === "impression" ? index : quartersPerDay + index]! += count;
    });
  }
}
