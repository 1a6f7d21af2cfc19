/**
 * `deno task import DIR [--since CHECKPOINT_FILE] [--key KEY_FILE]`: verifies an export and takes its
 * history into the empty database that `PLACARD_KV` names. An import that was cut off is gone on with by
 * the same command.
 */
import { dirname } from "node:path";
import {
  ExportFaultError,
  ExportFolder,
  importExport,
  SourceUnreadableError,
} from "../audit/mod.ts";
import { isUrl, kvDefault } from "../config.ts";
import { ImportRefusedError, retried, StoreUnavailableError } from "../event_store/mod.ts";
import { givenPath, historyArguments } from "./history_arguments.ts";
import { runTask, TaskError } from "./open_store.ts";

const usage = "usage: deno task import DIR [--since CHECKPOINT_FILE] [--key KEY_FILE]";

await runTask(async () => {
  const { place, ...kept } = await historyArguments(Deno.args, usage);
  const address = Deno.env.get("PLACARD_KV") || kvDefault;
  if (address === ":memory:") {
    throw new TaskError("PLACARD_KV is :memory:, which is gone with this task");
  }
  if (!isUrl(address)) await Deno.mkdir(dirname(address), { recursive: true });
  const kv = await retried(() => Deno.openKv(address));
  try {
    const done = await importExport({
      kv,
      files: new ExportFolder(givenPath(place)),
      ...kept,
      nowMs: Date.now,
      newId: () => crypto.randomUUID().replaceAll("-", ""),
      onProgress: ({ doing, events, of }) => console.error(`${doing} ${events} of ${of} events`),
    });
    console.log(`imported ${done.eventCount} events in ${done.rowCount} commits`);
    console.log(`the last is at ${done.position}; new ones get the epoch ${done.epoch}`);
    if (kept.key === undefined) {
      console.log("whose history it is was not checked: give a key that you have kept with --key");
    }
    console.log("identities are not part of it: numbers go on above the highest in the log");
    return 0;
  } catch (error) {
    const isKnown = error instanceof ExportFaultError || error instanceof ImportRefusedError ||
      error instanceof SourceUnreadableError;
    if (isKnown) throw new TaskError(error.message);
    if (error instanceof StoreUnavailableError) {
      throw new TaskError(
        `the database cannot be written (${
          (error.cause as Error).message
        }); what is there holds: ` +
          "see to the disk or the store, and run the same command again",
      );
    }
    throw error;
  } finally {
    kv.close();
  }
});
