/** What a person may try in each status; whether it then succeeds, the guards decide. */
import type { CampaignStatus } from "../../events/campaign_events.ts";

export type CampaignAction =
  | "edit"
  | "delete"
  | "activate"
  | "stop"
  | "restart"
  | "end"
  | "copy";

export function allowedActions(status: CampaignStatus): CampaignAction[] {
  switch (status) {
    case "writing":
      return ["edit", "delete", "activate", "copy"];
    case "waiting_to_post":
    case "preparing_to_publish":
      return ["edit", "stop", "copy"];
    case "posting":
    case "posting_reflecting_modifications":
      return ["edit", "stop", "end", "copy"];
    case "stopped":
      return ["edit", "restart", "copy"];
    case "ended":
      return ["copy"];
  }
}
