/** What can be asked about what single subjects were shown and asked not to be shown. */
import type { SubjectKind } from "../events/profile_events.ts";
import type { Hide } from "./exposure_hides.ts";

export interface CountOptions {
  /** From ≤ when it happened < to: whole minutes. */
  readonly fromMs: number;
  readonly toMs: number;
  /** Only records with this session key. */
  readonly session?: number;
  /** Counting stops there. */
  readonly max: number;
  /** Only what was recorded at or before this instant, and claims that were open then. */
  readonly knownMs: number;
}

export const everything = { fromMs: -Infinity, toMs: Infinity } as const;

export interface ExposureView {
  /** Impressions and open claims of a subject for a campaign. */
  count(campaignId: string, kind: SubjectKind, number: number, options: CountOptions): number;
  /** All there are, up to `max`. */
  total(
    campaignId: string,
    kind: SubjectKind,
    number: number,
    knownMs: number,
    max: number,
  ): number;
  /** Of each choice the latest one: the others are over before it. The latest first. */
  hides(campaignId: string, kind: SubjectKind, number: number): readonly Hide[];
}
