/**
 * The devices of the demo and what they report. Every report says what the demo expects to become of
 * it, decided here from the rules alone and never from an answer of the server.
 */
import { clickable, purchase, type Type } from "./campaigns.ts";
import type { Random } from "./random.ts";

export const deviceCount = 2_000;
const platforms = [
  "web",
  "web",
  "web",
  "web",
  "web",
  "android",
  "android",
  "android",
  "ios",
  "ios",
];

export interface Device {
  readonly deviceId: string;
  /** 1,500 devices have one of 1,200 users: 300 users have two devices. */
  readonly userId?: string;
  readonly platform: string;
  session: string;
  /** Of each message that the session may show: its revision. */
  shown: ReadonlyMap<string, number>;
}

export interface Interaction {
  readonly id: string;
  readonly kind: "impression" | "click" | "event";
  readonly name?: string;
  readonly campaignId?: string;
  readonly revision?: number;
  readonly elementId?: string;
  readonly platform: string;
  readonly deviceId: string;
  readonly userId?: string;
  readonly occurredAt: string;
}

export interface Report {
  readonly item: Interaction;
  /** Counted, counted apart, or refused with this code. */
  readonly expected: "counted" | "late" | Refused;
}
export type Refused = "invalid" | "unknown_campaign" | "in_future" | "too_old" | "not_posted";

export interface Posted {
  readonly id: string;
  readonly type: Type;
  readonly firstPostedMs: number;
}

export function makeDevices(): Device[] {
  return Array.from({ length: deviceCount }, (_, index) => ({
    deviceId: `device-${index}`,
    ...(index < 1_500 ? { userId: `user-${index % 1_200}` } : {}),
    platform: platforms[index % platforms.length]!,
    session: "",
    shown: new Map(),
  }));
}

export class Crowd {
  #number = 0;

  constructor(readonly random: Random) {}

  /** What the devices saw between two instants, on what some of them clicked, and who bought. */
  wave(
    devices: readonly Device[],
    campaigns: readonly Posted[],
    { share, fromMs, toMs }: { share: number; fromMs: number; toMs: number },
  ): Report[] {
    const reports: Report[] = [];
    for (const device of devices) {
      for (const campaign of campaigns) {
        if (!device.shown.has(campaign.id) || !this.random.chance(share)) continue;
        const earliestMs = Math.max(fromMs, campaign.firstPostedMs);
        // Some report nothing but the very first moment that counts.
        const atMs = this.random.chance(0.02)
          ? earliestMs
          : earliestMs + this.random.below(Math.max(1, toMs - earliestMs));
        reports.push(this.#report("impression", device, campaign, atMs));
        if (this.random.chance(0.3)) reports.push(this.#report("click", device, campaign, atMs));
        // Some buy though they did not click, or before they do.
        if (this.random.chance(0.1)) {
          reports.push(this.#purchase(device, atMs - 200 + this.random.below(1_000)));
        }
      }
    }
    return reports;
  }

  /** Devices whose clock is ahead saw it on long after its stop: out of the nine metrics. */
  late(devices: readonly Device[], campaign: Posted, stoppedMs: number, count: number): Report[] {
    return this.random.some(devices, count).map((device) => {
      // Late is what happened more than the 60 s of the status check after the stop.
      const atMs = stoppedMs + 65_000 + this.random.below(60_000);
      return { ...this.#report("impression", device, campaign, atMs), expected: "late" };
    });
  }

  /** Some of every kind that is refused; none of them may spoil its batch. */
  refused(devices: readonly Device[], campaign: Posted, nowMs: number, count: number): Report[] {
    const wrong: readonly [Refused, Partial<Interaction>][] = [
      ["invalid", { platform: "fridge" }],
      ["unknown_campaign", { campaignId: "cmp_of_nobody" }],
      ["in_future", { occurredAt: instant(nowMs + 3_600_000) }],
      ["too_old", { occurredAt: instant(nowMs - 8 * 86_400_000) }],
      ["not_posted", { occurredAt: instant(campaign.firstPostedMs - 1) }],
    ];
    return this.random.some(devices, count).map((device, index) => {
      const [expected, change] = wrong[index % wrong.length]!;
      const { item } = this.#report("impression", device, campaign, nowMs);
      return { item: { ...item, ...change }, expected };
    });
  }

  #purchase({ deviceId, userId, platform }: Device, atMs: number): Report {
    const item = {
      id: `interaction-${this.#number++}`,
      kind: "event" as const,
      name: purchase,
      platform,
      deviceId,
      ...(userId === undefined ? {} : { userId }),
      occurredAt: instant(atMs),
    };
    return { item, expected: "counted" };
  }

  #report(kind: Interaction["kind"], device: Device, campaign: Posted, atMs: number): Report {
    const { deviceId, userId, platform } = device;
    const item = {
      id: `interaction-${this.#number++}`,
      kind,
      campaignId: campaign.id,
      revision: device.shown.get(campaign.id)!,
      ...(kind === "click" ? { elementId: this.random.oneOf(clickable[campaign.type]) } : {}),
      platform,
      deviceId,
      ...(userId === undefined ? {} : { userId }),
      occurredAt: instant(atMs),
    };
    return { item, expected: "counted" };
  }
}

function instant(ms: number): string {
  return new Date(Math.floor(ms)).toISOString();
}
