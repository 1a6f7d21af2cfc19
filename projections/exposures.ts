/**
 * What each device and user was shown of each campaign, what was promised to them and what they asked
 * not to be shown. For now it is exact and in memory: records of the last two days each for itself,
 * totals of what is older, hides from the beginning. What was known earlier is for `exposure_scan.ts` to find in the log.
 * It is a part of the KPI read model, because an id that counts for nothing there counts for nothing
 * here. Late impressions count.
 */
import type { ClaimEvent } from "../events/claim_events.ts";
import { claimsStreamPrefix } from "../events/claim_events.ts";
import { type DecodedChunk, interactionKinds } from "../events/interaction_chunk.ts";
import { hideChoices } from "../events/message_action.ts";
import { type SubjectKind, subjectKinds } from "../events/profile_events.ts";
import type { RecordedEvent } from "../events/recorded_event.ts";
import type { CountRow } from "./count_row.ts";
import { type GrantedClaim, RecentClaims } from "./exposure_claims.ts";
import { ExposureDays } from "./exposure_days.ts";
import { ExposureHides, hidePrefix } from "./exposure_hides.ts";
import { type ExposureSegment, minuteMs } from "./exposure_segment.ts";
import { ExposureTotals, totalPrefix } from "./exposure_totals.ts";
import { type CountOptions, everything, type ExposureView } from "./exposure_view.ts";

export { claimLapseMs } from "../events/claim_events.ts";
export { hotDays } from "./exposure_days.ts";
export type { CountOptions, ExposureView } from "./exposure_view.ts";

export class Exposures implements ExposureView {
  readonly #totals: ExposureTotals;
  readonly #hides: ExposureHides;
  readonly #days = new ExposureDays();
  readonly #claims = new RecentClaims();

  constructor(readonly noteDirty: (rowKey: string) => void = () => {}) {
    this.#hides = new ExposureHides(noteDirty);
    this.#totals = new ExposureTotals((row: CountRow) => {
      row.isDirty = true;
      noteDirty(row.key);
    });
  }

  /** Exact for what was recorded from `hotFromMs` on, and where that is all there is. */
  count(campaignId: string, kind: SubjectKind, number: number, options: CountOptions): number {
    const { fromMs, toMs, session, max, knownMs } = options;
    const impressions = this.#days.count(campaignId, kind, number, {
      fromMinute: Math.ceil(fromMs / minuteMs),
      toMinute: Math.ceil(toMs / minuteMs),
      session,
      max,
      knownMs,
    });
    if (impressions >= max) return max;
    return Math.min(max, impressions + this.#claims.countOpen(campaignId, kind, number, options));
  }

  /** Exact for what was known from `hotFromMs` on, and of claims from `exactFromMs` on. */
  total(
    campaignId: string,
    kind: SubjectKind,
    number: number,
    knownMs: number,
    max: number,
  ): number {
    const older = this.#totals.of(campaignId, kind, number);
    if (older >= max) return max;
    const options = { ...everything, knownMs, max: max - older };
    return older + this.count(campaignId, kind, number, options);
  }

  /** All that the log has, even if it was recorded later: a hide is honoured. */
  hides(campaignId: string, kind: SubjectKind, number: number) {
    return this.#hides.of(campaignId, kind, number);
  }

  /** Each record from this instant of recorded time on is in memory. */
  get hotFromMs(): number {
    return this.#days.fromMs;
  }

  /** Whether the subject has impressions of the campaign that are not in memory each for itself. */
  hasOlder(campaignId: string, kind: SubjectKind, number: number): boolean {
    return this.#totals.of(campaignId, kind, number) > 0;
  }

  /** Whether answers for the subject are exact as of that instant; sessions apart. */
  isExactAt(campaignId: string, kind: SubjectKind, number: number, knownMs: number): boolean {
    if (knownMs < this.#claims.knownFromMs) return false;
    return this.#hides.of(campaignId, kind, number).every((hide) => hide.recordedMs <= knownMs);
  }

  /** A claim granted within the last hour of the log; undefined: there is none. */
  claim(digest: string): Omit<GrantedClaim, "usedMs"> & { readonly used: boolean } | undefined {
    const claim = this.#claims.find(digest);
    if (!claim) return undefined;
    const { usedMs, ...granted } = claim;
    return { ...granted, used: usedMs !== Infinity };
  }

  /** Changes whenever new records may change an answer for this subject; of this object only. */
  stamp(kind: SubjectKind, number: number): number {
    return this.#days.stamp(kind, number);
  }

  /** When the earliest of the subject's open claims lapses; Infinity where none is open. */
  nextLapseMs(kind: SubjectKind, number: number, nowMs: number): number {
    return this.#claims.nextLapseMs(kind, number, nowMs);
  }

  /** To be called for every event of the log, first. */
  advance(recordedMs: number, position: string): void {
    this.#claims.forget(recordedMs);
    this.#days.advance(recordedMs, (segment, beforeMs) => {
      this.#totals.catchUp(position);
      const gone = segment.letGo(beforeMs);
      for (const kind of subjectKinds) {
        for (let campaign = 1; campaign < gone[kind].length; campaign++) {
          const numbers = gone[kind][campaign]!;
          if (numbers.length === 0) continue;
          this.#totals.campaign(kind, segment.campaignIds[campaign]!).add(numbers);
        }
      }
    });
  }

  /** Instead, before `recall`: by the recorded time of the event that the rows stand at. */
  begin(recordedMs: number): void {
    this.#claims.forget(recordedMs);
    this.#days.advance(recordedMs, () => {});
  }

  /** Takes items of a chunk whose ids are new; those that are no exposure are left out. */
  foldItems(recorded: RecordedEvent, chunk: DecodedChunk, items: Uint32Array): void {
    const open = this.#opened(recorded, chunk, items.length);
    const { kind, campaign } = chunk;
    for (const index of items) {
      if (campaign[index] === 0) continue;
      if (kind[index] === impressionCode) open.impressions[open.count++] = index;
      else if (kind[index] === hideCode) this.#recordHide(open, index);
    }
    if (open.count > 0) this.#remember(open);
  }

  foldClaim(recorded: RecordedEvent<ClaimEvent>): void {
    const { stream, timeMs, event: { data } } = recorded;
    this.#claims.add(stream.slice(claimsStreamPrefix.length), timeMs, data);
    this.#days.open(timeMs, 0, 1)?.touch(data.device, data.user);
  }

  /**
   * Sees an event of the last days again at a start, for what is in memory only: the items of a chunk
   * whose ids were new, or a claim.
   */
  recall(recorded: RecordedEvent, chunk: DecodedChunk | null, items: Uint32Array | null): void {
    if (!chunk) return this.foldClaim(recorded as RecordedEvent<ClaimEvent>);
    const open = this.#opened(recorded, chunk, items!.length);
    if (!open.segment) return;
    const { kind, campaign } = chunk;
    for (const index of items!) {
      if (kind[index] !== impressionCode || campaign[index] === 0) continue;
      open.impressions[open.count++] = index;
    }
    this.#remember(open);
  }

  encodeRow(key: string): Uint8Array {
    if (key.startsWith(hidePrefix)) return this.#hides.encode(key);
    const row = this.#totals.row(key);
    row.isDirty = false;
    return row.encode();
  }

  loadRow(key: string, bytes: Uint8Array, through: string): void {
    if (key.startsWith(hidePrefix)) this.#hides.load(key, bytes, through);
    else if (key.startsWith(totalPrefix)) this.#totals.load(key, bytes, through);
    else throw new RangeError(`there is no row ${key}`);
  }

  *rowKeys(): Iterable<string> {
    yield* this.#totals.rowKeys();
    yield* this.#hides.rowKeys();
  }

  #opened(recorded: RecordedEvent, chunk: DecodedChunk, itemsMax: number): OpenChunk {
    const segment = this.#days.open(recorded.timeMs, chunk.campaigns.length, 2 * chunk.count);
    return { recorded, chunk, segment, impressions: new Uint32Array(itemsMax), count: 0 };
  }

  /** Each impression for itself. */
  #remember({ recorded, chunk, segment, impressions, count }: OpenChunk): void {
    if (!segment) return;
    const numbers = [0, ...chunk.campaigns.map((id) => segment.campaignNumber(id))];
    segment.addAll(chunk, impressions, count, numbers);
    let latestMs = 0;
    for (let nth = 0; nth < count; nth++) {
      const index = impressions[nth]!;
      latestMs = Math.max(latestMs, chunk.occurredAtMs[index]!);
      if (chunk.claim[index]! !== 0) this.#useClaim(recorded, chunk, segment, index);
    }
    this.#days.noteAhead(latestMs + minuteMs - recorded.timeMs);
  }

  #recordHide({ recorded, chunk, segment }: OpenChunk, index: number): void {
    const campaignId = chunk.campaigns[chunk.campaign[index]! - 1]!;
    const device = chunk.device[index]!;
    const user = chunk.user[index]!;
    const hide = {
      for: hideChoiceOf(chunk, index),
      atMs: chunk.occurredAtMs[index]!,
      recordedMs: recorded.timeMs,
    };
    this.#hides.add(campaignId, "device", device, hide, recorded.position);
    if (user !== 0) this.#hides.add(campaignId, "user", user, hide, recorded.position);
    segment?.touch(device, user);
  }

  #useClaim(
    recorded: RecordedEvent,
    chunk: DecodedChunk,
    segment: ExposureSegment,
    index: number,
  ): void {
    const digest = chunk.claims[chunk.claim[index]! - 1]!;
    const campaignId = chunk.campaigns[chunk.campaign[index]! - 1]!;
    const claim = this.#claims.use(digest, campaignId, recorded.timeMs);
    if (claim) segment.touch(claim.device, claim.user);
  }
}

interface OpenChunk {
  readonly recorded: RecordedEvent;
  readonly chunk: DecodedChunk;
  readonly segment: ExposureSegment | undefined;
  /** The first so many are those of its impressions that count. */
  readonly impressions: Uint32Array;
  count: number;
}

export const rowPrefix = "exposure/";
export const impressionCode = interactionKinds.indexOf("impression");
export const hideCode = interactionKinds.indexOf("hide");

/** A hide that does not say for how long is for today. */
export function hideChoiceOf(chunk: DecodedChunk, index: number): (typeof hideChoices)[number] {
  const name = chunk.names[chunk.name[index]! - 1];
  return hideChoices.find((choice) => choice === name) ?? hideChoices[0];
}
