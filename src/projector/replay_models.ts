/**
 * Folds the log into fresh models, beside the live ones and without touching them, and compares the
 * rows of the live slots with what the log gives.
 */
import { type Projection, readsBodiesOf } from "../../projections/projection.ts";
import type { RecordedEvent } from "../../events/recorded_event.ts";
import { cursorAtStart, keys, type LogReader, retried, RowsDigest } from "../event_store/mod.ts";
import { Comparer, type Comparison, type Pacing } from "./compare.ts";
import { FreshRows } from "./fresh_rows.ts";
import { JudgedAhead } from "./judged_ahead.ts";
import { revisionOf } from "./mounted.ts";
import { replay } from "./replay.ts";
import { type Live, Slot } from "./slot.ts";

/** Events between two calls of `onProgress`. */
const progressEvery = 10_000;
/** Behind every position. */
const endOfAll = "\uffff";

export interface ReplayOptions {
  readonly kv: Deno.Kv;
  readonly reader: LogReader;
  readonly creates: readonly (() => Projection)[];
  /** The last position that is folded; default: the log's end at the call. */
  readonly until?: string;
  readonly pacing?: Pacing;
  onProgress?(progress: { events: number; position: string }): void;
}

export interface ReplayedModel {
  readonly name: string;
  readonly rowCount: number;
  /** SHA-256 over the keys of all rows, in their order, and the SHA-256 of each. */
  readonly digest: string;
  /** Null where nothing was compared: `note` or `fault` says why. */
  readonly comparison: Comparison | null;
  readonly note?: string;
  /** Why the model or its live rows are broken. */
  readonly fault?: string;
}

export interface Replayed {
  readonly eventCount: number;
  /** Of the last event folded. */
  readonly position: string;
  readonly models: readonly ReplayedModel[];
}

interface Folding {
  readonly rows: FreshRows;
  readonly comparer: Comparer | null;
  readonly note?: string;
  fault?: string;
}

/** Throws `LogDamagedError` where the log cannot be read. */
export async function replayModels(options: ReplayOptions): Promise<Replayed> {
  const { kv, reader, creates, until = endOfAll, pacing } = options;
  const all: Folding[] = [];
  for (const create of creates) all.push(await folding(kv, reader, create(), until, pacing));
  const { eventCount, position } = await foldAll(all, options);
  const models: ReplayedModel[] = [];
  // A model that is done with makes room for the next one's rows.
  for (let one = all.shift(); one; one = all.shift()) models.push(await finished(one, pacing));
  return { eventCount, position, models };
}

async function foldAll(
  all: readonly Folding[],
  { reader, until = endOfAll, pacing, onProgress }: ReplayOptions,
): Promise<{ eventCount: number; position: string }> {
  let eventCount = 0, position = cursorAtStart.position;
  const wantsBody = (type: string) => all.some(({ rows }) => readsBodiesOf(rows.model, type));
  using judgedAhead = new JudgedAhead();
  const log = replay(reader, cursorAtStart, wantsBody);
  // Where others are to go on meanwhile, they need the other cores.
  for await (const { events } of pacing ? log : judgedAhead.over(log)) {
    for (const recorded of events) {
      if (recorded.position > until) return { eventCount, position };
      for (const one of all) await fold(one, recorded);
      position = recorded.position;
      if (++eventCount % progressEvery === 0) onProgress?.({ events: eventCount, position });
    }
    for (const one of all) letGo(one);
    if (pacing?.isDue) await pacing.rest();
  }
  return { eventCount, position };
}

async function fold(one: Folding, recorded: RecordedEvent): Promise<void> {
  const { rows, comparer } = one;
  if (one.fault !== undefined) return;
  const comparing = comparer?.before(recorded, rows);
  if (comparing) await comparing;
  try {
    rows.model.fold(recorded);
  } catch (error) {
    one.fault = `${rows.model.name} cannot fold ${recorded.position}: ${error}`;
  }
}

/** What differs from the stored row is kept, so that it can be told where. */
function letGo({ rows, comparer, fault }: Folding): void {
  if (fault === undefined) rows.letGo((key, hash) => comparer?.differs(key, hash) ?? false);
}

async function finished(one: Folding, pacing?: Pacing): Promise<ReplayedModel> {
  const { rows, comparer, note, fault } = one;
  const { model } = rows;
  const rowKeys = [...model.rowKeys()].sort();
  const said = {
    ...(note === undefined ? {} : { note }),
    ...(fault === undefined ? {} : { fault }),
  };
  const digest = new RowsDigest();
  for (const key of rowKeys) {
    if (fault !== undefined) break;
    digest.add(key, rows.hash(key));
    if (pacing?.isDue) await pacing.rest();
  }
  const comparison = fault === undefined && comparer ? await comparer.finish(rows) : null;
  return {
    name: model.name,
    rowCount: rowKeys.length,
    digest: digest.hex(),
    comparison,
    ...said,
  };
}

async function folding(
  kv: Deno.Kv,
  reader: LogReader,
  model: Projection,
  until: string,
  pacing?: Pacing,
): Promise<Folding> {
  const rows = new FreshRows(model);
  const nothing = (note: string) => ({ rows, comparer: null, note });
  const live = await retried(() => kv.get<Live>(keys.live(model.name), { consistency: "strong" }));
  if (!live.value) return nothing(`${model.name} has no rows yet`);
  const { slot } = live.value;
  if (revisionOf(slot) !== model.revision) {
    return nothing(`${model.name} was made by other code (${slot}) and is not compared`);
  }
  const comparer = await Comparer.of(new Slot(kv, model.name, slot), pacing);
  if (!comparer) {
    return { rows, comparer, fault: `${model.name} has no checkpoint in its live slot ${slot}` };
  }
  const { position, hash } = comparer.checkpoint;
  if (hash !== "" && await retried(() => reader.hashAt(position)) !== hash) {
    const fault = `the checkpoint of ${model.name} stands at ${position}, which is another log's`;
    return { rows, comparer: null, fault };
  }
  if (comparer.lastPlace > until) {
    return nothing(`${model.name} is not compared: its live rows stand at ${comparer.lastPlace}`);
  }
  return { rows, comparer };
}
