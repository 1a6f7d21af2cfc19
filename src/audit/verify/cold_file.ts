/** Rows that a model need not keep, in a file that is thrown away with the check. */
import type { ColdStore } from "./recomputed.ts";

export class ColdFile implements ColdStore {
  readonly #places = new Map<string, { readonly at: number; readonly length: number }>();
  #end = 0;

  /** Reads and writes the file, which must be empty. */
  constructor(readonly file: Deno.FsFile) {}

  write(rows: readonly { readonly key: string; readonly bytes: Uint8Array }[]): void {
    this.file.seekSync(this.#end, Deno.SeekMode.Start);
    for (const { key, bytes } of rows) {
      for (let done = 0; done < bytes.length;) done += this.file.writeSync(bytes.subarray(done));
      this.#places.set(key, { at: this.#end, length: bytes.length });
      this.#end += bytes.length;
    }
  }

  read(keys: readonly string[]): Promise<Map<string, Uint8Array>> {
    const rows = keys.map((key): [string, Uint8Array] => [key, this.#read(key)]);
    return Promise.resolve(new Map(rows));
  }

  #read(key: string): Uint8Array {
    const place = this.#places.get(key);
    if (!place) throw new RangeError(`there is no row ${key}`);
    const bytes = new Uint8Array(place.length);
    this.file.seekSync(place.at, Deno.SeekMode.Start);
    for (let done = 0; done < bytes.length;) {
      const count = this.file.readSync(bytes.subarray(done));
      if (count === null) throw new RangeError(`row ${key} is cut off`);
      done += count;
    }
    return bytes;
  }
}
