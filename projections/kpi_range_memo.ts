/** Merged cells of ranges of quarters that queries have asked for, the least used forgotten first. */

const memoBytesMax = 64 * 1024 * 1024;

export class RangeMemo {
  readonly #entries = new Map<string, { readonly changes: number; readonly merged: Uint8Array }>();
  #bytes = 0;

  get(key: string, changes: number): Uint8Array | undefined {
    const entry = this.#entries.get(key);
    if (entry?.changes !== changes) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.merged;
  }

  set(key: string, changes: number, merged: Uint8Array): void {
    this.#forget(key);
    this.#entries.set(key, { changes, merged });
    this.#bytes += merged.length;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= memoBytesMax) return;
      this.#forget(oldest);
    }
  }

  #forget(key: string): void {
    this.#bytes -= this.#entries.get(key)?.merged.length ?? 0;
    this.#entries.delete(key);
  }
}
