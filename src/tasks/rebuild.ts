/**
 * `deno task rebuild NAME [--back] [--dry-run]`: folds a read model anew from the whole log beside the
 * live one, compares the two and switches. `--back` switches to the rows before, `--dry-run` only
 * compares. Servers on the same store may go on meanwhile.
 */
import { upcast } from "../../events/upcast.ts";
import { LogDamagedError, openLog } from "../event_store/mod.ts";
import { mountedModels } from "../placard.ts";
import { rebuild, RebuildError, switchBack } from "../projector/mod.ts";
import { openStore, runTask, TaskError } from "./open_store.ts";

const usage = "usage: deno task rebuild NAME [--back] [--dry-run]";

await runTask(async () => {
  const { name, back, dryRun } = argumentsOf(Deno.args);
  const kv = await openStore();
  try {
    const models = Object.values(mountedModels(kv));
    const mounted = models.find((one) => one.name === name);
    if (!mounted) {
      const names = models.map((one) => one.name).join(", ");
      throw new TaskError(`there is no read model ${name}; there are ${names}`);
    }
    if (back) {
      const live = await switchBack(kv, name);
      console.log(`${name}: slot ${live.slot} is live again, instead of ${live.previous}`);
    } else {
      const differences = await rebuildOne(kv, mounted.create, dryRun);
      if (dryRun) return differences === 0 ? 0 : 1;
    }
    if (!mounted.options.exchangeable) {
      console.log(`${name}: a running server takes this over when it is started again`);
    }
    return 0;
  } catch (error) {
    const known = error instanceof RebuildError || error instanceof LogDamagedError;
    if (known) throw new TaskError(error.message);
    throw error;
  } finally {
    kv.close();
  }
});

async function rebuildOne(
  kv: Deno.Kv,
  create: Parameters<typeof rebuild>[0]["create"],
  dryRun: boolean,
): Promise<number> {
  const done = await rebuild({
    kv,
    reader: await openLog(kv, upcast),
    create,
    dryRun,
    onProgress: ({ events, position }) => console.log(`folded ${events} events, to ${position}`),
  });
  const { projection, comparison, live } = done;
  console.log(
    `${projection}: ${done.eventCount} events to ${done.position} give ${done.rowCount} rows`,
  );
  if (comparison) {
    const { rowCount, aheadCount, differenceCount, differences, position } = comparison;
    const ahead = aheadCount === 0 ? "" : `, ${aheadCount} of them ahead of it`;
    console.log(`compared with ${rowCount} live rows at ${position}${ahead}`);
    console.log(differenceCount === 0 ? "no differences" : `${differenceCount} differences`);
    for (const { key, fault, detail } of differences) console.log(`  ${key} ${fault}: ${detail}`);
  } else console.log("nothing to compare with: there are no live rows of this code");
  if (live) {
    const before = live.previous === null ? "" : `, ${live.previous} is kept for --back`;
    console.log(`slot ${live.slot} is live${before}`);
  }
  return comparison?.differenceCount ?? 0;
}

function argumentsOf(given: readonly string[]): { name: string; back: boolean; dryRun: boolean } {
  const names = given.filter((one) => !one.startsWith("--"));
  const options = given.filter((one) => one.startsWith("--"));
  const unknown = options.find((one) => one !== "--back" && one !== "--dry-run");
  if (unknown !== undefined) throw new TaskError(`there is no option ${unknown}; ${usage}`);
  if (names.length !== 1) throw new TaskError(usage);
  const back = options.includes("--back");
  const dryRun = options.includes("--dry-run");
  if (back && dryRun) throw new TaskError(`take one of --back and --dry-run; ${usage}`);
  return { name: names[0]!, back, dryRun };
}
