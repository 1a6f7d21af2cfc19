/** SHA-256 over rows: two sets of rows have the same one only when keys and bytes are the same. */
import { createHash } from "node:crypto";

export class RowsDigest {
  readonly #hash = createHash("sha256");

  /** Rows come in the order of their keys. */
  add(key: string, bytes: Uint8Array): void {
    this.#hash.update(`${JSON.stringify(key)} ${bytes.length}\n`).update(bytes);
  }

  hex(): string {
    return this.#hash.digest("hex");
  }
}
