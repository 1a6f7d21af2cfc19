/**
 * Which events are conversions of which campaigns: those within a window after a click on the campaign
 * by the same device. It is a part of the KPI read model, by the same verdict on repeated ids. Whatever
 * order clicks and events arrive in, the counts are the same: they follow from what is known of each
 * device, and a day is closed when nothing more can arrive for it.
 */
import {
  type CampaignEvent,
  campaignEventSchemas,
  campaignStreamPrefix,
} from "../events/campaign_events.ts";
import { type DecodedChunk, interactionKinds } from "../events/interaction_chunk.ts";
import type { RecordedEvent } from "../events/recorded_event.ts";
import { ClickMatching } from "./click_matching.ts";
import type { ConversionBlock } from "./conversion_block.ts";
import { ConversionCampaign, quarterMs } from "./conversion_campaign.ts";
import { OpenChunk } from "./conversion_chunk.ts";
import {
  clickPrefix,
  closedKey,
  dayKey,
  eventPrefix,
  parseKey,
  settingKey,
} from "./conversion_keys.ts";
import { blockRecordsMax, ConversionLog, dayMs, dayOf } from "./conversion_log.ts";
import { AskedConversions, type ProvisionalConversion } from "./conversion_query.ts";
import { kpiEventsOf } from "./conversion_settings.ts";
import { WaitingRecords } from "./conversion_waiting.ts";
import { DeviceHeads } from "./device_heads.ts";

export class Conversions {
  readonly #clicks: ConversionLog;
  readonly #events: ConversionLog;
  readonly #matching: ClickMatching;
  readonly #campaigns = new Map<string, ConversionCampaign>();
  /** Names that campaigns count, with the position of the edit that was the first to list it. */
  readonly #listed = new Map<string, string>();
  /** Events that an edit to come may still apply to, because they are dated ahead of the log. */
  readonly #waiting = new WaitingRecords();
  /** What happened before is judged: no edit to come applies to it. */
  #settledMs = -Infinity;
  /** Of the last event folded. */
  #day: number | null = null;
  /** Days before are closed. */
  #closedBefore = -Infinity;
  #isLinked = true;
  /** How far that has come. */
  #linking: Iterator<void> | null = null;

  constructor(
    private readonly noteDirty: (rowKey: string) => void = () => {},
    blockRecords = blockRecordsMax,
  ) {
    const heads = new DeviceHeads();
    this.#clicks = new ConversionLog(clickPrefix, heads, 0, noteDirty, blockRecords);
    this.#events = new ConversionLog(eventPrefix, heads, 1, noteDirty, blockRecords);
    this.#matching = new ClickMatching(this.#clicks, this.#events, (id) => this.#campaign(id));
  }

  /**
   * To be called for every event of the log, first. After rows were loaded it should be called for the
   * checkpoint's event too: until then nothing is settled, and queries take long.
   */
  advance(recordedMs: number): void {
    const settledMs = Math.floor(recordedMs / settleEveryMs) * settleEveryMs;
    if (settledMs <= this.#settledMs) return;
    this.#settledMs = settledMs;
    if (this.#isLinked) this.#settle();
    const day = dayOf(recordedMs);
    if (day !== this.#day) this.#beginDay(day);
  }

  /** Takes an event of any stream. */
  fold(recorded: RecordedEvent): void {
    const { event, stream, position, timeMs } = recorded;
    if (!stream.startsWith(campaignStreamPrefix) || !(event.type in campaignEventSchemas)) return;
    const kpiEvents = kpiEventsOf(event as CampaignEvent);
    if (kpiEvents === null) return;
    const campaign = this.#campaign(stream.slice(campaignStreamPrefix.length));
    const number = campaign.settings.add(position, timeMs, kpiEvents);
    if (number === null) return;
    this.#noteNames(campaign);
    this.noteDirty(settingKey(campaign.id, number));
  }

  /** Takes items of a chunk whose ids are new; those that are neither click nor event are left out. */
  foldItems(recorded: RecordedEvent, chunk: DecodedChunk, items: Uint32Array): void {
    const open = new OpenChunk(recorded, chunk);
    const { kind } = chunk;
    for (const index of items) {
      if (kind[index] === clickCode) this.#recordClick(open, index);
      else if (kind[index] === eventCode) this.#recordEvent(open, index);
    }
  }

  /** What the campaigns count as conversions, as it would be if nothing more were recorded. */
  ask(campaignIds?: Iterable<string>): AskedConversions {
    this.#link();
    const campaigns =
      (campaignIds
        ? [...new Set(campaignIds)].flatMap((id) => this.#campaigns.get(id) ?? [])
        : [...this.#campaigns.values()])
        .filter(({ settings }) => settings.count > 0);
    return new AskedConversions(campaigns, this.#provisional(new Set(campaigns)));
  }

  /** Does in small steps what else the first question would wait for. */
  *warm(): Iterable<void> {
    while (!this.#isLinked) yield this.#linkStep();
  }

  encodeRow(key: string): Uint8Array {
    const log = this.#logOf(key);
    if (log) return log.encodeRow(key);
    if (key === closedKey) return new TextEncoder().encode(String(this.#closedBefore));
    const [campaignId, number, part] = parseKey(key);
    const campaign = this.#campaigns.get(campaignId);
    if (!campaign) throw new RangeError(`there is no row ${key}`);
    return part === undefined
      ? campaign.settings.encode(number)
      : campaign.encodePart(number, part);
  }

  loadRow(key: string, bytes: Uint8Array): void {
    this.#isLinked = false;
    const log = this.#logOf(key);
    if (log || key === closedKey) {
      // Either says that the days before are closed and stored.
      const day = log ? log.loadRow(key, bytes) : Number(new TextDecoder().decode(bytes));
      this.#closedBefore = Math.max(this.#closedBefore, day ?? -Infinity);
      return;
    }
    const [campaignId, number, part] = parseKey(key);
    const campaign = this.#campaign(campaignId);
    if (part !== undefined) return campaign.loadPart(number, part, bytes);
    campaign.settings.load(bytes);
    this.#noteNames(campaign);
  }

  *rowKeys(): Iterable<string> {
    yield* this.#clicks.rowKeys();
    yield* this.#events.rowKeys();
    if (this.#closedBefore !== -Infinity) yield closedKey;
    for (const campaign of this.#campaigns.values()) {
      const { id, settings } = campaign;
      for (let number = 0; number < settings.count; number++) {
        yield settingKey(id, number);
      }
      for (const { day, part } of campaign.parts()) yield dayKey(id, day, part);
    }
  }

  #recordClick({ chunk, clicks }: OpenChunk, index: number): void {
    if (chunk.campaign[index] === 0) return;
    this.#link();
    const campaignId = chunk.campaigns[chunk.campaign[index]! - 1]!;
    const device = chunk.device[index]!;
    const occurredAtMs = chunk.occurredAtMs[index]!;
    const id = this.#matching.addClick(clicks, index, device, campaignId, occurredAtMs);
    if (id === 0) return;
    const campaign = this.#campaign(campaignId);
    const openFromMs = this.#closedBefore * dayMs;
    this.#matching.visitEventsOf(id, openFromMs, this.#settledMs, (name, atMs) => {
      campaign.add(name, Math.floor(atMs / quarterMs), device);
    });
  }

  #recordEvent(open: OpenChunk, index: number): void {
    const { chunk, events, recorded } = open;
    const nameNumber = chunk.name[index]!;
    if (nameNumber === 0) return;
    const occurredAtMs = chunk.occurredAtMs[index]!;
    const isSettled = occurredAtMs < this.#settledMs;
    // No campaign listed the name at that time, and none can come to have done so.
    if (isSettled && !open.isListed(nameNumber, this.#listed)) return;
    if (dayOf(occurredAtMs) < dayOf(recorded.timeMs) - arrivalDaysMax) return;
    this.#link();
    const device = chunk.device[index]!;
    const name = chunk.names[nameNumber - 1]!;
    const id = this.#matching.addEvent(events, index, device, name, occurredAtMs);
    if (id === 0) return;
    this.#events.seek(id);
    if (isSettled) this.#judge(this.#events.block, this.#events.index);
    else this.#waiting.add(this.#events.block, this.#events.index);
  }

  /** Counts an event for every campaign that it counts for by the clicks known so far. */
  #judge(block: ConversionBlock, index: number): void {
    const { device, name, occurredAtMs } = recordAt(block, index);
    if (!this.#listed.has(name) || dayOf(occurredAtMs) < this.#closedBefore) return;
    const quarter = Math.floor(occurredAtMs / quarterMs);
    for (const campaign of this.#matching.campaignsOf(device, name, occurredAtMs)) {
      campaign.add(name, quarter, device);
    }
  }

  #settle(): void {
    this.#waiting.takeBefore(this.#settledMs, (block, index) => this.#judge(block, index));
  }

  #provisional(campaigns: ReadonlySet<ConversionCampaign>): ProvisionalConversion[] {
    const provisional: ProvisionalConversion[] = [];
    if (campaigns.size === 0) return provisional;
    this.#waiting.visit((block, index) => {
      const { device, name, occurredAtMs } = recordAt(block, index);
      if (!this.#listed.has(name) || dayOf(occurredAtMs) < this.#closedBefore) return;
      const quarter = Math.floor(occurredAtMs / quarterMs);
      for (const campaign of this.#matching.campaignsOf(device, name, occurredAtMs)) {
        if (campaigns.has(campaign)) provisional.push({ campaign, name, quarter, device });
      }
    });
    return provisional;
  }

  #beginDay(day: number): void {
    // Nothing is forgotten while it is being linked.
    if (this.#linking) this.#link();
    this.#day = day;
    const arrivesFrom = day - arrivalDaysMax;
    this.#closeBefore(arrivesFrom);
    // What is recorded on a day may be dated some minutes into the next.
    this.#events.forgetBefore(arrivesFrom - 1, arrivesFrom);
    this.#clicks.forgetBefore(arrivesFrom - 1 - windowDaysMax, arrivesFrom);
    this.#matching.forgetBefore((arrivesFrom - windowDaysMax) * dayMs, arrivesFrom * dayMs);
  }

  /**
   * Closes the days before. Rows are stored in the order in which they are noted: when it is stored
   * that days are closed, or that records are forgotten because of that, the days are.
   */
  #closeBefore(day: number): void {
    if (day <= this.#closedBefore) return;
    this.#link();
    this.#closedBefore = day;
    for (const campaign of this.#campaigns.values()) {
      for (const closed of campaign.closeBefore(day)) {
        for (let part = 0; part < closed.parts; part++) {
          this.noteDirty(dayKey(campaign.id, closed.day, part));
        }
      }
    }
    this.noteDirty(closedKey);
  }

  /** Rows say nothing of what is known by device and of open days: it is made of the records. */
  #link(): void {
    while (!this.#isLinked) this.#linkStep();
  }

  #linkStep(): void {
    this.#linking ??= this.#linkAll();
    if (!this.#linking.next().done) return;
    this.#linking = null;
    this.#isLinked = true;
    // Time may have gone on between the steps.
    this.#settle();
  }

  *#linkAll(): Iterator<void> {
    // After a crash some parts of days may be there that were not closed yet.
    for (const campaign of this.#campaigns.values()) campaign.openFrom(this.#closedBefore);
    yield* this.#matching.linking((block, index) => {
      if (block.occurredAtMs(index) >= this.#settledMs) this.#waiting.add(block, index);
      else this.#judge(block, index);
    });
  }

  #noteNames(campaign: ConversionCampaign): void {
    for (const [name, position] of campaign.settings.names) {
      const known = this.#listed.get(name);
      if (known === undefined || position < known) this.#listed.set(name, position);
    }
  }

  #campaign(id: string): ConversionCampaign {
    let campaign = this.#campaigns.get(id);
    if (!campaign) this.#campaigns.set(id, campaign = new ConversionCampaign(id));
    return campaign;
  }

  #logOf(key: string): ConversionLog | null {
    if (key.startsWith(clickPrefix)) return this.#clicks;
    return key.startsWith(eventPrefix) ? this.#events : null;
  }
}

function recordAt(block: ConversionBlock, index: number) {
  return {
    device: block.device(index),
    name: block.label(index),
    occurredAtMs: block.occurredAtMs(index),
  };
}

/** What waits is judged on this grid of recorded time, so that a replay judges at the same event. */
const settleEveryMs = 1_000;
/** An interaction arrives at most 7 days after it happened, and is recorded a moment later. */
const arrivalDaysMax = 8;
/** The longest window. */
const windowDaysMax = 30;
const clickCode = interactionKinds.indexOf("click");
const eventCode = interactionKinds.indexOf("event");
