/** SHA-256 over rows: two sets of rows have the same one only when keys and bytes are the same. */
import { createHash } from "node:crypto";

export class RowsDigest {
  readonly #hash = createHash("sha256");

  /** Rows come in the order of their keys; `sha256` is that of the row's bytes, in hex. */
  add(key: string, sha256: string): void {
    this.#hash.update(`${JSON.stringify(key)} ${sha256}\n`);
  }

  hex(): string {
    return this.#hash.digest("hex");
  }
}
