/** Who is in an audience: previews, and the snapshots that campaigns are delivered by. */
export { AudienceCalculation, type Preview, type SampleMember } from "./calculation.ts";
export type { MemberSet } from "./members.ts";
export { Pacer } from "./pacer.ts";
export { type PreparationProgress, preparationStates } from "./preparation_progress.ts";
export { PreparationRunner } from "./runner.ts";
export { countShared, Reach } from "./reach.ts";
export { measuredSnapshot, type Snapshot, SnapshotDamagedError, Snapshots } from "./snapshots.ts";
