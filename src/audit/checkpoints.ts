/**
 * Signs checkpoints of the tree as it is, and keeps the newest outside of the store: a store that was
 * put back to an older state, or replaced, is then known at the next start.
 */
import type { NotaryProjection } from "../../projections/notary.ts";
import type { NotaryKeys } from "./notary_keys.ts";
import { isSameHash, NoteError, parseCheckpoint, rootAt, signCheckpoint } from "./tlog/mod.ts";

const keepIntervalMs = 1_000;

/** Where the newest checkpoint is kept outside of the store. */
export interface CheckpointPlace {
  /** What a person calls it. */
  readonly name: string;
  read(): Promise<string | null>;
  /** Replaces what is there, wholly or not at all. */
  write(note: string): Promise<void>;
}

/** The store is older than a checkpoint that was made of it, or another one. */
export class OlderStoreError extends Error {
  override readonly name = "OlderStoreError";
}

export interface CheckpointsOptions {
  readonly keys: Pick<NotaryKeys<unknown>, "origin" | "currentKey" | "signed">;
  readonly place?: CheckpointPlace | undefined;
  model(): NotaryProjection;
}

export class Checkpoints {
  #last: { readonly size: number; readonly key: string; readonly note: string } | null = null;
  #keptSize = -1;
  #failure: unknown = null;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #keeping: Promise<void> = Promise.resolve();
  #closed = false;

  constructor(readonly options: CheckpointsOptions) {}

  /** Why the newest checkpoint could not be kept outside of the store; null: it could. */
  get failure(): unknown {
    return this.#failure;
  }

  /** The signed checkpoint of all that has been folded. */
  async current(): Promise<{ note: string; size: number }> {
    const { keys, model } = this.options;
    return await keys.signed((signer) => {
      const { size } = model();
      const key = keys.currentKey;
      if (this.#last?.size !== size || this.#last.key !== key) {
        const checkpoint = { origin: keys.origin, size, root: model().root() };
        this.#last = { size, key, note: signCheckpoint(checkpoint, signer) };
      }
      return this.#last;
    });
  }

  /** To be called when the log has been folded and nothing appended. Throws an `OlderStoreError`. */
  async checkKept(): Promise<void> {
    const { place, keys, model } = this.options;
    const note = await place?.read() ?? null;
    if (note === null) return;
    const fault = await this.#faultOf(note);
    if (fault === null) return;
    throw new OlderStoreError(
      `${
        place!.name
      } ${fault}. If the store was put back from a backup, take a newer backup; if you ` +
        `know why it is another or older one (${keys.origin}, ${model().size} events), move that ` +
        "file away and start again. Auditors who hold newer checkpoints will notice",
    );
  }

  start(): void {
    if (!this.options.place) return;
    const tick = async () => {
      await this.#keep();
      if (!this.#closed) this.#timer = setTimeout(tick, keepIntervalMs);
    };
    this.#timer = setTimeout(tick, keepIntervalMs);
  }

  /** To be called when nothing is appended any more, and all is folded. */
  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#keep();
  }

  #keep(): Promise<void> {
    this.#keeping = this.#keeping.then(async () => {
      if (!this.options.place || this.options.model().size === this.#keptSize) return;
      const { note, size } = await this.current();
      await this.options.place.write(note);
      this.#keptSize = size;
      this.#failure = null;
    }).catch((error) => {
      // Shown, and tried again.
      this.#failure = error;
    });
    return this.#keeping;
  }

  async #faultOf(note: string): Promise<string | null> {
    const { keys, model } = this.options;
    let kept;
    try {
      kept = parseCheckpoint(note);
    } catch (error) {
      if (!(error instanceof NoteError)) throw error;
      return "holds no checkpoint";
    }
    if (kept.origin !== keys.origin) return `is a checkpoint of another store, ${kept.origin}`;
    const { size } = model();
    if (kept.size > size) return `proves ${kept.size} events, and the store has ${size}`;
    const root = await rootAt(kept.size, model().hashesAt(kept.size));
    return isSameHash(root, kept.root) ? null : `proves other events than the store has`;
  }
}
