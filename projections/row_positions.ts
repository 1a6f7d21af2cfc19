/**
 * Up to where each stored row has been folded, for as long as that may be ahead of the checkpoint
 * (see `projection.ts`): a few events after a start all of it is behind and forgotten.
 */
export class RowPositions {
  readonly #through = new Map<string, string>();
  #last = "";

  set(key: string, through: string): void {
    if (through > this.#last) this.#last = through;
    // Rows that were written together share one text.
    this.#through.set(key, through === this.#last ? this.#last : through);
  }

  /** Whether the row holds the event at this position already. */
  has(key: string, position: string): boolean {
    if (this.#through.size === 0) return false;
    if (position > this.#last) {
      this.#through.clear();
      return false;
    }
    return position <= (this.#through.get(key) ?? "");
  }
}
