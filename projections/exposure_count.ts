/** Counts the records of a subject for a campaign: by walking its chain, or where it is long, without. */
import { claimLapseMs } from "../events/claim_events.ts";
import { type ExposureBlock, minuteMs } from "./exposure_block.ts";
import type { SubjectKind } from "../events/profile_events.ts";
import type { ExposureLog } from "./exposure_log.ts";

/** See `CountOptions`. */
export interface Wanted {
  readonly fromMs: number;
  readonly toMs: number;
  readonly session?: number;
  readonly max: number;
  readonly knownMs: number;
}

export const everything = { fromMs: -Infinity, toMs: Infinity } as const;

export function countIn(
  log: ExposureLog,
  campaignId: string,
  kind: SubjectKind,
  number: number,
  wanted: Wanted,
): number {
  const impressions = countImpressions(log, campaignId, kind, number, wanted);
  if (impressions >= wanted.max) return wanted.max;
  return impressions + countClaims(log, campaignId, kind, number, wanted, impressions);
}

/** It may be more than `max`. */
function countImpressions(
  log: ExposureLog,
  campaignId: string,
  kind: SubjectKind,
  number: number,
  wanted: Wanted,
): number {
  const chains = log.chains.get("impression", campaignId);
  const table = chains?.[kind];
  if (!table?.find(number)) return 0;
  const { head, length } = table;
  const { fromMs, toMs, session, knownMs, max } = wanted;
  const from = Math.ceil(fromMs / minuteMs);
  const to = Math.ceil(toMs / minuteMs);
  let all: number | undefined;
  if (session === undefined && from === -Infinity && to === Infinity) all = length;
  else {
    const busy = chains!.busy(kind, number);
    all = session === undefined ? busy?.between(from, to) : busy?.ofSession(session, from, to);
  }
  const earliestMs = fromMs - log.chains.aheadMsMax;
  let counted = 0;
  for (let id = head; id !== 0;) {
    const block = log.chains.blockOf(id)!;
    const index = id - block.firstId;
    const recordedMs = block.recordedMs(index);
    const isKnown = recordedMs <= knownMs;
    // All are counted: those that were not known yet are taken off.
    if (recordedMs < earliestMs || (all !== undefined && isKnown)) break;
    if (isKnown === (all === undefined) && isWanted(block, index, from, to, session)) {
      if (++counted >= max && all === undefined) break;
    }
    id = log.chains.before(kind, block, id);
  }
  return all === undefined ? counted : all - counted;
}

function isWanted(
  block: ExposureBlock,
  index: number,
  from: number,
  to: number,
  session: number | undefined,
): boolean {
  if (session !== undefined && block.session[index] !== session) return false;
  const minute = block.minute(index);
  return minute >= from && minute < to;
}

/** Those that were open; they are counted by when they were recorded. */
function countClaims(
  log: ExposureLog,
  campaignId: string,
  kind: SubjectKind,
  number: number,
  { fromMs, toMs, session, knownMs, max }: Wanted,
  before: number,
): number {
  const table = log.chains.get("claim", campaignId)?.[kind];
  if (!table?.find(number)) return 0;
  const earliestMs = Math.max(fromMs, knownMs - claimLapseMs);
  let counted = 0;
  for (let id = table.head; id !== 0 && before + counted < max;) {
    const block = log.chains.blockOf(id)!;
    const index = id - block.firstId;
    const atMs = block.recordedMs(index);
    if (atMs < earliestMs) break;
    id = log.chains.before(kind, block, id);
    if (atMs >= toMs || (session !== undefined && block.session[index] !== session)) continue;
    if (log.isOpen(block, index, knownMs)) counted++;
  }
  return counted;
}
