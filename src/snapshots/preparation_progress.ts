/** How a preparation stands, as an operator sees it. */
import type { PreparationRow } from "./preparation_store.ts";
import type { SnapshotHead } from "./snapshots.ts";

export const preparationStates = ["waiting", "calculating", "retrying", "frozen"] as const;
export type PreparationState = (typeof preparationStates)[number];

export interface PreparationProgress {
  readonly state: PreparationState;
  /** Subjects looked at, of how many, and members found. */
  readonly scanned: number;
  readonly total: number;
  readonly matched: number;
  /** Tries so far, the one under way included. */
  readonly attempts: number;
  /** Why the last try failed, until the next one is under way. */
  readonly error?: string;
}

/** Of one that another instance works on, or nobody. */
export function storedProgress(row: PreparationRow | null): PreparationProgress {
  const failures = row?.failures ?? 0;
  if (row?.error !== null && row?.owner === null) {
    return { ...countsOf(row), state: "retrying", attempts: failures, error: row.error };
  }
  if (!row || row.owner === null) return { ...countsOf(row), state: "waiting", attempts: failures };
  return { ...countsOf(row), state: "calculating", attempts: failures + 1 };
}

/** `head` is null where nothing was calculated. */
export function frozenProgress(head: SnapshotHead | null): PreparationProgress {
  const { scanned = 0, matched = 0, attempts = 0 } = head ?? {};
  return { state: "frozen", scanned, total: scanned, matched, attempts };
}

export function countsOf(
  row: PreparationRow | null,
): Pick<PreparationProgress, "scanned" | "total" | "matched"> {
  return { scanned: row?.scanned ?? 0, total: row?.total ?? 0, matched: row?.matched ?? 0 };
}
