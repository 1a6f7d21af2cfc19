/**
 * The second model of delivery: who is shown what, and why not, by brute force over plain lists of
 * everything that ever happened. It is written from the semantics alone and shares no code with the product.
 */
import { changeAround, isRepeated, wallOf, weekdayNames } from "./second_calendar.ts";
import { shareOf } from "./second_hash.ts";
import {
  type Campaign,
  lifeOf,
  type Members,
  type Revision,
  type Settings,
  type World,
} from "./second_life.ts";
import { isHidden, recordsOf, usedOf } from "./second_records.ts";

const dayMs = 24 * 60 * 60_000;

export interface Session {
  readonly startedMs: number;
  /** Campaign id → revision, of campaigns that were first posted after it began. */
  readonly pins: Readonly<Record<string, number>>;
}

export interface Asked {
  /** Null: any is right. */
  readonly platform: string | null;
  readonly deviceId: string;
  readonly userId?: string;
  readonly session?: Session;
}

export interface Verdict {
  readonly rule: string;
  readonly passed: boolean;
}

export interface Judgement {
  readonly shown: boolean;
  readonly verdicts: readonly Verdict[];
  /** Null: it has never posted by then. */
  readonly revision: Revision | null;
  readonly variant: string | null;
  /** Of each cap that has a number, by `PER_BY`. */
  readonly remaining: Readonly<Record<string, number>>;
}

export interface Predicted {
  readonly campaignId: string;
  readonly revision: number;
  readonly variant: string | null;
  readonly title: string;
  readonly priority: number;
  readonly conditions: number;
  readonly isTest: boolean;
  readonly remaining: Readonly<Record<string, number>>;
}

/** Told what a judgement met on its way, for the count of what was covered. */
export type Note = (met: string) => void;
const nothing: Note = () => {};

/** What is shown, the first first; and what the session holds afterwards. */
export function predict(
  world: World,
  asked: Asked,
  atMs: number,
  note: Note = nothing,
): { readonly messages: Predicted[]; readonly session: Session } {
  const shown: (Predicted & { changedMs: number })[] = [];
  const session = asked.session ?? { startedMs: atMs, pins: {} };
  const pins = { ...session.pins };
  for (const campaign of world.campaigns) {
    const changed = lastSet(campaign, atMs);
    if (!changed) continue;
    const changedMs = changed.atMs;
    if (wasTested(campaign, asked.deviceId, atMs)) {
      if (!judge(world, campaign, asked, atMs, note).shown) continue;
      note("test message");
      const { settings } = changed;
      const variant = variantOf(campaign.id, settings, memberOf(asked));
      const { priority, conditions } = settings;
      shown.push({
        campaignId: campaign.id,
        revision: 1,
        variant,
        title: titleOf(settings, variant),
        priority,
        conditions,
        isTest: true,
        remaining: {},
        changedMs,
      });
      continue;
    }
    const { shown: isShown, revision, variant, remaining } = judge(
      world,
      campaign,
      asked,
      atMs,
      note,
    );
    if (!isShown) continue;
    const { priority, conditions } = revision!.settings;
    shown.push({
      campaignId: campaign.id,
      revision: revision!.revision,
      variant,
      title: titleOf(revision!.settings, variant),
      isTest: false,
      remaining,
      priority,
      conditions,
      changedMs,
    });
    if (lifeOf(campaign).firstPostedMs! > session.startedMs) {
      pins[campaign.id] = revision!.revision;
    }
  }
  const levels: [string, (one: typeof shown[number]) => number][] = [
    ["priority", (one) => -one.priority],
    ["test", (one) => -Number(one.isTest)],
    ["conditions", (one) => -one.conditions],
    ["settings changed", (one) => -one.changedMs],
  ];
  const decisive = (a: typeof shown[number], b: typeof shown[number]) =>
    levels.find(([, of]) => of(a) !== of(b));
  shown.sort((a, b) => {
    const level = decisive(a, b);
    return level ? level[1](a) - level[1](b) : a.campaignId < b.campaignId ? -1 : 1;
  });
  shown.slice(1).forEach((one, index) =>
    note(`order by ${decisive(shown[index]!, one)?.[0] ?? "id"}`)
  );
  const messages = shown.map(({ changedMs: _, ...one }) => one);
  return { messages, session: { startedMs: session.startedMs, pins } };
}

/** Every rule of a campaign for one subject. */
export function judge(
  world: World,
  campaign: Campaign,
  asked: Asked,
  atMs: number,
  note: Note = nothing,
): Judgement {
  const now = lastSet(campaign, atMs)!.settings;
  const zone = now.zone ?? world.zones.findLast((one) => one.atMs <= atMs)!.zone;
  const member = memberOf(asked);
  const isLive = lifeOf(campaign).live.some((span) => span.fromMs <= atMs && atMs < span.untilMs);
  const verdicts: Verdict[] = [];
  const rule = (name: string, passed: boolean) => {
    verdicts.push({ rule: name, passed });
    note(`${name} ${passed ? "passes" : "fails"}`);
  };
  if (wasTested(campaign, asked.deviceId, atMs)) {
    rule("test_message", isTested(campaign, asked.deviceId, atMs));
    rule("platform", asked.platform === null || now.platforms.includes(asked.platform));
    const shown = verdicts.every(({ passed }) => passed);
    return { shown, verdicts, revision: null, variant: null, remaining: {} };
  }
  rule("status", isLive);
  rule("platform", asked.platform === null || now.platforms.includes(asked.platform));
  rule("schedule", isScheduled(now, zone, atMs, isLive ? note : nothing));
  const snapshot = snapshotOf(campaign, atMs);
  rule("audience", now.audienceId === null || has(snapshot?.members, member));
  rule("exclusion", now.excludeId === null || !has(snapshot?.excluded, member));
  rule("control", shareOf(`control/${campaign.id}/${member}`) >= 100 * now.controlPercent);
  const records = recordsOf(world, campaign.id);
  rule("hide", !isHidden(records, campaign, asked, zone, atMs, isLive ? note : nothing));

  const revision = revisionOf(campaign, asked.session, atMs, isLive ? note : nothing);
  const remaining: Record<string, number> = {};
  for (const cap of revision?.settings.caps ?? []) {
    if (cap.max === null) {
      note("cap without a number");
      continue;
    }
    const used = usedOf(campaign, records, cap, asked, zone, atMs, isLive ? note : nothing);
    const name = `cap_${cap.per}_${cap.by}`;
    rule(name, used < cap.max);
    if (used > 0 && used < cap.max) note(`${name} partly used`);
    remaining[`${cap.per}_${cap.by}`] = cap.max - used;
  }
  return {
    shown: verdicts.every(({ passed }) => passed),
    verdicts,
    revision,
    variant: revision && variantOf(campaign.id, revision.settings, member),
    remaining,
  };
}

function isScheduled(
  { weekdays, windows }: Settings,
  zone: string,
  atMs: number,
  note: Note,
): boolean {
  const change = changeAround(zone, atMs, 3 * 60 * 60_000);
  if (change !== 0) note(`near a change ${change > 0 ? "forward" : "back"} of ${zone}`);
  const { minute, weekday } = wallOf(zone, atMs);
  const isOn = (day: number) =>
    weekdays.length === 0 || weekdays.includes(weekdayNames[(day + 7) % 7]!);
  if (windows.length === 0) {
    if (weekdays.length > 0) note(`weekday ${isOn(weekday) ? "on" : "off"}`);
    return isOn(weekday);
  }
  if (isRepeated(zone, atMs)) note("window in a repeated time");
  return windows.some(({ from, to }) => {
    const [fromMinute, toMinute] = [minuteOf(from), minuteOf(to)];
    if (fromMinute <= toMinute) return isOn(weekday) && fromMinute <= minute && minute < toMinute;
    if (minute >= fromMinute) {
      note("wrapping window before midnight");
      return isOn(weekday);
    }
    if (minute >= toMinute) return false;
    note("wrapping window after midnight");
    if (isOn(weekday) !== isOn(weekday - 1)) note("wrapping window judged by the day before");
    return isOn(weekday - 1);
  });
}

function revisionOf(
  campaign: Campaign,
  session: Session | undefined,
  atMs: number,
  note: Note,
): Revision | null {
  const { revisions } = lifeOf(campaign);
  const latest = revisions.findLast((one) => one.atMs <= atMs) ?? null;
  if (!session || !latest) return latest;
  const pinned = session.pins[campaign.id];
  if (pinned !== undefined) {
    note(pinned === latest.revision ? "pinned revision" : "pinned revision, an older one");
    return revisions[pinned - 1]!;
  }
  const atStart = revisions.findLast((one) => one.atMs <= session.startedMs);
  if (!atStart) note("first posted after the session began");
  if (atStart && atStart !== latest) note("older revision of a session");
  return atStart ?? latest;
}

function memberOf({ deviceId, userId }: Asked): string {
  return userId === undefined ? `device:${deviceId}` : `user:${userId}`;
}

function titleOf({ title }: Settings, variant: string | null): string {
  return variant === null ? title : `${title} ${variant}`;
}

function variantOf(campaignId: string, { variants }: Settings, member: string): string | null {
  const share = shareOf(`variant/${campaignId}/${member}`);
  let sum = 0;
  return variants.find(({ weight }) => share < (sum += 100 * weight))?.key ?? null;
}

function snapshotOf({ events }: Campaign, atMs: number) {
  const known = events.filter((event) => event.atMs <= atMs);
  const since = known.findLastIndex(({ type }) => type === "activate" || type === "restart");
  const frozen = known.slice(since + 1).findLast(({ type }) => type === "snapshot");
  return frozen?.type === "snapshot" ? frozen : undefined;
}

function has(members: Members | null | undefined, member: string): boolean {
  return members?.has(member) ?? false;
}

export function lastSet({ events }: Campaign, atMs: number) {
  const last = events.findLast((event) => event.type === "set" && event.atMs <= atMs);
  return last?.type === "set" ? last : undefined;
}

/** A draft of which a test message was sent to this device, if long ago. */
function wasTested({ events }: Campaign, deviceId: string, atMs: number): boolean {
  const known = events.filter((event) => event.atMs <= atMs);
  return known.every(({ type }) => type === "set" || type === "test") &&
    known.some((event) => event.type === "test" && event.devices.includes(deviceId));
}

function isTested({ events }: Campaign, deviceId: string, atMs: number): boolean {
  return events.some((event) =>
    event.type === "test" && event.devices.includes(deviceId) &&
    event.atMs <= atMs && atMs < event.atMs + dayMs
  );
}

function minuteOf(time: string): number {
  const [hours, minutes] = time.split(":");
  return 60 * Number(hours) + Number(minutes);
}
