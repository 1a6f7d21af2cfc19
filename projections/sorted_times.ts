/** Instants in order, repeated ones too. Adding one costs no more than a short move, however many. */

const leafTimesMax = 512;

export class SortedTimes {
  /** Each is sorted and none is empty, but for the only one. */
  readonly #leaves: number[][] = [[]];
  size = 0;

  add(timeMs: number): void {
    const at = this.#leafOf(timeMs);
    const leaf = this.#leaves[at]!;
    leaf.splice(placeAfter(leaf, timeMs), 0, timeMs);
    this.size++;
    if (leaf.length > leafTimesMax) {
      this.#leaves.splice(at + 1, 0, leaf.splice(leaf.length >>> 1));
    }
  }

  /** The last one at or before; -Infinity: there is none. */
  last(timeMs: number): number {
    const leaf = this.#leaves[this.#leafOf(timeMs)]!;
    return leaf[placeAfter(leaf, timeMs) - 1] ?? -Infinity;
  }

  /** The last one before, or the time itself where it is there more than once; else -Infinity. */
  lastOther(timeMs: number): number {
    const at = this.#leafOf(timeMs);
    const leaf = this.#leaves[at]!;
    return leaf[placeAfter(leaf, timeMs) - 2] ?? this.#leaves[at - 1]?.at(-1) ?? -Infinity;
  }

  /** The first one after; Infinity: there is none. */
  next(timeMs: number): number {
    const at = this.#leafOf(timeMs);
    const leaf = this.#leaves[at]!;
    return leaf[placeAfter(leaf, timeMs)] ?? this.#leaves[at + 1]?.[0] ?? Infinity;
  }

  /** From ≤ time < to. */
  *between(fromMs: number, toMs: number): Iterable<number> {
    // Repeated ones may fill several leaves.
    let at = this.#leafOf(fromMs);
    while (at > 0 && this.#leaves[at]![0]! >= fromMs) at--;
    for (; at < this.#leaves.length; at++) {
      for (const timeMs of this.#leaves[at]!) {
        if (timeMs >= toMs) return;
        if (timeMs >= fromMs) yield timeMs;
      }
    }
  }

  /** Forgets some or all of the times before. */
  forgetBefore(timeMs: number): void {
    while (this.#leaves[0]!.length > 0 && this.#leaves[0]!.at(-1)! < timeMs) {
      this.size -= this.#leaves[0]!.length;
      if (this.#leaves.length === 1) this.#leaves[0] = [];
      else this.#leaves.shift();
    }
  }

  /** The last leaf that begins at or before the time, else the first. */
  #leafOf(timeMs: number): number {
    let low = 0;
    let high = this.#leaves.length - 1;
    while (low < high) {
      const middle = (low + high + 1) >>> 1;
      if (this.#leaves[middle]![0]! <= timeMs) low = middle;
      else high = middle - 1;
    }
    return low;
  }
}

function placeAfter(leaf: readonly number[], timeMs: number): number {
  let low = 0;
  let high = leaf.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (leaf[middle]! <= timeMs) low = middle + 1;
    else high = middle;
  }
  return low;
}
