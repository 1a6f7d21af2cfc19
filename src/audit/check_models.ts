/** Checks the read models: a fresh fold of the whole log gives the stored rows at their checkpoint. */
import type { Projection } from "../../projections/projection.ts";
import {
  cursorAtStart,
  keys,
  LogDamagedError,
  type LogReader,
  retried,
} from "../event_store/mod.ts";
import { Comparer, type Live, replay, revisionOf, Slot } from "../projector/mod.ts";
import type { Findings } from "./findings.ts";

interface Checked {
  readonly model: Projection;
  readonly comparer: Comparer;
  failed: boolean;
}

export async function checkModels(
  kv: Deno.Kv,
  reader: LogReader,
  creates: readonly (() => Projection)[],
  findings: Findings,
): Promise<void> {
  const all: Checked[] = [];
  for (const create of creates) {
    const model = create();
    const comparer = await comparerOf(kv, reader, model, findings);
    if (comparer) all.push({ model, comparer, failed: false });
  }
  try {
    for await (const row of replay(reader, cursorAtStart)) {
      for (const recorded of row.events) {
        for (const one of all) {
          if (one.failed) continue;
          one.comparer.before(recorded, one.model);
          try {
            one.model.fold(recorded);
          } catch (error) {
            one.failed = true;
            findings.fault(`${one.model.name} cannot fold ${recorded.position}: ${error}`);
          }
        }
      }
    }
  } catch (error) {
    if (!(error instanceof LogDamagedError)) throw error;
    findings.note(`the read models are not compared, because the log is damaged: ${error.message}`);
    return;
  }
  for (const { model, comparer, failed } of all) {
    if (failed) continue;
    const { rowCount, differenceCount, differences } = await comparer.finish(model);
    findings.count("read model rows", rowCount);
    for (const { key, fault, detail } of differences) {
      findings.fault(`row ${key} of ${model.name}: ${fault}, ${detail}`);
    }
    const more = differenceCount - differences.length;
    if (more > 0) findings.fault(`${more} more rows of ${model.name} differ`);
  }
}

async function comparerOf(
  kv: Deno.Kv,
  reader: LogReader,
  model: Projection,
  findings: Findings,
): Promise<Comparer | null> {
  const live = await retried(() => kv.get<Live>(keys.live(model.name), { consistency: "strong" }));
  if (!live.value) {
    findings.note(`${model.name} has no rows yet`);
    return null;
  }
  const { slot } = live.value;
  if (revisionOf(slot) !== model.revision) {
    findings.note(`${model.name} was made by other code (${slot}) and is not compared`);
    return null;
  }
  findings.count("read models");
  const comparer = await Comparer.of(new Slot(kv, model.name, slot));
  if (!comparer) {
    findings.fault(`${model.name} has no checkpoint in its live slot ${slot}`);
    return null;
  }
  const { position, hash } = comparer.checkpoint;
  const there = hash === "" || await retried(() => reader.hashAt(position)) === hash;
  if (there) return comparer;
  findings.fault(`the checkpoint of ${model.name} stands at ${position}, which is another log's`);
  return null;
}
