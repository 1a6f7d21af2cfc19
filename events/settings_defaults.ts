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
    description: settings.description ?? "",
    labels: settings.labels ?? [],
    type: settings.type,
    platforms: settings.platforms ?? [],
    audience: fullAudience(settings.audience ?? { kind: "all" }),
    content: fullContent(settings.content ?? {}),
    variants: (settings.variants ?? []).map(fullVariant),
    trigger: fullTrigger(settings.trigger),
    priority: settings.priority ?? priorityDefault,
    schedule: fullSchedule(settings.schedule),
    exposure: { caps: settings.exposure?.caps ?? [] },
    kpiEvents: (settings.kpiEvents ?? []).map(({ name, window }) => ({
      name,
      window: window ?? kpiWindowDefault,
    })),
  };
}

/** What clients receive: an edit that changes it raises the content revision. */
export function deliveredSettings(settings: FullCampaignSettings) {
  const { type, content, variants, trigger, priority, exposure } = settings;
  return { type, content, variants, trigger, priority, exposure };
}

/** Whether two settings mean the same: the order of fields does not matter, that of lists does. */
export function sameSettings(one: CampaignSettings, other: CampaignSettings): boolean {
  return sameJson(withDefaults(one), withDefaults(other));
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
