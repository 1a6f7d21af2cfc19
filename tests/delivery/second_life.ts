/**
 * The world of the second model as plain data, and what a campaign's life comes to: when it was live,
 * which revisions it had, whose snapshot held. Folded from all that happened, each time anew.
 */
export type By = "user" | "device";
export type Per = "total" | "day" | "hour" | "session";
export interface Cap {
  readonly per: Per;
  readonly by: By;
  readonly max: number | null;
}
export interface TimeWindow {
  readonly from: string;
  readonly to: string;
}
export const hideLengths = { today: 1, "3d": 3, "7d": 7, forever: Infinity } as const;
export type HideLength = keyof typeof hideLengths;

export interface Settings {
  readonly platforms: readonly string[];
  /** What tells revisions apart. */
  readonly title: string;
  /** What the button `later` offers; null: there is no such button. */
  readonly later: HideLength | null;
  readonly variants: readonly { readonly key: string; readonly weight: number }[];
  readonly conditions: number;
  readonly priority: number;
  readonly caps: readonly Cap[];
  readonly startMs: number;
  readonly endMs: number;
  readonly zone: string | null;
  readonly weekdays: readonly string[];
  readonly windows: readonly TimeWindow[];
  readonly audienceId: string | null;
  readonly excludeId: string | null;
  readonly controlPercent: number;
  readonly description: string;
}

/** "user:ID" or "device:ID". */
export type Members = ReadonlySet<string>;

export type LifeEvent =
  & { readonly atMs: number }
  & (
    | { readonly type: "set"; readonly settings: Settings }
    | { readonly type: "activate" | "restart" | "stop" | "end" }
    | {
      readonly type: "snapshot";
      readonly members: Members | null;
      readonly excluded: Members | null;
    }
    | { readonly type: "test"; readonly devices: readonly string[] }
  );

export interface Campaign {
  readonly id: string;
  readonly events: LifeEvent[];
}

/** An accepted interaction, in the order of the log; what is repeated stands in it again. */
export interface Interaction {
  readonly id: string;
  readonly kind: "impression" | "click" | "hide";
  readonly campaignId: string;
  readonly deviceId: string;
  readonly userId?: string;
  readonly occurredAtMs: number;
  readonly recordedAtMs: number;
  /** When the session of its token began; null without a token. */
  readonly sessionMs: number | null;
  readonly claimId?: string;
  /** Of a hide: what it says itself, else the button and the revision it was on. */
  readonly name?: HideLength;
  readonly elementId?: string;
  readonly revision?: number;
}

export interface Claim {
  readonly claimId: string;
  readonly campaignId: string;
  readonly deviceId: string;
  readonly userId?: string;
  readonly grantedAtMs: number;
  readonly sessionMs: number | null;
}

export interface World {
  /** Of the workspace, oldest first. */
  readonly zones: { readonly atMs: number; readonly zone: string }[];
  readonly campaigns: Campaign[];
  readonly interactions: Interaction[];
  /** Only those that were granted. */
  readonly claims: Claim[];
}

export interface Revision {
  readonly revision: number;
  readonly atMs: number;
  readonly settings: Settings;
}

export interface Life {
  /** From inclusive, until exclusive. */
  readonly live: readonly { readonly fromMs: number; readonly untilMs: number }[];
  readonly firstPostedMs: number | null;
  readonly endedMs: number | null;
  readonly revisions: readonly Revision[];
}

const lives = new WeakMap<Campaign, { readonly events: number; readonly life: Life }>();

export function lifeOf(campaign: Campaign): Life {
  const known = lives.get(campaign);
  if (known?.events === campaign.events.length) return known.life;
  const life = live(campaign.events);
  lives.set(campaign, { events: campaign.events.length, life });
  return life;
}

/** What is delivered, and so makes a revision. */
export function deliveredOf(settings: Settings): unknown {
  const { title, later, variants, conditions, priority, caps } = settings;
  return { title, later, variants, conditions, priority, caps };
}

function live(events: readonly LifeEvent[]): Life {
  const spans: { fromMs: number; untilMs: number }[] = [];
  const revisions: Revision[] = [];
  let settings: Settings | null = null;
  let is: "writing" | "active" | "stopped" | "ended" = "writing";
  let isReady = false;
  let endedMs: number | null = null;
  events.forEach((event, index) => {
    if (event.type === "set") {
      const before = settings;
      settings = event.settings;
      const isNew = before && revisions.length > 0 &&
        JSON.stringify(deliveredOf(before)) !== JSON.stringify(deliveredOf(settings));
      if (isNew) {
        revisions.push({ revision: revisions.length + 1, atMs: event.atMs, settings });
      }
    } else if (event.type === "activate" || event.type === "restart") {
      is = "active";
      isReady = settings!.audienceId === null && settings!.excludeId === null;
    } else if (event.type === "snapshot") isReady = true;
    else if (event.type === "stop") is = "stopped";
    else if (event.type === "end") {
      is = "ended";
      endedMs = event.atMs;
    }
    // What the clock does until the next event: that one comes after it, even at the same instant.
    if (is !== "active" && is !== "stopped") return;
    const nextMs = events[index + 1]?.atMs ?? Infinity;
    const { startMs, endMs } = settings!;
    if (is === "active" && isReady) {
      const fromMs = Math.max(event.atMs, startMs);
      if (fromMs <= nextMs && fromMs < endMs) {
        if (revisions.length === 0) {
          revisions.push({ revision: 1, atMs: fromMs, settings: settings! });
        }
        spans.push({ fromMs, untilMs: Math.min(nextMs, endMs) });
      }
    }
    if (endMs <= nextMs) {
      is = "ended";
      endedMs = Math.max(endMs, event.atMs);
    }
  });
  return { live: spans, firstPostedMs: revisions[0]?.atMs ?? null, endedMs, revisions };
}
