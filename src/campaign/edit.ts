/**
 * Editing. What is locked is judged first, on what the patch would change rather than on what it
 * names, so a client may send back whole settings as it read them.
 */
import { type CampaignEvent, isActiveStatus } from "../../events/campaign_events.ts";
import {
  type CampaignSettings,
  changedNames,
  missingForActivation,
  parseSettings,
  patchSettings,
  type Problem,
  sameDelivered,
  sameJson,
  sameMeaning,
  typeProblems,
  withDefaults,
  withDeliveredOf,
} from "../../events/campaign_settings.ts";
import { normalisedInstant } from "../../events/instant.ts";
import { namedAudiences } from "../../events/named_audiences.ts";
import { type Decision, type Refusal, refuse } from "../decider.ts";
import type { CampaignContext, CampaignRefusalCode } from "./commands.ts";
import { endInPast, incomplete, platformRefusal } from "./going_live.ts";
import type { CampaignState } from "./state.ts";

type Patch = Readonly<Record<string, unknown>>;

export function decideEdit(
  patch: Patch,
  state: CampaignState,
  context: CampaignContext,
): Decision<CampaignEvent, CampaignRefusalCode> {
  // Nothing has a default for these two, whatever else the patch would change.
  const isInvalid = patch.name === null || patch.type === null;
  return decideSettings(patchSettings(state.settings, patch), isInvalid, state, context);
}

/** `earlier`: settings of the same campaign, of which those are taken that clients receive. */
export function decideRestore(
  earlier: CampaignSettings,
  state: CampaignState,
  context: CampaignContext,
): Decision<CampaignEvent, CampaignRefusalCode> {
  return decideSettings(withDeliveredOf(state.settings, earlier), false, state, context);
}

function decideSettings(
  merged: unknown,
  isInvalid: boolean,
  state: CampaignState,
  context: CampaignContext,
): Decision<CampaignEvent, CampaignRefusalCode> {
  const parsed = parseSettings(merged, state.settings);
  const settings = "settings" in parsed ? parsed.settings : merged as CampaignSettings;
  const problems = "settings" in parsed
    ? changedTypeProblems(state.settings, parsed.settings)
    : parsed.problems;
  if (isInvalid) return { invalid: problems };

  // Sent again, or sent back as it was read: nothing to judge.
  const changed = problems.length === 0 ? changedNames(state.settings, settings) : [];
  if (problems.length === 0 && sameMeaning(changed, state.settings, settings)) return [];

  const refusal = lockRefusal(state, settings) ??
    pastEndRefusal(state, settings, problems, context);
  if (refusal !== null) return refusal;
  if (problems.length > 0) return { invalid: problems };
  if (isActiveStatus(state.status)) {
    const unfit = incomplete(missingForActivation(settings)) ??
      platformRefusal(addedPlatforms(state, settings), context);
    if (unfit !== null) return unfit;
  }
  const unknown = unknownAudiences(settings, state.settings, context);
  if (unknown.length > 0) return { invalid: unknown };
  return [edited(state, settings, changed)];
}

/** What the message's type says of is content and variants alone: where none of it changed, it was judged before. */
function changedTypeProblems(before: CampaignSettings, after: CampaignSettings): Problem[] {
  const same = before.type === after.type && before.content === after.content &&
    before.variants === after.variants;
  return same ? [] : typeProblems(after);
}

/** A platform that was disabled after the activation must not stand in the way of other edits. */
function addedPlatforms(state: CampaignState, { platforms = [] }: CampaignSettings) {
  const before = state.settings.platforms ?? [];
  return platforms.filter((platform) => !before.includes(platform));
}

/** A named audience that does not exist; `before` names those that nobody need look up again. */
export function unknownAudiences(
  settings: CampaignSettings,
  before: CampaignSettings | null,
  { audienceExists }: Pick<CampaignContext, "audienceExists">,
): Problem[] {
  const known = before === null ? [] : namedAudiences(before);
  return namedAudiences(settings)
    .filter(({ pointer, audienceId }) =>
      !known.some((old) => old.pointer === pointer && old.audienceId === audienceId) &&
      !audienceExists(audienceId)
    )
    .map(({ pointer }) => ({
      pointer,
      code: "unknown_audience",
      message: "There is no such audience: create it first or choose another one.",
    }));
}

function lockRefusal(
  state: CampaignState,
  settings: CampaignSettings,
): Refusal<CampaignRefusalCode> | null {
  switch (state.status) {
    case "preparing_to_publish":
    case "posting":
    case "posting_reflecting_modifications":
      return publishedLock(state, settings) ?? typeLock(state, settings);
    case "stopped":
      return typeLock(state, settings);
    case "none":
    case "writing":
    case "waiting_to_post":
    case "ended":
    case "deleted":
      return null;
  }
}

function publishedLock(
  state: CampaignState,
  { audience, schedule }: CampaignSettings,
): Refusal<CampaignRefusalCode> | null {
  const before = withDefaults(state.settings);
  // Only these two are looked at: the rest may be malformed, which is told after the locks.
  const after = withDefaults({ ...state.settings, audience, schedule });
  if (!sameJson(before.audience, after.audience)) {
    return refuse(
      "audience_locked",
      "The audience is fixed once the campaign prepares to publish: stop it to change this.",
    );
  }
  const { startAt } = after.schedule;
  if (before.schedule.startAt !== (startAt && (normalisedInstant(startAt) ?? startAt))) {
    return refuse(
      "start_locked",
      "The start is fixed once the campaign prepares to publish: stop it to change this.",
    );
  }
  return null;
}

function typeLock(
  state: CampaignState,
  { type }: CampaignSettings,
): Refusal<CampaignRefusalCode> | null {
  if (type === state.settings.type) return null;
  return refuse(
    "type_locked",
    "The type is fixed once the campaign prepares to publish: copy it and change the copy.",
  );
}

/**
 * Before the start, an end that has passed also comes before the start. Of the two, the rule is what
 * helps: a later end cures both.
 */
function pastEndRefusal(
  state: CampaignState,
  settings: CampaignSettings,
  problems: readonly Problem[],
  context: CampaignContext,
): Refusal<CampaignRefusalCode> | null {
  const end = settings.schedule?.endAt;
  if (!isActiveStatus(state.status) || !end) return null;
  if (problems.some(({ code }) => code !== "end_not_after_start")) return null;
  const schedule = { endAt: normalisedInstant(end) };
  return endInPast({ ...settings, schedule }, context);
}

function edited(
  state: CampaignState,
  settings: CampaignSettings,
  changed: readonly string[],
): CampaignEvent {
  const raises = state.firstPostedAtMs !== null &&
    !sameDelivered(changed, state.settings, settings);
  const contentRevision = state.contentRevision + (raises ? 1 : 0);
  // Whole top-level settings; null where the one before is gone.
  const now = settings as Record<string, unknown>;
  const set = Object.fromEntries(changed.map((name) => [name, now[name] ?? null]));
  return { type: "campaign_edited", schema: 1, data: { set, contentRevision } };
}
