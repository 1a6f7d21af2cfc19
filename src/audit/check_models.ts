/** Checks the read models: a fresh fold of the whole log gives the stored rows at their checkpoint. */
import type { Projection } from "../../projections/projection.ts";
import { LogDamagedError, type LogReader } from "../event_store/mod.ts";
import { type ReplayedModel, replayModels } from "../projector/mod.ts";
import type { Findings } from "./findings.ts";

export async function checkModels(
  kv: Deno.Kv,
  reader: LogReader,
  creates: readonly (() => Projection)[],
  findings: Findings,
): Promise<void> {
  let models: readonly ReplayedModel[];
  try {
    ({ models } = await replayModels({ kv, reader, creates, pacing: findings.pacing }));
  } catch (error) {
    if (!(error instanceof LogDamagedError)) throw error;
    findings.note(`the read models are not compared, because the log is damaged: ${error.message}`);
    return;
  }
  for (const { name, comparison, note, fault } of models) {
    if (note !== undefined) findings.note(note);
    if (fault !== undefined) findings.fault(fault);
    if (!comparison) continue;
    findings.count("read models");
    findings.count("read model rows", comparison.rowCount);
    for (const { key, fault, detail } of comparison.differences) {
      findings.fault(`row ${key} of ${name}: ${fault}, ${detail}`);
    }
    const more = comparison.differenceCount - comparison.differences.length;
    if (more > 0) findings.fault(`${more} more rows of ${name} differ`);
  }
}
