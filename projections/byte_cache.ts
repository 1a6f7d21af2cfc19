/** Keeps what was made within a budget of bytes; what was not used for the longest goes first. */

export interface Cached {
  readonly bytes: number;
}

export class ByteCache {
  /** The longest unused first. */
  readonly #entries = new Map<string, { readonly value: Cached; bytes: number }>();
  #bytes = 0;

  constructor(private readonly bytesMax: number) {}

  get<T extends Cached>(key: string): T | undefined {
    const entry = this.#entries.get(key);
    if (!entry) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, entry);
    return entry.value as T;
  }

  set(key: string, value: Cached): void {
    this.#forget(key);
    this.#entries.set(key, { value, bytes: 0 });
    this.measure(key);
  }

  /** To be called when what is kept may take more bytes, or less. */
  measure(key: string): void {
    const entry = this.#entries.get(key);
    if (!entry) return;
    const { bytes } = entry.value;
    this.#bytes += bytes - entry.bytes;
    entry.bytes = bytes;
    for (const oldest of this.#entries.keys()) {
      if (this.#bytes <= this.bytesMax) return;
      this.#forget(oldest);
    }
  }

  forgetPrefix(prefix: string): void {
    for (const key of this.#entries.keys()) if (key.startsWith(prefix)) this.#forget(key);
  }

  #forget(key: string): void {
    this.#bytes -= this.#entries.get(key)?.bytes ?? 0;
    this.#entries.delete(key);
  }
}
