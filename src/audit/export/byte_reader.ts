/** Reads a stream of bytes line by line or piece by piece, and hashes all of it on the way. */
import { createHash } from "node:crypto";

/** A line holds an event, which fits a value of the store, or a claim. */
const lineBytesMax = 4 * 1024 * 1024;
const newline = 10;

/** There is no newline where one has to be. */
export class LineCutOffError extends Error {
  override readonly name = "LineCutOffError";
}

export class ByteReader {
  readonly #hash = createHash("sha256");
  readonly #parts: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();

  constructor(parts: AsyncIterable<Uint8Array>) {
    this.#parts = parts[Symbol.asyncIterator]();
  }

  /** Without its newline; null at the end. Throws a `LineCutOffError`. */
  async line(): Promise<Uint8Array | null> {
    for (let searched = 0;;) {
      const end = this.#rest.indexOf(newline, searched);
      if (end >= 0) return this.#cut(end + 1).subarray(0, end);
      searched = this.#rest.length;
      if (searched > lineBytesMax) throw new LineCutOffError("is longer than any line");
      if (await this.#more()) continue;
      if (this.#rest.length === 0) return null;
      throw new LineCutOffError("is cut off");
    }
  }

  /** Null where there are not as many bytes left. */
  async take(bytes: number): Promise<Uint8Array | null> {
    while (this.#rest.length < bytes) if (!await this.#more()) return null;
    return this.#cut(bytes);
  }

  /** Reads to the end; gives how many bytes there were. */
  async drain(): Promise<number> {
    let bytes = 0;
    do {
      bytes += this.#rest.length;
      this.#rest = new Uint8Array();
    } while (await this.#more());
    return bytes;
  }

  /** In hex, of all that was read; to be asked once, at the end. */
  sha256(): string {
    return this.#hash.digest("hex");
  }

  async close(): Promise<void> {
    await this.#parts.return?.();
  }

  #cut(bytes: number): Uint8Array {
    const piece = this.#rest.subarray(0, bytes);
    this.#rest = this.#rest.subarray(bytes);
    return piece;
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#parts.next();
    if (done) return false;
    this.#hash.update(value);
    if (this.#rest.length === 0) this.#rest = value;
    else {
      const joined = new Uint8Array(this.#rest.length + value.length);
      joined.set(this.#rest);
      joined.set(value, this.#rest.length);
      this.#rest = joined;
    }
    return true;
  }
}
