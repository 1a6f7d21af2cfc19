/** Opens a store: checks its format and gives the epoch of its log. */
import type { DomainEvent, StoredEvent } from "../../events/recorded_event.ts";
import { retried } from "./commit.ts";
import { keys } from "./keys.ts";
import { LogReader } from "./log_reader.ts";

const storeFormat = 1;

interface StoreMeta {
  readonly format: number;
  readonly epoch: number;
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
    const first: StoreMeta = { format: storeFormat, epoch: 1 };
    const created = await kv.atomic()
      .check({ key: keys.meta(), versionstamp: null })
      .set(keys.meta(), first)
      .commit();
    return created.ok ? first : (await kv.get<StoreMeta>(keys.meta())).value!;
  });
  if (meta.format !== storeFormat) {
    throw new StoreFormatError(
      `the store has format ${meta.format}, this version reads ${storeFormat}`,
    );
  }
  return new LogReader(kv, meta.epoch, upcast);
}
