/**
 * Writes the rows of another database's log into one that holds none, under their old epochs and
 * versionstamps, and raises the epoch above them: what is appended afterwards comes after them, first of
 * all where they came from, and no position is given twice. Until it is finished the store says so, and
 * nobody opens it; the same import can be begun again and goes on where it was. Each commit checks and
 * moves the import's state, so two of them cannot mix.
 */
import { retried } from "./commit.ts";
import { keys } from "./keys.ts";
import {
  commitBytesMax,
  commitKeyBytesMax,
  commitMutationsMax,
  keyBytes,
  valueBytesMax,
} from "./limits.ts";
import { type EncodedEvent, encodeRow } from "./log_row.ts";
import { formatPosition, logStart, parsePosition } from "./position.ts";
import { storeFormat, type StoreMeta } from "./store.ts";

/** The store cannot take the import. */
export class ImportRefusedError extends Error {
  override readonly name = "ImportRefusedError";
}

/** A row as it is to stand in the log; its events as canonical JSON. */
export interface ImportedRow {
  readonly epoch: number;
  readonly versionstamp: string;
  readonly events: readonly string[];
  readonly bodies: readonly { readonly ref: string; readonly bytes: Uint8Array }[];
}

/** What is stored with the end of an import. */
export interface ImportEnd {
  /** The highest number of each kind that the log names. */
  readonly highest: Readonly<Record<string, number>>;
  /** Of the last event that came. */
  readonly position: string;
  /** Says where they came from. */
  readonly event: EncodedEvent;
}

interface Mutation {
  readonly key: Deno.KvKey;
  readonly value: unknown;
}

/** Room for a value's own frame, and for the state that every commit writes. */
const mutationBytes = 100;
const stateBytes = 2_000;
const encoder = new TextEncoder();

export class LogImport {
  readonly #waiting: Mutation[] = [];
  #bytes = stateBytes;
  #keyBytes = stateBytes;
  #through: string;
  #epoch = 0;

  private constructor(
    readonly kv: Deno.Kv,
    readonly source: string,
    /** Tells this run of an import from another. */
    readonly run: string,
    /** The first event of the last row that an earlier run has written. */
    readonly writtenThrough: string,
    readonly mutationsMax: number,
    private versionstamp: string | null,
  ) {
    this.#through = writtenThrough;
  }

  /** `source` tells one export from another: what was begun with one is not gone on with another. */
  static async begin(
    kv: Deno.Kv,
    source: string,
    run: string,
    mutationsMax = commitMutationsMax,
  ): Promise<LogImport> {
    const { value, versionstamp } = await readMeta(kv);
    if (value && !value.importing) {
      throw new ImportRefusedError(
        "the database holds a log already; an import needs an empty one",
      );
    }
    if (value?.importing && value.importing.source !== source) {
      throw new ImportRefusedError(
        "the import of another export was begun in this database; finish that, or take an empty one",
      );
    }
    const through = value?.importing?.through ?? logStart;
    const begun = new LogImport(kv, source, run, through, mutationsMax, versionstamp);
    await begun.#commit();
    return begun;
  }

  /** Rows come in their order; those that an earlier run has written are passed over. */
  async write({ epoch, versionstamp, events, bodies }: ImportedRow): Promise<void> {
    const position = formatPosition(epoch, versionstamp, 0);
    this.#epoch = epoch;
    if (position <= this.writtenThrough) return;
    for (const { ref, bytes } of bodies) {
      for (let part = 0; part * valueBytesMax < bytes.length; part++) {
        const value = bytes.slice(part * valueBytesMax, (part + 1) * valueBytesMax);
        await this.#add({ key: keys.body(ref, part), value }, value.length);
      }
    }
    // The row comes last: with it everything that it names is there.
    const value = encoder.encode(
      `{"commitId":${JSON.stringify(importedCommitId(epoch, versionstamp))},` +
        `"events":[${events.join(",")}]}`,
    );
    await this.#add({ key: keys.log(epoch, versionstamp), value }, value.length);
    this.#through = position;
  }

  /** Gives the epoch of what follows. */
  async finish(end: ImportEnd): Promise<number> {
    await this.#commit();
    const epoch = this.#epoch + 1;
    if (parsePosition(formatPosition(epoch, "0".repeat(20), 0)) === null) {
      throw new ImportRefusedError("there are no epochs left");
    }
    await this.#commit((operation) => {
      for (const [kind, number] of Object.entries(end.highest)) {
        operation.set(keys.identityCounter(kind), number);
      }
      // The first row of the new epoch, as a writer would have appended it.
      const key = [...keys.logPrefix(epoch), this.kv.commitVersionstamp()];
      operation.set(key as unknown as Deno.KvKey, encodeRow(this.run, [end.event]));
      operation.set(keys.tip(), this.run);
      return { format: storeFormat, epoch, imported: end.position };
    });
    return epoch;
  }

  async #add(mutation: Mutation, valueBytes: number): Promise<void> {
    const ownKeyBytes = keyBytes(mutation.key);
    const bytes = valueBytes + ownKeyBytes + mutationBytes;
    const isFull = this.#waiting.length >= this.mutationsMax - 1 ||
      this.#bytes + bytes > commitBytesMax || this.#keyBytes + ownKeyBytes > commitKeyBytesMax;
    if (isFull) await this.#commit();
    this.#waiting.push(mutation);
    this.#bytes += bytes;
    this.#keyBytes += ownKeyBytes;
  }

  /** What waits, and `last`, which gives the new state; without it the import is under way. */
  async #commit(last?: (operation: Deno.AtomicOperation) => StoreMeta): Promise<void> {
    const { source, run } = this;
    const importing = { source, run, through: this.#through, after: this.versionstamp };
    const underWay: StoreMeta = { format: storeFormat, epoch: 0, importing };
    const outcome = await retried(async () => {
      const operation = this.kv.atomic()
        .check({ key: keys.meta(), versionstamp: this.versionstamp });
      const next = last?.(operation) ?? underWay;
      operation.set(keys.meta(), next);
      for (const { key, value } of this.#waiting) operation.set(key, value);
      const result = await operation.commit();
      if (result.ok) return result.versionstamp;
      // Stored though its reply was lost, or somebody else was there.
      const now = await readMeta(this.kv);
      return JSON.stringify(now.value) === JSON.stringify(next) ? now.versionstamp : null;
    });
    if (outcome === null) throw new ImportRefusedError("another import is under way here");
    this.versionstamp = outcome;
    this.#waiting.length = 0;
    this.#bytes = stateBytes;
    this.#keyBytes = stateBytes;
  }
}

/** A line of an export does not name its commit: the row gets an id of its own, always the same. */
export function importedCommitId(epoch: number, versionstamp: string): string {
  return `imported-${formatPosition(epoch, versionstamp, 0).slice(0, -5)}`;
}

async function readMeta(kv: Deno.Kv) {
  const entry = await retried(() => kv.get<StoreMeta>(keys.meta(), { consistency: "strong" }));
  if (entry.value && entry.value.format !== storeFormat) {
    throw new ImportRefusedError(`the store has format ${entry.value.format}`);
  }
  return entry;
}
