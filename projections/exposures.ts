/**
 * What each device and user was shown of each campaign, what was promised to them and what they asked
 * not to be shown: exact, for now and as it was known at any past instant. It is a part of the KPI read
 * model, because an id that counts for nothing there counts for nothing here. Late impressions count.
 */
import type { ClaimEvent } from "../events/claim_events.ts";
import { claimsStreamPrefix } from "../events/claim_events.ts";
import { type DecodedChunk, interactionKinds } from "../events/interaction_chunk.ts";
import { hideChoices } from "../events/message_action.ts";
import type { RecordedEvent } from "../events/recorded_event.ts";
import { ExposureBlock, minuteMs } from "./exposure_block.ts";
import type { SubjectKind } from "../events/profile_events.ts";
import type { RecordChains } from "./exposure_chains.ts";
import { countIn, everything } from "./exposure_count.ts";
import { blockRecordsMin, ExposureLog, type GrantedClaim } from "./exposure_log.ts";

export { claimLapseMs } from "../events/claim_events.ts";
export type { GrantedClaim } from "./exposure_log.ts";

export type HideChoice = (typeof hideChoices)[number];

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

export class Exposures {
  readonly #log: ExposureLog;
  #chunk: ChunkPlace | null = null;

  /** A block of records ends with the event that brings it to `blockRecords`. */
  constructor(
    private readonly noteDirty: (rowKey: string) => void = () => {},
    blockRecords = blockRecordsMin,
  ) {
    this.#log = new ExposureLog(blockRecords);
  }

  /** Impressions and open claims of a subject for a campaign. */
  count(campaignId: string, kind: SubjectKind, number: number, options: CountOptions): number {
    this.#log.linkAll();
    return countIn(this.#log, campaignId, kind, number, options);
  }

  /** All there are: at once for now, for the past as long as it takes to go back there. */
  total(
    campaignId: string,
    kind: SubjectKind,
    number: number,
    knownMs: number,
    max: number,
  ): number {
    return this.count(campaignId, kind, number, { ...everything, max, knownMs });
  }

  /** Of each choice the latest one: the others are over before it. The latest first. */
  hides(
    campaignId: string,
    kind: SubjectKind,
    number: number,
    knownMs: number,
  ): readonly { readonly atMs: number; readonly for: HideChoice }[] {
    this.#log.linkAll();
    const { chains } = this.#log;
    const table = chains.get("hide", campaignId)?.[kind];
    if (!table?.find(number)) return none;
    const latestMs = new Map<HideChoice, number>();
    for (let id = table.head; id !== 0;) {
      const block = chains.blockOf(id)!;
      const index = id - block.firstId;
      id = chains.before(kind, block, id);
      if (block.recordedMs(index) > knownMs) continue;
      const detail = block.session[index]!;
      const choice = hideChoices[detail & 3]!;
      const atMs = block.minute(index) * minuteMs + (detail >>> 2);
      if (atMs > (latestMs.get(choice) ?? -Infinity)) latestMs.set(choice, atMs);
    }
    return [...latestMs].map(([choice, atMs]) => ({ atMs, for: choice }))
      .sort((left, right) => right.atMs - left.atMs);
  }

  /** A claim granted within the last hour of the log; undefined: there is none. */
  claim(digest: string): GrantedClaim | undefined {
    this.#log.linkAll();
    const id = this.#log.recent.find(digest);
    return id === undefined ? undefined : this.#log.claim(id);
  }

  /** Changes whenever new records may change an answer for this subject; of this object only. */
  stamp(kind: SubjectKind, number: number): number {
    this.#log.linkAll();
    return this.#log.stamps.of(kind, number);
  }

  /** When the earliest of the subject's open claims lapses; Infinity where none is open. */
  nextLapseMs(kind: SubjectKind, number: number, nowMs: number): number {
    this.#log.linkAll();
    return this.#log.nextLapseMs(kind, number, nowMs);
  }

  /** To be called for every event of the log, first. */
  advance(recordedMs: number): void {
    this.#log.advance(recordedMs);
  }

  /** `record` is then for items of this chunk. */
  openChunk(recorded: RecordedEvent, chunk: DecodedChunk): void {
    this.#chunk = new ChunkPlace(recorded, chunk);
  }

  /** Takes an item whose id is new; those that are no exposure are left out. */
  record(index: number): void {
    const { recorded, chunk, groups, chains, recordedMinute } = this.#chunk!;
    const kind = chunk.kind[index]!;
    const campaign = chunk.campaign[index]!;
    if ((kind !== impressionCode && kind !== hideCode) || campaign === 0) return;
    const block = this.#block(recorded);
    if (!block) return;
    const isImpression = kind === impressionCode;
    const slot = campaign * 2 + (isImpression ? 0 : 1);
    if (groups[slot] === undefined) {
      const campaignId = chunk.campaigns[campaign - 1]!;
      const group = block.groupNumber(isImpression ? "impression" : "hide", campaignId);
      groups[slot] = group;
      chains[slot] = this.#log.chains.ofGroup(block, group);
    }
    const occurredAtMs = chunk.occurredAtMs[index]!;
    const minute = Math.floor(occurredAtMs / minuteMs);
    const at = block.add(
      chunk.device[index]!,
      chunk.user[index]!,
      groups[slot],
      recordedMinute - minute,
      recorded.timeMs,
      isImpression ? chunk.session[index]! : hideDetail(chunk, index, occurredAtMs),
    );
    this.#log.link(block, at, chains[slot]!, isImpression);
    if (isImpression && chunk.claim[index]! !== 0) this.#useClaim(chunk, index, block, at);
  }

  foldClaim(recorded: RecordedEvent<ClaimEvent>): void {
    const { data } = recorded.event;
    this.#chunk = null;
    const block = this.#log.open(recorded.position, recorded.timeMs);
    if (!block) return;
    this.noteDirty(rowKey(block));
    const campaignId = recorded.stream.slice(claimsStreamPrefix.length);
    const group = block.groupNumber("claim", campaignId);
    const { device, user, session, claim } = data;
    const at = block.addClaim(device, user, group, recorded.timeMs, session, claim);
    this.#log.link(block, at, this.#log.chains.ofGroup(block, group), false);
    this.#log.remember(block, at, claim);
  }

  encodeRow(key: string): Uint8Array {
    const block = this.#log.get(numberOf(key));
    if (!block) throw new RangeError(`there is no row ${key}`);
    return block.encode();
  }

  /** A block knows its last event, so it does not matter how far it was folded without a record. */
  loadRow(key: string, bytes: Uint8Array): void {
    this.#log.load(ExposureBlock.decode(numberOf(key), bytes));
  }

  *rowKeys(): Iterable<string> {
    for (const block of this.#log.blocks) yield rowKey(block);
  }

  /** Looked up when the first record of the chunk needs it. */
  #block(recorded: RecordedEvent): ExposureBlock | null {
    const place = this.#chunk!;
    if (place.block === undefined) {
      place.block = this.#log.open(recorded.position, recorded.timeMs);
      if (place.block) this.noteDirty(rowKey(place.block));
    }
    return place.block;
  }

  #useClaim(chunk: DecodedChunk, index: number, block: ExposureBlock, at: number): void {
    const claimId = this.#log.recent.find(chunk.claims[chunk.claim[index]! - 1]!);
    if (claimId === undefined) return;
    if (this.#log.claim(claimId).campaignId !== chunk.campaigns[chunk.campaign[index]! - 1]) return;
    if (this.#log.use(claimId, block.firstId + at)) block.uses.push(at, claimId);
  }
}

/** Where the records of a chunk go, and their groups by campaign and kind. */
class ChunkPlace {
  block: ExposureBlock | null | undefined;
  readonly groups: number[] = [];
  readonly chains: RecordChains[] = [];
  readonly recordedMinute: number;

  constructor(readonly recorded: RecordedEvent, readonly chunk: DecodedChunk) {
    this.recordedMinute = Math.floor(recorded.timeMs / minuteMs);
  }
}

export const rowPrefix = "exposure/";
const impressionCode = interactionKinds.indexOf("impression");
const hideCode = interactionKinds.indexOf("hide");
const none: readonly never[] = [];

function rowKey({ number }: ExposureBlock): string {
  return rowPrefix + String(number).padStart(8, "0");
}

function numberOf(key: string): number {
  return Number(key.slice(rowPrefix.length));
}

/** A hide that does not say for how long is for today. */
function hideDetail(chunk: DecodedChunk, index: number, occurredAtMs: number): number {
  const name = chunk.names[chunk.name[index]! - 1];
  const choice = Math.max(0, (hideChoices as readonly (string | undefined)[]).indexOf(name));
  return (occurredAtMs % minuteMs) * 4 + choice;
}
