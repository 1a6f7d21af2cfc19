/** Runs projections: fold, checkpoint, rebuild, compare. */
export { Comparer, type Comparison, type Difference, type Pacing, unpaced } from "./compare.ts";
export { FreshRows } from "./fresh_rows.ts";
export { JudgedAhead } from "./judged_ahead.ts";
export { Mounted, revisionOf } from "./mounted.ts";
export { ProjectionStoppedError, Projector } from "./projector.ts";
export { rebuild, RebuildError, type RebuildOptions, type Rebuilt, switchBack } from "./rebuild.ts";
export { replay } from "./replay.ts";
export { type Replayed, type ReplayedModel, replayModels } from "./replay_models.ts";
export {
  type Checkpoint,
  type Live,
  RowDamagedError,
  Slot,
  SlotMovedError,
  type StoredRow,
} from "./slot.ts";
