/** `deno task fsck`: checks the store; exit code 0 when all of it agrees, else 1 and the faults. */
import { fsck } from "../audit/mod.ts";
import { mountedModels } from "../placard.ts";
import { openStore, runTask } from "./open_store.ts";

const faultsShownMax = 20;

await runTask(async () => {
  const kv = await openStore();
  try {
    const creates = Object.values(mountedModels(kv)).map(({ create }) => create);
    const { counts, faults, faultCount, notes } = await fsck(kv, creates);
    const looked = Object.entries(counts).map(([what, count]) => `${count} ${what}`);
    console.log(`checked ${looked.join(", ")}`);
    for (const note of notes) console.log(`note: ${note}`);
    for (const fault of faults.slice(0, faultsShownMax)) console.log(`fault: ${fault}`);
    if (faultCount > faultsShownMax) console.log(`and ${faultCount - faultsShownMax} more`);
    console.log(faultCount === 0 ? "no faults" : `${faultCount} faults`);
    return faultCount === 0 ? 0 : 1;
  } finally {
    kv.close();
  }
});
