/**
 * `deno task backup FILE`: a copy of the database file that `PLACARD_KV` names, as it is at one moment;
 * servers on it go on meanwhile. To restore, stop the servers and put the copy in the file's place.
 */
import { DatabaseSync } from "node:sqlite";
import { dirname } from "node:path";
import { isUrl, kvDefault } from "../config.ts";
import { raiseEpoch } from "../event_store/mod.ts";
import { givenPath } from "./history_arguments.ts";
import { runTask, TaskError } from "./open_store.ts";

/** A writer that holds the file is waited for so long. */
const busyTimeoutMs = 30_000;

await runTask(async () => {
  const [given, ...others] = Deno.args;
  if (given === undefined || others.length > 0) throw new TaskError("usage: deno task backup FILE");
  const file = givenPath(given);
  const address = Deno.env.get("PLACARD_KV") || kvDefault;
  if (address === ":memory:") {
    throw new TaskError("PLACARD_KV is :memory:, of which there is no file");
  }
  if (isUrl(address)) {
    throw new TaskError(
      "PLACARD_KV is a KV Connect server: back it up by its own means (of denokv, its SQLite file), " +
        "or take the history alone with deno task export",
    );
  }
  if (!await exists(address)) throw new TaskError(`there is no database at ${address}`);
  if (await exists(file)) throw new TaskError(`${file} is there already; name a new file`);
  await Deno.mkdir(dirname(file), { recursive: true });
  const partial = `${file}.partial`;
  await removeAll(partial);
  try {
    copy(address, partial);
    const epoch = await raised(partial);
    settle(partial);
    await Deno.rename(partial, file);
    console.log(
      `${file} holds the store as it was; what is appended to it gets the epoch ${epoch}`,
    );
    console.log("it holds the identity register and the profiles: treat it as personal data");
    return 0;
  } finally {
    await removeAll(partial);
  }
});

/** One read of everything at one moment, which writers need not wait for. */
function copy(from: string, to: string): void {
  // Nothing else in this process opens the file: whoever closes it drops all locks of the process.
  const database = new DatabaseSync(from, { readOnly: true });
  try {
    database.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}`);
    database.prepare("VACUUM INTO ?").run(to);
  } finally {
    database.close();
  }
}

/** So that no position is given twice when the copy takes the place of a database that went on. */
async function raised(file: string): Promise<number> {
  const kv = await Deno.openKv(file);
  try {
    return await raiseEpoch(kv);
  } finally {
    kv.close();
  }
}

/** All of it is in the one file then, and on the disk. */
function settle(file: string): void {
  const database = new DatabaseSync(file);
  database.exec(`PRAGMA busy_timeout = ${busyTimeoutMs}; PRAGMA journal_mode = DELETE`);
  database.close();
  const written = Deno.openSync(file, { read: true, write: true });
  written.syncSync();
  written.close();
}

async function exists(path: string): Promise<boolean> {
  try {
    await Deno.stat(path);
    return true;
  } catch {
    return false;
  }
}

async function removeAll(path: string): Promise<void> {
  for (const suffix of ["", "-wal", "-shm", "-journal"]) {
    await Deno.remove(path + suffix).catch(() => {});
  }
}
