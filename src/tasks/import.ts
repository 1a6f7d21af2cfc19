/**
 * `deno task import DIR`: verifies an export and takes its history into the empty database that
 * `PLACARD_KV` names. An import that was cut off is gone on with by the same command.
 */
import { dirname } from "node:path";
import {
  ExportFaultError,
  ExportFolder,
  importExport,
  SourceUnreadableError,
} from "../audit/mod.ts";
import { isUrl, kvDefault } from "../config.ts";
import { ImportRefusedError, retried } from "../event_store/mod.ts";
import { givenPath } from "./history_arguments.ts";
import { runTask, TaskError } from "./open_store.ts";

await runTask(async () => {
  const [folder, ...others] = Deno.args;
  if (folder === undefined || others.length > 0) throw new TaskError("usage: deno task import DIR");
  const address = Deno.env.get("PLACARD_KV") || kvDefault;
  if (address === ":memory:") {
    throw new TaskError("PLACARD_KV is :memory:, which is gone with this task");
  }
  if (!isUrl(address)) await Deno.mkdir(dirname(address), { recursive: true });
  const kv = await retried(() => Deno.openKv(address));
  try {
    const done = await importExport({
      kv,
      files: new ExportFolder(givenPath(folder)),
      newId: () => crypto.randomUUID(),
      onProgress: ({ doing, events, of }) => console.error(`${doing} ${events} of ${of} events`),
    });
    console.log(`imported ${done.eventCount} events in ${done.rowCount} commits`);
    console.log(`the last is at ${done.position}; new ones get the epoch ${done.epoch}`);
    console.log("identities are not part of it: numbers go on above the highest in the log");
    return 0;
  } catch (error) {
    const isKnown = error instanceof ExportFaultError || error instanceof ImportRefusedError ||
      error instanceof SourceUnreadableError;
    if (isKnown) throw new TaskError(error.message);
    throw error;
  } finally {
    kv.close();
  }
});
