/**
 * A store of format 1 has the identity register under longer keys, which is written under the keys of
 * today before anything else is done. The format is raised before the first row moves, so an earlier
 * version does not open a store in which some have moved; each commit checks that nobody else has gone
 * on meanwhile, so any number of processes may do it together, or end in the middle.
 */
import { retried } from "./commit.ts";
import { keys } from "./keys.ts";
import { storeFormat, type StoreMeta } from "./store.ts";

/** With the rows before and after, their keys are far below what a commit takes. */
const rowsPerCommitDefault = 250;

/** Makes a store of an earlier format one of this. */
export async function raiseStoreFormat(
  kv: Deno.Kv,
  rowsPerCommit = rowsPerCommitDefault,
): Promise<void> {
  while (await retried(() => moveSome(kv, rowsPerCommit)));
}

/** Whether there may be more to do. May be run again after a throw. */
async function moveSome(kv: Deno.Kv, rowsPerCommit: number): Promise<boolean> {
  const entry = await kv.get<StoreMeta>(keys.meta(), { consistency: "strong" });
  const meta = entry.value;
  if (!meta || (meta.format !== 1 && !meta.moving)) return false;
  const { moving: _, ...rest } = meta;
  const raised: StoreMeta = { ...rest, format: storeFormat };
  const operation = kv.atomic().check(entry);
  if (meta.format === 1) {
    await operation.set(keys.meta(), { ...raised, moving: true }).commit();
    return true;
  }
  const rows = await Array.fromAsync(
    kv.list<number>({ prefix: keys.formerIdentityPrefix() }, {
      limit: rowsPerCommit,
      consistency: "strong",
    }),
  );
  operation.set(keys.meta(), rows.length > 0 ? meta : raised);
  for (const { key, value } of rows) {
    const [, , kind, id] = key as string[];
    operation.delete(key).set(keys.identityNumber(kind as "device" | "user", id!), value);
  }
  await operation.commit();
  return true;
}
