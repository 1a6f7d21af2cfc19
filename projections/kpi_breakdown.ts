/**
 * Tallies by one dimension of the cells. An element is seen whenever its message is, so its impressions
 * are not gathered.
 */
import type { CellShape } from "./kpi_cell_shape.ts";
import type { CellVisitor } from "./kpi_cells.ts";
import { type FrozenTally, Tally } from "./kpi_tally.ts";

export type Breakdown = "element" | "platform" | "variant" | "revision";

export class BreakdownTally {
  readonly byKey = new Map<string | null, Tally>();

  constructor(readonly by: Breakdown) {}

  gathers({ kind }: CellShape): boolean {
    return this.by !== "element" || kind === "click";
  }

  readonly add: CellVisitor = ({ shape, count, devices, users }) => {
    if (this.gathers(shape)) this.#of(shape)[shape.kind].add(count, devices, users);
  };

  addOne(shape: CellShape, device: number, user: number): void {
    if (this.gathers(shape)) this.#of(shape)[shape.kind].addOne(device, user);
  }

  addFrozen({ byKey }: FrozenBreakdown): void {
    for (const [key, frozen] of byKey) this.#at(key).addFrozen(frozen);
  }

  freeze(): FrozenBreakdown {
    return new FrozenBreakdown(
      new Map([...this.byKey].map(([key, tally]) => [key, tally.freeze()])),
    );
  }

  #of(shape: CellShape): Tally {
    return this.#at(keyOf(shape, this.by));
  }

  #at(key: string | null): Tally {
    let tally = this.byKey.get(key);
    if (!tally) this.byKey.set(key, tally = new Tally());
    return tally;
  }
}

/** It does not change any more, and is small enough to be kept. */
export class FrozenBreakdown {
  static readonly empty = new FrozenBreakdown(new Map());
  readonly bytes: number;

  constructor(readonly byKey: ReadonlyMap<string | null, FrozenTally>) {
    this.bytes = [...byKey.values()].reduce((sum, { bytes }) => sum + bytes + 100, 200);
  }
}

export function keyOf(shape: CellShape, by: Breakdown): string | null {
  switch (by) {
    case "element":
      return shape.element;
    case "platform":
      return shape.platform;
    case "variant":
      return shape.variant;
    case "revision":
      return shape.revision === 0 ? null : String(shape.revision);
  }
}
