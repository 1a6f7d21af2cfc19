/**
 * What one device and user were shown of some campaigns and asked not to be shown, as it was known at
 * one instant, found by looking at the events of the log up to it. It keeps some
 * hundred bytes for each of their impressions.
 */
import { type ClaimEvent, claimsStreamPrefix } from "../events/claim_events.ts";
import { type DecodedChunk, digestBytes } from "../events/interaction_chunk.ts";
import type { SubjectKind } from "../events/profile_events.ts";
import type { RecordedEvent } from "../events/recorded_event.ts";
import { RecentClaims } from "./exposure_claims.ts";
import { type Hide } from "./exposure_hides.ts";
import { minuteMs } from "./exposure_segment.ts";
import { type CountOptions, everything, type ExposureView } from "./exposure_view.ts";
import { hideChoiceOf, hideCode, impressionCode } from "./exposures.ts";
import { chunkOf } from "./recorded_chunk.ts";
import type { LoggedItem, RepeatedIds } from "./repeated_ids.ts";

export interface ScannedSubject {
  /** 0 for none. */
  readonly device: number;
  readonly user: number;
}

export class ExposureScan implements ExposureView {
  readonly #campaigns: ReadonlyMap<string, Found>;
  readonly #claims = new RecentClaims();
  /** The items that count if their ids are new. */
  readonly items: LoggedItem[] = [];

  constructor(
    campaignIds: Iterable<string>,
    readonly subject: ScannedSubject,
    /** Of those of a scan before: which repeat an id. */
    readonly repeated?: RepeatedIds,
  ) {
    this.#campaigns = new Map([...campaignIds].map((id) => [id, new Found()]));
  }

  /** Takes the next event up to the instant. */
  fold(recorded: RecordedEvent): void {
    this.#claims.forget(recorded.timeMs);
    const { type } = recorded.event;
    if (type === "claim_granted" && recorded.stream.startsWith(claimsStreamPrefix)) {
      const { data } = recorded.event as ClaimEvent;
      const { device, user } = this.subject;
      if (data.device !== device && (user === 0 || data.user !== user)) return;
      this.#claims.add(recorded.stream.slice(claimsStreamPrefix.length), recorded.timeMs, data);
    } else if (type === "interactions_recorded") this.#foldChunk(recorded, chunkOf(recorded));
  }

  count(campaignId: string, kind: SubjectKind, number: number, options: CountOptions): number {
    const counted = this.#found(campaignId, kind, number)?.count(kind, options) ?? 0;
    const open = this.#claims.countOpen(campaignId, kind, number, options);
    return Math.min(options.max, counted + open);
  }

  total(
    campaignId: string,
    kind: SubjectKind,
    number: number,
    knownMs: number,
    max: number,
  ): number {
    return this.count(campaignId, kind, number, { ...everything, knownMs, max });
  }

  hides(campaignId: string, kind: SubjectKind, number: number): readonly Hide[] {
    const latest = this.#found(campaignId, kind, number)?.hides[kind] ?? [];
    return [...latest].map(([choice, atMs]) => ({ atMs, for: choice }))
      .sort((a, b) => b.atMs - a.atMs);
  }

  #note({ position, timeMs }: RecordedEvent, { digests }: DecodedChunk, index: number): void {
    const digest = digests.slice(index * digestBytes, (index + 1) * digestBytes);
    this.items.push({ position, recordedMs: timeMs, index, digest });
  }

  #found(campaignId: string, kind: SubjectKind, number: number): Found | undefined {
    return this.subject[kind] === number ? this.#campaigns.get(campaignId) : undefined;
  }

  #foldChunk(recorded: RecordedEvent, chunk: DecodedChunk): void {
    const { device, user } = this.subject;
    const found = chunk.campaigns.map((id) => this.#campaigns.get(id));
    const repeats = this.repeated?.at(recorded.position);
    if (found.every((one) => one === undefined)) return;
    for (let index = 0; index < chunk.count; index++) {
      const isDevice = chunk.device[index] === device;
      const isUser = user !== 0 && chunk.user[index] === user;
      // Another one's impression may be the one that makes a claim good.
      if (!isDevice && !isUser && chunk.claim[index] === 0) continue;
      const of = found[chunk.campaign[index]! - 1];
      if (!of || repeats?.has(index)) continue;
      const kind = chunk.kind[index]!;
      const claim = chunk.claims[chunk.claim[index]! - 1];
      const isOfClaim = claim !== undefined && this.#claims.find(claim) !== undefined;
      if (!isDevice && !isUser && !isOfClaim) continue;
      this.#note(recorded, chunk, index);
      if (kind === impressionCode) {
        if (isDevice || isUser) of.add(chunk, index, isDevice, isUser);
        if (!isOfClaim) continue;
        this.#claims.use(claim, chunk.campaigns[chunk.campaign[index]! - 1]!, recorded.timeMs);
      } else if (kind === hideCode) {
        if (isDevice) of.hide("device", chunk, index);
        if (isUser) of.hide("user", chunk, index);
      }
    }
  }
}

/** What was found of one campaign. */
class Found {
  readonly hides: Record<SubjectKind, Map<Hide["for"], number>> = {
    device: new Map(),
    user: new Map(),
  };
  readonly #minutes: number[] = [];
  readonly #sessions: number[] = [];
  /** Of the device: 1, of the user: 2, of both: 3. */
  readonly #whose: number[] = [];

  add(chunk: DecodedChunk, index: number, isDevice: boolean, isUser: boolean): void {
    this.#minutes.push(Math.floor(chunk.occurredAtMs[index]! / minuteMs));
    this.#sessions.push(chunk.session[index]!);
    this.#whose.push((isDevice ? 1 : 0) + (isUser ? 2 : 0));
  }

  hide(kind: SubjectKind, chunk: DecodedChunk, index: number): void {
    const atMs = chunk.occurredAtMs[index]!;
    const choice = hideChoiceOf(chunk, index);
    if (atMs > (this.hides[kind].get(choice) ?? -Infinity)) this.hides[kind].set(choice, atMs);
  }

  count(kind: SubjectKind, { fromMs, toMs, session, max }: CountOptions): number {
    const from = Math.ceil(fromMs / minuteMs);
    const to = Math.ceil(toMs / minuteMs);
    const bit = kind === "device" ? 1 : 2;
    let counted = 0;
    for (let at = 0; at < this.#minutes.length && counted < max; at++) {
      if ((this.#whose[at]! & bit) === 0) continue;
      if (session !== undefined && this.#sessions[at] !== session) continue;
      const minute = this.#minutes[at]!;
      if (minute >= from && minute < to) counted++;
    }
    return counted;
  }
}
