/** Opens the store that `PLACARD_KV` names, for a task. It must be there already. */
import { kvDefault } from "../config.ts";
import { keys, retried, StoreFormatError } from "../event_store/mod.ts";

/** What the caller of a task has to put right; said in one line. */
export class TaskError extends Error {
  override readonly name = "TaskError";
}

export async function openStore(): Promise<Deno.Kv> {
  const address = Deno.env.get("PLACARD_KV") || kvDefault;
  if (address === ":memory:") {
    throw new TaskError("PLACARD_KV is :memory:, which no other process can open");
  }
  if (!/^https?:/.test(address) && !await isFile(address)) {
    throw new TaskError(`there is no database at ${address}; set PLACARD_KV to its path`);
  }
  const kv = await retried(() => Deno.openKv(address));
  const meta = await retried(() => kv.get(keys.meta()));
  if (meta.value !== null) return kv;
  kv.close();
  throw new TaskError(`the database at ${address} holds no Placard store`);
}

/** Runs a task and ends the process with its exit code. */
export async function runTask(task: () => Promise<number>): Promise<never> {
  try {
    Deno.exit(await task());
  } catch (error) {
    const isKnown = error instanceof TaskError || error instanceof StoreFormatError;
    console.error(isKnown ? error.message : error);
    Deno.exit(1);
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await Deno.stat(path)).isFile;
  } catch {
    return false;
  }
}
