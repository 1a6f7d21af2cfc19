/**
 * All settings of a campaign as they are given and stored: sparse, defaults left out, so that a
 * default which changes later changes no history. The other files of the settings are re-exported
 * here; this is their door.
 */
import { z } from "zod";
import { scheduleSchema } from "./campaign_schedule.ts";
import { eventName, triggerSchema } from "./campaign_trigger.ts";
import { durationMs } from "./duration.ts";
import { messageContentSchema, variantContentSchema } from "./message_content.ts";
import { anyText, identifier, singleLine } from "./message_text.ts";
import { messageTypes } from "./message_type.ts";
import { type Problem, rule, unique } from "./problem.ts";
import { jsonProblem, sizeProblem } from "./settings_json.ts";
import { problemsOf } from "./settings_problems.ts";
import { platforms } from "./workspace_events.ts";

export type { Problem } from "./problem.ts";
export { mergePatch, patchSettings } from "./merge_patch.ts";
export { type MessageType, messageTypeRules, messageTypes } from "./message_type.ts";
export { missingContent, missingForActivation } from "./missing_settings.ts";
export {
  changedNames,
  deliveredSettings,
  type FullAudience,
  type FullCampaignSettings,
  sameDelivered,
  sameJson,
  sameMeaning,
  withDefaults,
  withDeliveredOf,
} from "./settings_defaults.ts";
export { clickableElements, contentFor } from "./message_variant.ts";
export type { FullMessageContent, FullVariant } from "./full_content.ts";
export { settingsBytesMax } from "./settings_json.ts";
export { typeProblems } from "./type_problems.ts";

export const nameGraphemesMax = 100;
export const descriptionGraphemesMax = 2_000;
export const labelsMax = 20;
export const labelGraphemesMax = 50;
export const controlPercentMax = 50;
export const variantsMax = 5;
/** What the variants leave of it sees the content itself. */
export const variantWeightSumMax = 100;
export const priorityMax = 100;
export const capMax = 1_000_000;
export const kpiEventsMax = 20;
export const kpiWindowMin = "PT1H";
export const kpiWindowMax = "P30D";

const audienceId = singleLine(200);
const audienceLimits = {
  excludeAudienceId: audienceId.nullable().optional(),
  /** This share of the audience never sees the message. */
  controlPercent: z.int().min(0).max(controlPercentMax).optional(),
};

const audienceSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("all"), ...audienceLimits }),
  z.strictObject({ kind: z.literal("audience"), audienceId, ...audienceLimits }),
]);

const variant = z.strictObject({
  key: identifier,
  /** Per cent. */
  weight: z.int().min(0).max(variantWeightSumMax),
  content: variantContentSchema.optional(),
});

const variants = z.array(variant).max(variantsMax).check(unique(({ key }) => key, "key")).check(
  rule((items) =>
    items.reduce((sum, { weight }) => sum + weight, 0) <= variantWeightSumMax ? null : {
      code: "out_of_range",
      message: `Weights are per cent: together they are at most ${variantWeightSumMax}.`,
    }
  ),
);

/** A cap whose `max` is null caps nothing. */
const cap = z.strictObject({
  per: z.enum(["total", "day", "hour", "session"]),
  by: z.enum(["user", "device"]),
  max: z.int().min(1).max(capMax).nullable(),
});

const kpiWindow = z.string().check(rule((text) => {
  const ms = durationMs(text);
  if (ms === null) {
    return { code: "invalid_format", message: "Write a duration of ISO 8601, like P1D or PT36H." };
  }
  if (ms >= durationMs(kpiWindowMin)! && ms <= durationMs(kpiWindowMax)!) return null;
  return { code: "out_of_range", message: `Choose from ${kpiWindowMin} to ${kpiWindowMax}.` };
}));

export const campaignSettingsSchema = z.strictObject({
  name: singleLine(nameGraphemesMax),
  description: anyText(descriptionGraphemesMax).optional(),
  labels: z.array(singleLine(labelGraphemesMax)).max(labelsMax)
    .check(unique((label) => label)).optional(),
  type: z.enum(messageTypes),
  platforms: z.array(z.enum(platforms)).min(1).check(unique((platform) => platform)).optional(),
  audience: audienceSchema.optional(),
  content: messageContentSchema.optional(),
  variants: variants.optional(),
  trigger: triggerSchema.optional(),
  priority: z.int().min(0).max(priorityMax).optional(),
  schedule: scheduleSchema.optional(),
  exposure: z.strictObject({
    caps: z.array(cap).check(unique(({ per, by }) => `${per} by ${by}`)).optional(),
  }).optional(),
  kpiEvents: z.array(z.strictObject({ name: eventName, window: kpiWindow.optional() }))
    .max(kpiEventsMax).check(unique(({ name }) => name, "name")).optional(),
});

/** What an edit changes; what stays was judged when it was written. */
const changedSettingsSchema = campaignSettingsSchema.partial();

export type CampaignSettings = z.infer<typeof campaignSettingsSchema>;
export type CampaignAudience = z.infer<typeof audienceSchema>;
export type CampaignVariant = z.infer<typeof variant>;
export type ExposureCap = z.infer<typeof cap>;

/**
 * What an edit leaves: `set` is that of `campaign_edited`, whole top-level settings; `null` takes one
 * back to its default.
 */
export function settingsAfter(
  settings: CampaignSettings,
  set: Readonly<Record<string, unknown>>,
): CampaignSettings {
  const next: Record<string, unknown> = { ...settings, ...set };
  for (const name of Object.keys(set)) if (set[name] === null) delete next[name];
  return next as CampaignSettings;
}

/**
 * Settings from anything that a caller sent. Rules of the message's type are `typeProblems`. Settings
 * that are the very ones of `valid` were judged when they were written and are not judged again.
 */
export function parseSettings(
  input: unknown,
  valid?: CampaignSettings,
): { settings: CampaignSettings } | { problems: Problem[] } {
  const kept = valid ? keptOf(input, valid) : {};
  const judged = without(input, kept);
  const unfit = jsonProblem(judged) ?? sizeProblem(input);
  if (unfit !== null) return { problems: [unfit] };
  // Either both are kept or none, so that a schema which wants them can tell which is missing.
  const isEdit = Object.hasOwn(kept, "name");
  const members = isEdit ? membersOf(judged) : null;
  if (members) return { settings: Object.assign(kept, members) as CampaignSettings };
  const schema = isEdit ? changedSettingsSchema : campaignSettingsSchema;
  const result = schema.safeParse(judged);
  return result.success
    ? { settings: { ...kept, ...result.data } as CampaignSettings }
    : { problems: problemsOf(result.error.issues, input) };
}

/** What need not be judged again. */
function keptOf(input: unknown, valid: CampaignSettings): Partial<CampaignSettings> {
  const kept: Record<string, unknown> = {};
  if (!isObject(input)) return kept;
  const known = valid as Record<string, unknown>;
  for (const key of Object.keys(known)) {
    if (Object.hasOwn(input, key) && input[key] === known[key]) kept[key] = known[key];
  }
  if (!Object.hasOwn(kept, "name") || !Object.hasOwn(kept, "type")) {
    delete kept.name;
    delete kept.type;
  }
  return kept;
}

function without(input: unknown, kept: object): unknown {
  if (!isObject(input)) return input;
  // Not even what is called `__proto__` is anything but a property, and is refused.
  const rest: Record<string, unknown> = Object.create(null);
  for (const key of Object.keys(input)) if (!Object.hasOwn(kept, key)) rest[key] = input[key];
  return rest;
}

/**
 * What the schema makes of each member by itself: an edit has few of all that there are. Null where
 * one is at fault, which the whole schema then tells of.
 */
function membersOf(judged: unknown): Record<string, unknown> | null {
  if (!isObject(judged)) return null;
  const members: Record<string, unknown> = {};
  for (const name of Object.keys(judged)) {
    if (!Object.hasOwn(changedSettingsSchema.shape, name)) return null;
    const schema = changedSettingsSchema.shape[name as keyof CampaignSettings];
    const result = schema.safeParse(judged[name]);
    if (!result.success) return null;
    members[name] = result.data;
  }
  return members;
}

function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
