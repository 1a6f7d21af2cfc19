/** The rules of a campaign's life: pure; time and everything else outside comes in as input. */
export { allowedActions, type CampaignAction } from "./allowed_actions.ts";
export {
  type Boundary,
  type ClockDurations,
  dueAtMs,
  dueEvents,
  isAtRest,
  nextBoundary,
} from "./clock.ts";
export {
  type AudienceSnapshot,
  type CampaignCommand,
  type CampaignContext,
  type CampaignRefusalCode,
  campaignRefusalCodes,
} from "./commands.ts";
export { copySettings } from "./copy.ts";
export { campaignDecider } from "./decider.ts";
export { missingSettings } from "./going_live.ts";
export type { CampaignState } from "./state.ts";
