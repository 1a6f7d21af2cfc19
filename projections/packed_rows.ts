/**
 * Rows by key, kept as JSON text once they have been written: as objects they take several times as
 * much memory, and most are looked at seldom. A row that is read again stays at hand for a while.
 */
const recentMax = 500;

export class PackedRows<Row extends object> {
  /** As text, or as the object that no text has been made of. */
  readonly #rows = new Map<string, Row | string>();
  /** Packed rows that were read lately, in two generations. */
  #recent = new Map<string, Row>();
  #older = new Map<string, Row>();

  get size(): number {
    return this.#rows.size;
  }

  get(key: string): Row | undefined {
    const row = this.#rows.get(key);
    if (typeof row !== "string") return row;
    let found = this.#recent.get(key);
    if (found) return found;
    found = this.#older.get(key) ?? JSON.parse(row) as Row;
    this.#remember(key, found);
    return found;
  }

  /** What was at hand of the row before is dropped when this one is packed. */
  set(key: string, row: Row): void {
    this.#rows.set(key, row);
  }

  /** Takes a row as text. Gives what the text says. */
  setText(key: string, text: string): Row {
    const row = JSON.parse(text) as Row;
    this.#forget(key);
    this.#rows.set(key, text);
    return row;
  }

  /** The row as JSON; from now on it is kept so. */
  text(key: string): string {
    const row = this.#rows.get(key);
    if (typeof row === "string") return row;
    const text = JSON.stringify(row);
    if (row !== undefined) {
      // Not at hand: of all the rows that a flush packs, few are read before they change again.
      this.#forget(key);
      this.#rows.set(key, text);
    }
    return text;
  }

  keys(): Iterable<string> {
    return this.#rows.keys();
  }

  *values(): Generator<Row> {
    for (const [, row] of this) yield row;
  }

  *[Symbol.iterator](): Generator<[string, Row]> {
    for (const [key, row] of this.#rows) {
      yield [key, typeof row === "string" ? JSON.parse(row) : row];
    }
  }

  #remember(key: string, row: Row): void {
    this.#recent.set(key, row);
    if (this.#recent.size < recentMax) return;
    this.#older = this.#recent;
    this.#recent = new Map();
  }

  #forget(key: string): void {
    if (this.#recent.size + this.#older.size === 0) return;
    this.#recent.delete(key);
    this.#older.delete(key);
  }
}
