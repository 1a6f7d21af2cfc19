/**
 * The newest impressions in the order of the log: 24 bytes each, and a chain through those of each
 * device and user, over all campaigns. A record without a campaign stands for something else that
 * happened to the subject. The oldest are let go while newer ones come; what led to them leads nowhere.
 */
import type { DecodedChunk } from "../events/interaction_chunk.ts";
import { type SubjectKind, subjectKinds } from "../events/profile_events.ts";
import { BusySubject } from "./busy_chain.ts";
import { RecordedInstants } from "./recorded_instants.ts";

export const minuteMs = 60_000;
/**
 * Of the minute in which a record happened 16 bits are kept, which tell 45 days apart: two for which it
 * is kept, one that its clock may have been ahead, and the days that it came late.
 */
const minuteBits = 0xffff;
const aheadMinutesMax = 24 * 60;
const lateMinutesMax = 40 * 24 * 60;

/** Words of a record. The last one is `minute << 16 | campaign`. */
const recordWords = 6;
const beforeOf = { device: 0, user: 1 } as const;
const numberOf = { device: 2, user: 3 } as const;
const sessionWord = 4;
const lastWord = 5;
const pageShift = 12;
const pageMask = (1 << pageShift) - 1;
/** About 3 MB: what an hour of three million impressions a day fills. */
const freePagesMax = 32;
const headsAtFirst = 1_024;
const headsGrowth = 1.5;
const campaignsMax = 0xffff;
const recordsMax = 0xffff_ffff;
const campaignMask = 0xffff;
/** A chain longer than this is counted without walking it again. */
const walkedMax = 256;

const firstItem = Uint32Array.of(0);
const noPage = new Uint32Array(0);

/** Which records of a segment are meant. */
export interface Wanted {
  /** Number of the campaign in the segment. */
  readonly campaign: number;
  /** From ≤ minute < to, counted from the epoch. */
  readonly fromMinute: number;
  readonly toMinute: number;
  readonly session: number | undefined;
  /** None of those before it is. */
  readonly fromRecord: number;
  /** Nor this one and those after it. */
  readonly toRecord: number;
  /** Counting stops there. */
  readonly max: number;
}

export class ExposureSegment {
  /** Records; their numbers begin at 1. */
  count = 0;
  /** Records before this one have been let go. */
  first = 1;
  /** By number; there is no campaign 0. */
  readonly campaignIds: string[] = [""];
  /** In which its last event was recorded. */
  #lastMinute = 0;
  readonly #pages: Uint32Array[] = [];
  /** Pages whose records have been let go: they are written again. */
  readonly #freePages: Uint32Array[] = [];
  /** By number the newest record. One piece, because that is asked for most. */
  readonly #heads: Record<SubjectKind, Uint32Array> = {
    device: new Uint32Array(headsAtFirst),
    user: new Uint32Array(headsAtFirst),
  };
  readonly #campaigns = new Map<string, number>();
  readonly #instants = new RecordedInstants();
  readonly #busy: Record<SubjectKind, Map<number, BusySubject>> = {
    device: new Map(),
    user: new Map(),
  };

  /** The numbers of its records come after `base` where they stand beside those of other segments. */
  constructor(readonly base: number) {}

  hasRoom(campaigns: number, records: number): boolean {
    return this.#campaigns.size + campaigns <= campaignsMax &&
      this.count + records <= recordsMax;
  }

  /** Whether all its records have been let go. */
  get isEmpty(): boolean {
    return this.first > this.count;
  }

  /** From 1 on. */
  campaignNumber(campaignId: string): number {
    let number = this.#campaigns.get(campaignId);
    if (number === undefined) {
      number = this.campaignIds.push(campaignId) - 1;
      if (number > campaignsMax) throw new RangeError("a chunk has too many campaigns");
      this.#campaigns.set(campaignId, number);
    }
    return number;
  }

  /** 0 for a campaign that it has nothing of. */
  knownCampaign(campaignId: string): number {
    return this.#campaigns.get(campaignId) ?? 0;
  }

  /** To be called before the records of an event. */
  begin(recordedMs: number): void {
    this.#lastMinute = Math.floor(recordedMs / minuteMs);
    this.#instants.add(recordedMs, this.count + 1);
  }

  /**
   * Adds items of a chunk: the first so many of `items`. `campaigns` has for each campaign of the chunk
   * its number here. Column by column, because memory answers faster when it is asked for one thing.
   */
  addAll(
    chunk: DecodedChunk,
    items: Uint32Array,
    count: number,
    campaigns: readonly number[],
  ): void {
    const first = this.count + 1;
    this.#grow(count);
    const { campaign, session, occurredAtMs } = chunk;
    const earliest = this.#lastMinute - lateMinutesMax;
    const latest = this.#lastMinute + aheadMinutesMax;
    this.#onPages(count, first, (page, at, from, to) => {
      for (let nth = from; nth < to; nth++, at += recordWords) {
        const item = items[nth]!;
        const minute = Math.floor(occurredAtMs[item]! / minuteMs);
        const kept = minute < earliest ? earliest : minute > latest ? latest : minute;
        page[at + sessionWord] = session[item]!;
        page[at + lastWord] = (kept << 16) | campaigns[campaign[item]!]!;
      }
    });
    this.#link("device", chunk.device, items, count, first);
    this.#link("user", chunk.user, items, count, first);
  }

  /** Something else happened to them. */
  touch(device: number, user: number): void {
    const first = this.count + 1;
    this.#grow(1);
    this.#pages[first >>> pageShift]![(first & pageMask) * recordWords + lastWord] = 0;
    this.#link("device", Uint32Array.of(device), firstItem, 1, first);
    this.#link("user", Uint32Array.of(user), firstItem, 1, first);
  }

  #grow(count: number): void {
    this.count += count;
    while (this.#pages.length <= this.count >>> pageShift) {
      this.#pages.push(this.#freePages.pop() ?? new Uint32Array((pageMask + 1) * recordWords));
    }
  }

  /** Makes records the newest of their subjects. */
  #link(
    kind: SubjectKind,
    numbers: Uint32Array,
    items: Uint32Array,
    count: number,
    first: number,
  ): void {
    let largest = 0;
    for (let nth = 0; nth < count; nth++) largest = Math.max(largest, numbers[items[nth]!]!);
    const heads = this.#headsFor(kind, largest);
    const beforeWord = beforeOf[kind];
    const numberWord = numberOf[kind];
    this.#onPages(count, first, (page, at, from, to) => {
      for (let nth = from, record = first + from; nth < to; nth++, record++, at += recordWords) {
        const number = numbers[items[nth]!]!;
        page[at + numberWord] = number;
        if (number === 0) continue;
        page[at + beforeWord] = heads[number]!;
        heads[number] = record;
      }
    });
  }

  #headsFor(kind: SubjectKind, largest: number): Uint32Array {
    const heads = this.#heads[kind];
    if (largest < heads.length) return heads;
    const larger = new Uint32Array(Math.max(largest + 1, Math.ceil(heads.length * headsGrowth)));
    larger.set(heads);
    return this.#heads[kind] = larger;
  }

  /** Gives the new records page by page: where the first one stands, and which they are. */
  #onPages(
    count: number,
    first: number,
    fill: (page: Uint32Array, at: number, from: number, to: number) => void,
  ): void {
    for (let from = 0; from < count;) {
      const place = (first + from) & pageMask;
      const to = Math.min(count, from + pageMask + 1 - place);
      fill(this.#pages[(first + from) >>> pageShift]!, place * recordWords, from, to);
      from = to;
    }
  }

  /** The newest record of the subject; 0 for none. */
  head(kind: SubjectKind, number: number): number {
    return this.#heads[kind][number] ?? 0;
  }

  /** The first record that was recorded later than the instant, or the one to come. */
  firstAfter(ms: number): number {
    return this.#instants.firstAfter(ms) ?? this.count + 1;
  }

  /** It may be more than `max`. */
  countOf(kind: SubjectKind, number: number, wanted: Wanted): number {
    const head = this.head(kind, number);
    if (head < this.first || wanted.campaign === 0) return 0;
    const busy = this.#busy[kind].get(number);
    return (busy && this.#busyCount(kind, busy, head, wanted)) ??
      this.#walk(kind, number, head, wanted);
  }

  /**
   * Lets those go that were recorded before the instant. Gives of each campaign, by its number here,
   * who they were shown to: once for each.
   */
  letGo(beforeMs: number): Record<SubjectKind, Uint32Array[]> {
    const from = this.first;
    this.first = this.firstAfter(beforeMs - 1);
    this.#instants.forget(beforeMs);
    for (const kind of subjectKinds) this.#busy[kind].clear();
    const gone = { device: this.#grouped("device", from), user: this.#grouped("user", from) };
    for (let page = from >>> pageShift; page < this.first >>> pageShift; page++) {
      if (this.#freePages.length < freePagesMax) this.#freePages.push(this.#pages[page]!);
      this.#pages[page] = noPage;
    }
    return gone;
  }

  /** The numbers of the records from there to the first that is kept, by campaign. */
  #grouped(kind: SubjectKind, from: number): Uint32Array[] {
    const numberWord = numberOf[kind];
    const counts = new Uint32Array(this.campaignIds.length);
    for (let record = from; record < this.first; record++) {
      const at = (record & pageMask) * recordWords;
      counts[this.#pages[record >>> pageShift]![at + lastWord]! & campaignMask]!++;
    }
    const groups = Array.from(counts, (count) => new Uint32Array(count));
    counts.fill(0);
    for (let record = from; record < this.first; record++) {
      const page = this.#pages[record >>> pageShift]!;
      const at = (record & pageMask) * recordWords;
      const campaign = page[at + lastWord]! & campaignMask;
      groups[campaign]![counts[campaign]!++] = page[at + numberWord]!;
    }
    return groups;
  }

  #minuteOf(lastWord: number): number {
    const latest = this.#lastMinute + aheadMinutesMax;
    return latest - ((latest - (lastWord >>> 16)) & minuteBits);
  }

  #walk(kind: SubjectKind, number: number, head: number, wanted: Wanted): number {
    const { campaign, toRecord, max, session } = wanted;
    const fromRecord = Math.max(wanted.fromRecord, this.first);
    const { fromMinute, toMinute } = wanted;
    const beforeWord = beforeOf[kind];
    let counted = 0;
    let walked = 0;
    for (let record = head; record >= fromRecord;) {
      const page = this.#pages[record >>> pageShift]!;
      const at = (record & pageMask) * recordWords;
      const last = page[at + lastWord]!;
      if ((last & campaignMask) === campaign && record < toRecord) {
        const minute = this.#minuteOf(last);
        const isWanted = minute >= fromMinute && minute < toMinute &&
          (session === undefined || page[at + sessionWord] === session);
        if (isWanted && ++counted >= max) return counted;
      }
      record = page[at + beforeWord]!;
      if (++walked === walkedMax && !this.#busy[kind].has(number)) {
        const busy = new BusySubject(this.first);
        this.#busy[kind].set(number, busy);
        const count = this.#busyCount(kind, busy, head, wanted);
        if (count !== undefined) return count;
      }
    }
    return counted;
  }

  /** Undefined where the chain has to be walked after all. */
  #busyCount(
    kind: SubjectKind,
    busy: BusySubject,
    head: number,
    wanted: Wanted,
  ): number | undefined {
    if (wanted.toRecord <= head) return undefined;
    const beforeWord = beforeOf[kind];
    for (let record = head; record > busy.through;) {
      const page = this.#pages[record >>> pageShift]!;
      const at = (record & pageMask) * recordWords;
      const last = page[at + lastWord]!;
      if ((last & campaignMask) !== 0) {
        busy.chain(last & campaignMask).add(this.#minuteOf(last), page[at + sessionWord]!);
      }
      record = page[at + beforeWord]!;
    }
    busy.through = head;
    const { session, fromMinute, toMinute } = wanted;
    const chain = busy.chain(wanted.campaign);
    return session === undefined
      ? chain.between(fromMinute, toMinute)
      : chain.ofSession(session, fromMinute, toMinute);
  }
}
