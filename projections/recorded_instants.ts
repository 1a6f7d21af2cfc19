/** When records of consecutive numbers were recorded: the instants, each with its first record. */

export class RecordedInstants {
  /** Both in ascending order. */
  #ms: number[] = [];
  #firstRecords: number[] = [];

  /** `record` is the number of the next one; instants do not decrease. */
  add(ms: number, record: number): void {
    if (this.#ms.at(-1) === ms) return;
    // An instant that brought no record is taken back.
    if (this.#firstRecords.at(-1) === record) {
      this.#firstRecords.pop();
      this.#ms.pop();
    }
    this.#firstRecords.push(record);
    this.#ms.push(ms);
  }

  /** The first record that was recorded later than the instant; undefined: none. */
  firstAfter(ms: number): number | undefined {
    return this.#firstRecords[this.#placeAfter(ms)];
  }

  /** Instants before this one are not asked for any more. */
  forget(beforeMs: number): void {
    const over = this.#placeAfter(beforeMs - 1);
    this.#ms = this.#ms.slice(over);
    this.#firstRecords = this.#firstRecords.slice(over);
  }

  #placeAfter(ms: number): number {
    let from = 0;
    let below = this.#ms.length;
    // Mostly none is later.
    if (below === 0 || this.#ms[below - 1]! <= ms) return below;
    while (from < below) {
      const middle = (from + below) >>> 1;
      if (this.#ms[middle]! <= ms) from = middle + 1;
      else below = middle;
    }
    return from;
  }
}
