/** Which of two messages is shown first. */
import type { Delivered } from "../../projections/content_revisions.ts";
import { conditionCount } from "./trigger.ts";

export interface Ranked {
  readonly campaignId: string;
  readonly isTest: boolean;
  readonly settingsChangedAtMs: number;
  readonly delivered: Delivered;
}

/**
 * Negative where `a` is first: higher priority; then a test, then more conditions, then the latest
 * settings change, then the id.
 */
export function compareRanks(a: Ranked, b: Ranked): number {
  return b.delivered.priority - a.delivered.priority ||
    Number(b.isTest) - Number(a.isTest) ||
    conditionCount(b.delivered.trigger) - conditionCount(a.delivered.trigger) ||
    b.settingsChangedAtMs - a.settingsChangedAtMs ||
    (a.campaignId < b.campaignId ? -1 : 1);
}
