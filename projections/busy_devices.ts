/**
 * Clicks and events of devices whose chains have grown too long to be walked, in order of time, so that
 * a device that sends millions of them costs no more for each than others.
 */
import type { ConversionLog } from "./conversion_log.ts";
import { SortedTimes } from "./sorted_times.ts";

/** A chain that takes more steps is not walked again. */
export const stepsMax = 256;

export class BusyDevice {
  /** By campaign. */
  readonly clicks = new Map<string, SortedTimes>();
  /** By name. */
  readonly events = new Map<string, SortedTimes>();

  addClick(campaignId: string, occurredAtMs: number): void {
    timesOf(this.clicks, campaignId).add(occurredAtMs);
  }

  addEvent(name: string, occurredAtMs: number): void {
    timesOf(this.events, name).add(occurredAtMs);
  }
}

export class BusyDevices {
  readonly #devices = new Map<number, BusyDevice>();

  get(device: number): BusyDevice | undefined {
    return this.#devices.size === 0 ? undefined : this.#devices.get(device);
  }

  /** Takes all that is linked. */
  add(device: number, clicks: ConversionLog, events: ConversionLog): void {
    const busy = new BusyDevice();
    for (let id = clicks.head(device); clicks.seek(id); id = clicks.block.before(clicks.index)) {
      busy.addClick(clicks.block.label(clicks.index), clicks.block.occurredAtMs(clicks.index));
    }
    for (let id = events.head(device); events.seek(id); id = events.block.before(events.index)) {
      busy.addEvent(events.block.label(events.index), events.block.occurredAtMs(events.index));
    }
    this.#devices.set(device, busy);
  }

  /** Forgets clicks and events that happened before, and devices of which nothing is left. */
  forgetBefore(clickedMs: number, occurredMs: number): void {
    for (const [device, { clicks, events }] of this.#devices) {
      forgetIn(clicks, clickedMs);
      forgetIn(events, occurredMs);
      if (clicks.size === 0 && events.size === 0) this.#devices.delete(device);
    }
  }
}

function timesOf(byLabel: Map<string, SortedTimes>, label: string): SortedTimes {
  let times = byLabel.get(label);
  if (!times) byLabel.set(label, times = new SortedTimes());
  return times;
}

function forgetIn(byLabel: Map<string, SortedTimes>, beforeMs: number): void {
  for (const [label, times] of byLabel) {
    times.forgetBefore(beforeMs);
    if (times.size === 0) byLabel.delete(label);
  }
}
