/** What settings must be before a campaign may become active, or stay so after an edit. */
import {
  type CampaignSettings,
  missingForActivation,
  parseSettings,
  type Problem,
  typeProblems,
} from "../../events/campaign_settings.ts";
import { namedAudiences } from "../../events/named_audiences.ts";
import type { Platform } from "../../events/workspace_events.ts";
import { type Refusal, refuse } from "../decider.ts";
import { endMsOf } from "./clock.ts";
import type { CampaignContext, CampaignRefusalCode } from "./commands.ts";

/** Why these settings may not go live now, or null. */
export function goingLiveRefusal(
  settings: CampaignSettings,
  context: CampaignContext,
): Refusal<CampaignRefusalCode> | null {
  const refusal = incomplete(missingSettings(settings, context)) ??
    invalidRefusal(settings) ??
    endInPast(settings, context) ??
    platformRefusal(settings.platforms ?? [], context);
  return refusal ?? noSlot(context);
}

/** Pointers to what is missing, an audience that has been deleted among it. */
export function missingSettings(
  settings: CampaignSettings,
  { audienceExists }: Pick<CampaignContext, "audienceExists">,
): string[] {
  const gone = namedAudiences(settings).filter(({ audienceId }) => !audienceExists(audienceId));
  return [...missingForActivation(settings), ...gone.map(({ pointer }) => pointer)];
}

export function incomplete(missing: readonly string[]): Refusal<CampaignRefusalCode> | null {
  if (missing.length === 0) return null;
  return refuse(
    "campaign_incomplete",
    `An active campaign needs these settings, give them first: ${missing.join(", ")}.`,
  );
}

export function endInPast(
  settings: CampaignSettings,
  { nowMs }: Pick<CampaignContext, "nowMs">,
): Refusal<CampaignRefusalCode> | null {
  const endMs = endMsOf({ settings });
  if (endMs === null || endMs > nowMs) return null;
  return refuse(
    "end_in_past",
    `The end, ${settings.schedule?.endAt}, is not in the future: move schedule.endAt to later.`,
  );
}

export function platformRefusal(
  platforms: readonly Platform[],
  { platformsSetUp }: Pick<CampaignContext, "platformsSetUp">,
): Refusal<CampaignRefusalCode> | null {
  const lacking = platforms.filter((platform) => !platformsSetUp.includes(platform));
  if (lacking.length === 0) return null;
  return refuse(
    "platform_not_set_up",
    `Not set up in this workspace: ${lacking.join(", ")}. Set up the SDK and enable the platform ` +
      "in the workspace's settings, or take it out of the campaign's platforms.",
  );
}

function noSlot(
  { otherActiveCount, activeLimit }: CampaignContext,
): Refusal<CampaignRefusalCode> | null {
  if (otherActiveCount < activeLimit) return null;
  return refuse(
    "active_limit_reached",
    `${otherActiveCount} other campaigns are active and the workspace allows ${activeLimit}: ` +
      "stop or end one first, or raise the workspace's activeLimit.",
  );
}

/** Settings are valid when they are written; rules that came later may find fault with them. */
function invalidRefusal(settings: CampaignSettings): Refusal<CampaignRefusalCode> | null {
  const problems = settingsProblems(settings);
  if (problems.length === 0) return null;
  const shown = problems.map(({ pointer, message }) => `${pointer}: ${message}`);
  return refuse("campaign_incomplete", `Correct these settings first. ${shown.join(" ")}`);
}

function settingsProblems(settings: CampaignSettings): readonly Problem[] {
  const parsed = parseSettings(settings);
  return "problems" in parsed ? parsed.problems : typeProblems(parsed.settings);
}
