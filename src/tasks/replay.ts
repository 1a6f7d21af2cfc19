/**
 * `deno task replay [--until POSITION] [--projection NAME]`: folds the log into fresh read models,
 * changes nothing, and compares row by row with the live ones. Exit code 0 when all that was compared
 * is the same. Up to a position the live rows can be compared only where they stand before it; the
 * digests of two replays to one position are the same.
 */
import { parseArgs } from "node:util";
import { upcast } from "../../events/upcast.ts";
import { LogDamagedError, openLog, parsePosition } from "../event_store/mod.ts";
import { mountedModels } from "../placard.ts";
import { type ReplayedModel, replayModels } from "../projector/mod.ts";
import { openStore, runTask, TaskError } from "./open_store.ts";

const usage = "usage: deno task replay [--until POSITION] [--projection NAME]";

await runTask(async () => {
  const { until, projection } = argumentsOf(Deno.args);
  if (until !== undefined && !parsePosition(until)) {
    throw new TaskError(`${until} is no position; take one that the server has given`);
  }
  const kv = await openStore();
  try {
    const all = Object.values(mountedModels(kv));
    const wanted = all.filter(({ name }) => projection === undefined || name === projection);
    if (wanted.length === 0) {
      const names = all.map(({ name }) => name).join(", ");
      throw new TaskError(`there is no read model ${projection}; there are ${names}`);
    }
    const { eventCount, position, models } = await replayModels({
      kv,
      reader: await openLog(kv, upcast),
      creates: wanted.map(({ create }) => create),
      ...(until === undefined ? {} : { until }),
      onProgress: ({ events, position }) =>
        console.error(`folded ${events} events, to ${position}`),
    });
    console.log(`replayed ${eventCount} events, to ${position}`);
    for (const model of models) describe(model);
    return models.every(isSame) ? 0 : 1;
  } catch (error) {
    if (error instanceof LogDamagedError) throw new TaskError(error.message);
    throw error;
  } finally {
    kv.close();
  }
});

function isSame({ comparison, fault }: ReplayedModel): boolean {
  return fault === undefined && (comparison?.differenceCount ?? 0) === 0;
}

function describe({ name, rowCount, digest, comparison, note, fault }: ReplayedModel): void {
  console.log(`${name}: ${rowCount} rows, SHA-256 ${digest}`);
  if (note !== undefined) console.log(`  note: ${note}`);
  if (fault !== undefined) console.log(`  fault: ${fault}`);
  if (!comparison) return;
  const { differenceCount, differences, position } = comparison;
  const found = differenceCount === 0 ? "no differences" : `${differenceCount} differences`;
  console.log(`  ${found} in ${comparison.rowCount} live rows at ${position}`);
  for (const { key, fault, detail } of differences) console.log(`  ${key} ${fault}: ${detail}`);
}

function argumentsOf(args: string[]): { until?: string; projection?: string } {
  try {
    const options = { until: { type: "string" }, projection: { type: "string" } } as const;
    return parseArgs({ args, options, strict: true }).values;
  } catch (error) {
    throw new TaskError(`${(error as Error).message}; ${usage}`);
  }
}
