/** Opens a store: checks its format and gives the epoch of its log. */
import type { DomainEvent, StoredEvent } from "../../events/recorded_event.ts";
import { retried } from "./commit.ts";
import { keys } from "./keys.ts";
import { LogReader } from "./log_reader.ts";
import { firstEpoch, logStart } from "./position.ts";

export const storeFormat = 2;

export interface StoreMeta {
  readonly format: number;
  readonly epoch: number;
  /** Rows of an earlier format are still to be moved. */
  readonly moving?: true;
  /** Set while an import is under way, or was cut off: what there is may not be all of it. */
  readonly importing?: {
    readonly source: string;
    readonly run: string;
    /** The first event of the last row that is stored whole. */
    readonly through: string;
    /** Versionstamp of the state before this one: no two are the same. */
    readonly after: string | null;
  };
  /** The last event that came from another database; what stood beside that log did not come. */
  readonly imported?: string;
}

/** The database holds something that this version cannot read. */
export class StoreFormatError extends Error {
  override readonly name = "StoreFormatError";
}

export async function openLog(
  kv: Deno.Kv,
  upcast: (stored: StoredEvent) => DomainEvent,
): Promise<LogReader> {
  const meta = await retried(async () => {
    const entry = await kv.get<StoreMeta>(keys.meta(), { consistency: "strong" });
    if (entry.value) return entry.value;
    const first: StoreMeta = { format: storeFormat, epoch: firstEpoch };
    const created = await kv.atomic()
      .check({ key: keys.meta(), versionstamp: null })
      .set(keys.meta(), first)
      .commit();
    return created.ok ? first : (await kv.get<StoreMeta>(keys.meta())).value!;
  });
  checkMeta(meta);
  return new LogReader(kv, meta.epoch, upcast, meta.imported ?? logStart);
}

/**
 * For a copy of a database, before anything is appended to it: what is appended gets positions that the
 * original has not given. Gives the new epoch.
 */
export async function raiseEpoch(kv: Deno.Kv): Promise<number> {
  const { value: meta, versionstamp } = await retried(() => kv.get<StoreMeta>(keys.meta()));
  if (!meta) throw new StoreFormatError("the database holds no Placard store");
  checkMeta(meta);
  const epoch = meta.epoch + 1;
  // A tip is a row's of the database's own epoch, and there is none yet.
  const raised = await kv.atomic()
    .check({ key: keys.meta(), versionstamp })
    .set(keys.meta(), { ...meta, epoch })
    .delete(keys.tip())
    .commit();
  if (!raised.ok) throw new StoreFormatError("the copy is in use");
  return epoch;
}

function checkMeta({ format, moving, importing }: StoreMeta): void {
  if (format === 1 || moving) {
    throw new StoreFormatError("the store is of an earlier version; start the server on it first");
  }
  if (format !== storeFormat) {
    throw new StoreFormatError(`the store has format ${format}, this version reads ${storeFormat}`);
  }
  if (!importing) return;
  throw new StoreFormatError(
    "an import into this store was cut off or is under way: run the same deno task import again, " +
      "or take an empty database",
  );
}
