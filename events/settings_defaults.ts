/**
 * Settings with every default filled in: what readers and clients see. It runs on every read, so it
 * copies only what it completes; neither it nor its callers may change what it shares.
 */
import type { CampaignAudience, CampaignSettings, ExposureCap } from "./campaign_settings.ts";
import { type FullCampaignSchedule, fullSchedule } from "./campaign_schedule.ts";
import { type FullCampaignTrigger, fullTrigger } from "./campaign_trigger.ts";
import {
  fullContent,
  type FullMessageContent,
  type FullVariant,
  fullVariant,
} from "./full_content.ts";
import type { MessageType } from "./message_type.ts";
import type { Platform } from "./workspace_events.ts";

export const priorityDefault = 50;
export const kpiWindowDefault = "P1D";

export interface FullCampaignSettings {
  name: string;
  description: string;
  labels: string[];
  type: MessageType;
  platforms: Platform[];
  audience: FullAudience;
  content: FullMessageContent;
  variants: FullVariant[];
  trigger: FullCampaignTrigger;
  priority: number;
  schedule: FullCampaignSchedule;
  exposure: { caps: ExposureCap[] };
  kpiEvents: { name: string; window: string }[];
}

export type FullAudience = CampaignAudience & {
  excludeAudienceId: string | null;
  controlPercent: number;
};

export function withDefaults(settings: CampaignSettings): FullCampaignSettings {
  return {
    name: settings.name,
    description: full.description(settings),
    labels: full.labels(settings),
    type: settings.type,
    platforms: full.platforms(settings),
    audience: full.audience(settings),
    content: full.content(settings),
    variants: full.variants(settings),
    trigger: full.trigger(settings),
    priority: full.priority(settings),
    schedule: full.schedule(settings),
    exposure: full.exposure(settings),
    kpiEvents: full.kpiEvents(settings),
  };
}

/** Each setting with its defaults follows from what is given under its own name alone. */
const full: {
  readonly [Name in keyof FullCampaignSettings]: (
    settings: CampaignSettings,
  ) => FullCampaignSettings[Name];
} = {
  name: ({ name }) => name,
  description: ({ description }) => description ?? "",
  labels: ({ labels }) => labels ?? [],
  type: ({ type }) => type,
  platforms: ({ platforms }) => platforms ?? [],
  audience: ({ audience }) => fullAudience(audience ?? { kind: "all" }),
  content: ({ content }) => fullContent(content ?? {}),
  variants: ({ variants }) => (variants ?? []).map(fullVariant),
  trigger: ({ trigger }) => fullTrigger(trigger),
  priority: ({ priority }) => priority ?? priorityDefault,
  schedule: ({ schedule }) => fullSchedule(schedule),
  exposure: ({ exposure }) => ({ caps: exposure?.caps ?? [] }),
  kpiEvents: ({ kpiEvents }) =>
    (kpiEvents ?? []).map(({ name, window }) => ({ name, window: window ?? kpiWindowDefault })),
};

/** What clients receive: an edit that changes it raises the content revision. */
export function deliveredSettings(settings: FullCampaignSettings) {
  const { type, content, variants, trigger, priority, exposure } = settings;
  return { type, content, variants, trigger, priority, exposure };
}

const deliveredNames: ReadonlySet<string> = new Set(
  ["type", "content", "variants", "trigger", "priority", "exposure"] satisfies readonly (
    keyof ReturnType<typeof deliveredSettings>
  )[],
);

/** The settings with what clients receive taken from others. */
export function withDeliveredOf(
  settings: CampaignSettings,
  others: CampaignSettings,
): CampaignSettings {
  const next: Record<string, unknown> = { ...settings };
  for (const name of deliveredNames) {
    const other = (others as Record<string, unknown>)[name];
    if (other === undefined) delete next[name];
    else next[name] = other;
  }
  return next as CampaignSettings;
}

/** Names of the top-level settings that are given differently. */
export function changedNames(before: CampaignSettings, after: CampaignSettings): string[] {
  const old = before as Record<string, unknown>, now = after as Record<string, unknown>;
  const names = Object.keys(old).filter((name) => !sameJson(old[name], now[name]));
  for (const name of Object.keys(now)) {
    if (!Object.hasOwn(old, name) && now[name] !== undefined) names.push(name);
  }
  return names;
}

/** Whether settings that differ in these names alone mean the same: lists have an order, fields none. */
export function sameMeaning(
  names: readonly string[],
  one: CampaignSettings,
  other: CampaignSettings,
): boolean {
  return names.every((name) => {
    const member = full[name as keyof FullCampaignSettings] as typeof full.name | undefined;
    return member !== undefined && sameJson(member(one), member(other));
  });
}

/** The same of what clients receive. */
export function sameDelivered(
  names: readonly string[],
  one: CampaignSettings,
  other: CampaignSettings,
): boolean {
  return sameMeaning(names.filter((name) => deliveredNames.has(name)), one, other);
}

/** Whether two JSON values are equal; a property that is undefined is one that is absent. */
export function sameJson(one: unknown, other: unknown): boolean {
  if (one === other) return true;
  if (typeof one !== "object" || typeof other !== "object" || one === null || other === null) {
    return false;
  }
  if (Array.isArray(one) !== Array.isArray(other)) return false;
  const a = one as Record<string, unknown>, b = other as Record<string, unknown>;
  for (const key of Object.keys(a)) {
    if (!sameJson(a[key], Object.hasOwn(b, key) ? b[key] : undefined)) return false;
  }
  return Object.keys(b).every((key) => b[key] === undefined || Object.hasOwn(a, key));
}

function fullAudience(given: CampaignAudience): FullAudience {
  return {
    ...given,
    excludeAudienceId: given.excludeAudienceId ?? null,
    controlPercent: given.controlPercent ?? 0,
  };
}
