/** What preparations of campaigns work with in one process. */
import type { AudienceCalculation } from "./calculation.ts";
import type { PreparationStore } from "./preparation_store.ts";
import type { Snapshots } from "./snapshots.ts";
import type { Turns } from "./turns.ts";

export interface PreparationOptions {
  readonly calculation: AudienceCalculation;
  readonly store: PreparationStore;
  readonly snapshots: Snapshots;
  readonly turns: Turns;
  /** Names this process among others. */
  readonly instance: string;
  nowMs(): number;
  newId(): string;
  /** Reads what the log has, so that audiences and facts are those of now. */
  catchUp(): Promise<void>;
  /** Tells the campaign. */
  freeze(
    campaignId: string,
    snapshot: { snapshotId: string; size: number | null; digest: string },
    preparingAtMs: number,
  ): Promise<void>;
}
