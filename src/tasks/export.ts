/**
 * `deno task export URL DIR`: takes the history of a server up to its checkpoint into a folder. The same
 * command again goes on where one was cut off, or takes what is new.
 */
import {
  ExportFolder,
  exportHistory,
  ExportRefusedError,
  HistoryServerError,
} from "../audit/mod.ts";
import { givenPath, historyClient, isWebAddress } from "./history_arguments.ts";
import { runTask, TaskError } from "./open_store.ts";

const usage = "usage: deno task export URL DIR";

await runTask(async () => {
  const [url, folder, ...others] = Deno.args;
  if (url === undefined || folder === undefined || others.length > 0 || !isWebAddress(url)) {
    throw new TaskError(usage);
  }
  try {
    const { manifest, keptCount } = await exportHistory({
      client: historyClient(url),
      folder: new ExportFolder(givenPath(folder)),
      onProgress: ({ doing, done, of }) => console.error(`${done} of ${of} ${doing}`),
    });
    const kept = keptCount === 0 ? "" : `, ${keptCount} of which were there`;
    console.log(`exported ${manifest.checkpointSize} events${kept}, to ${manifest.position}`);
    console.log(`and what the server says of ${manifest.claims.count} campaigns as of then`);
    return 0;
  } catch (error) {
    const isKnown = error instanceof HistoryServerError || error instanceof ExportRefusedError;
    if (isKnown) throw new TaskError(error.message);
    throw error;
  }
});
