/**
 * `deno task verify DIR_OR_URL [--since CHECKPOINT_FILE] [--key KEY_FILE]`: checks an export or a server's
 * history without trusting who holds it; exit code 0 when every check holds, else 1 and the faults.
 */
import {
  ColdFile,
  ExportFolder,
  FolderSource,
  HistoryServerError,
  ServerSource,
  SourceUnreadableError,
  verifyHistory,
  type VerifyReport,
} from "../audit/mod.ts";
import { givenPath, historyArguments, historyClient, isWebAddress } from "./history_arguments.ts";
import { runTask, TaskError } from "./open_store.ts";

const usage = "usage: deno task verify DIR_OR_URL [--since CHECKPOINT_FILE] [--key KEY_FILE]";
const faultsShownMax = 20;

await runTask(async () => {
  const { place, ...trust } = await historyArguments(Deno.args, usage);
  const coldPath = await Deno.makeTempFile();
  const coldFile = await Deno.open(coldPath, { read: true, write: true });
  try {
    const report = await verifyHistory({
      source: await sourceOf(place),
      ...trust,
      cold: new ColdFile(coldFile),
      onProgress: ({ events, of }) => console.error(`checked ${events} of ${of} events`),
    });
    show(report);
    return report.faultCount === 0 ? 0 : 1;
  } catch (error) {
    const isKnown = error instanceof HistoryServerError || error instanceof SourceUnreadableError;
    if (isKnown) throw new TaskError(`fault: ${error.message}`);
    throw error;
  } finally {
    coldFile.close();
    await Deno.remove(coldPath);
  }
});

async function sourceOf(place: string) {
  if (isWebAddress(place)) return new ServerSource(historyClient(place));
  return await FolderSource.open(new ExportFolder(givenPath(place)));
}

function show({ checkpoint, counts, notes, faults, faultCount }: VerifyReport): void {
  if (checkpoint) {
    const { origin, size, root } = checkpoint;
    console.log(`log ${origin}, ${size} events, root ${root.toBase64()}`);
  }
  const looked = Object.entries(counts).map(([what, count]) => `${count} ${what}`);
  console.log(`checked ${looked.join(", ")}`);
  for (const note of notes) console.log(`note: ${note}`);
  for (const fault of faults.slice(0, faultsShownMax)) console.log(`fault: ${fault}`);
  if (faultCount > faultsShownMax) console.log(`and ${faultCount - faultsShownMax} more`);
  console.log(faultCount === 0 ? "every check holds" : `${faultCount} faults`);
}
