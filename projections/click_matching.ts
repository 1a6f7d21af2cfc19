/**
 * Which events come after which clicks, by device: for a new event the campaigns that it counts for,
 * for a new click the events that count because of it. So every event that counts is found once,
 * whatever comes first.
 */
import { BusyDevices, stepsMax } from "./busy_devices.ts";
import type { ConversionCampaign } from "./conversion_campaign.ts";
import type { ChunkPlace, ConversionLog, RecordVisitor } from "./conversion_log.ts";

type FoundEvent = (name: string, occurredAtMs: number) => void;

export class ClickMatching {
  readonly #busy = new BusyDevices();
  readonly #found: ConversionCampaign[] = [];

  constructor(
    readonly clicks: ConversionLog,
    readonly events: ConversionLog,
    private readonly campaign: (id: string) => ConversionCampaign,
  ) {}

  /** Gives the id of the record, 0 where it is there already. */
  addClick(place: ChunkPlace, index: number, device: number, campaignId: string, atMs: number) {
    const id = this.clicks.add(place, index, device, campaignId, atMs);
    if (id !== 0) this.#busy.get(device)?.addClick(campaignId, atMs);
    return id;
  }

  /** Gives the id of the record, 0 where it is there already. */
  addEvent(place: ChunkPlace, index: number, device: number, name: string, atMs: number) {
    const id = this.events.add(place, index, device, name, atMs);
    if (id !== 0) this.#busy.get(device)?.addEvent(name, atMs);
    return id;
  }

  /** Links all that was loaded, in steps: first the clicks, then each event, and tells of it. */
  *linking(linkedEvent: RecordVisitor): Iterable<void> {
    yield* this.clicks.linking();
    yield* this.events.linking((block, index) => {
      const busy = this.#busy.get(block.device(index));
      busy?.addEvent(block.label(index), block.occurredAtMs(index));
      linkedEvent(block, index);
    });
  }

  /** Forgets of busy devices what happened before. */
  forgetBefore(clickedMs: number, occurredMs: number): void {
    this.#busy.forgetBefore(clickedMs, occurredMs);
  }

  /** Those that the event counts for by the clicks known so far; good until the next call. */
  campaignsOf(device: number, name: string, atMs: number): readonly ConversionCampaign[] {
    const { clicks } = this;
    const found = this.#found;
    found.length = 0;
    if (this.#findInBusy(device, name, atMs)) return found;
    let steps = 0;
    for (let id = clicks.head(device); clicks.seek(id); id = clicks.block.before(clicks.index)) {
      const { block, index } = clicks;
      steps++;
      const clickedMs = block.occurredAtMs(index);
      if (clickedMs > atMs) continue;
      const campaign = this.campaign(block.label(index));
      if (found.includes(campaign)) continue;
      if (atMs < clickedMs + campaign.settings.windowMs(name, atMs)) found.push(campaign);
    }
    if (steps > stepsMax) this.#busy.add(device, clicks, this.events);
    return found;
  }

  /**
   * Events at or after `fromMs` and before `toMs` that count because of a click and of no other one
   * known so far. Of the others only the last before and the first after matter.
   */
  visitEventsOf(clickId: number, fromMs: number, toMs: number, found: FoundEvent): void {
    const { clicks, events } = this;
    clicks.seek(clickId);
    const { block, index } = clicks;
    const device = block.device(index);
    if (events.head(device) === 0) return;
    const campaignId = block.label(index);
    const campaign = this.campaign(campaignId);
    if (campaign.settings.count === 0) return;
    const clickedMs = block.occurredAtMs(index);
    if (this.#visitInBusy(device, campaign, clickedMs, fromMs, toMs, found)) return;

    let steps = 0;
    let beforeMs = -Infinity;
    let untilMs = toMs;
    for (let id = block.before(index); clicks.seek(id); id = clicks.block.before(clicks.index)) {
      steps++;
      if (clicks.block.label(clicks.index) !== campaignId) continue;
      const otherMs = clicks.block.occurredAtMs(clicks.index);
      if (otherMs > clickedMs) untilMs = Math.min(untilMs, otherMs);
      else beforeMs = Math.max(beforeMs, otherMs);
    }
    const sinceMs = Math.max(fromMs, clickedMs);
    for (let id = events.head(device); events.seek(id); id = events.block.before(events.index)) {
      steps++;
      const atMs = events.block.occurredAtMs(events.index);
      if (atMs < sinceMs || atMs >= untilMs) continue;
      const name = events.block.label(events.index);
      const windowMs = campaign.settings.windowMs(name, atMs);
      if (atMs < clickedMs + windowMs && atMs >= beforeMs + windowMs) found(name, atMs);
    }
    if (steps > stepsMax) this.#busy.add(device, clicks, events);
  }

  /** Whether the device is a busy one. */
  #findInBusy(device: number, name: string, atMs: number): boolean {
    const busy = this.#busy.get(device);
    if (!busy) return false;
    for (const [campaignId, times] of busy.clicks) {
      const campaign = this.campaign(campaignId);
      const windowMs = campaign.settings.windowMs(name, atMs);
      if (windowMs > 0 && atMs < times.last(atMs) + windowMs) this.#found.push(campaign);
    }
    return true;
  }

  /** Whether the device is a busy one. */
  #visitInBusy(
    device: number,
    campaign: ConversionCampaign,
    clickedMs: number,
    fromMs: number,
    toMs: number,
    found: FoundEvent,
  ): boolean {
    const busy = this.#busy.get(device);
    if (!busy) return false;
    const times = busy.clicks.get(campaign.id)!;
    // The click is among them already.
    const beforeMs = times.lastOther(clickedMs);
    const untilMs = Math.min(toMs, times.next(clickedMs));
    for (const listing of campaign.settings.listings()) {
      for (const [name, windowMs] of listing.windows) {
        const sinceMs = Math.max(fromMs, listing.fromMs, clickedMs, beforeMs + windowMs);
        const endMs = Math.min(untilMs, listing.toMs, clickedMs + windowMs);
        for (const atMs of busy.events.get(name)?.between(sinceMs, endMs) ?? []) found(name, atMs);
      }
    }
    return true;
  }
}
