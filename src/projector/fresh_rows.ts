/**
 * The rows of a model that is folded anew and has no store for them. Of a row that does not change any
 * more its hash says enough, so that a long history takes no more memory than a short one.
 */
import { coldPrefix, type Projection } from "../../projections/projection.ts";
import { sha256Hex } from "../event_store/mod.ts";

export class FreshRows {
  /** Of rows that the model has let go of. */
  readonly #hashes = new Map<string, string>();

  constructor(readonly model: Projection) {
    model.attach?.({
      read: ([key]) => Promise.reject(new Error(`there is no store to read ${key} from`)),
    });
  }

  /** SHA-256 of the row's bytes, in hex. */
  hash(key: string): string {
    return this.#hashes.get(key) ?? sha256Hex(this.model.encodeRow(key));
  }

  /** To be called again and again; the rows for which `keeps` is true keep their bytes. */
  letGo(keeps: (key: string, hash: string) => boolean): void {
    const gone: string[] = [];
    for (const key of this.model.takeDirty()) {
      if (!key.startsWith(coldPrefix)) continue;
      const hash = this.hash(key);
      if (keeps(key, hash)) continue;
      this.#hashes.set(key, hash);
      gone.push(key);
    }
    if (gone.length > 0) this.model.stored?.(gone);
  }
}
