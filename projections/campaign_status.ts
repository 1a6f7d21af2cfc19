/** The status that an event leads to, for every read model that needs it; pure. */
import type { CampaignEvent, CampaignStatus } from "../events/campaign_events.ts";

export interface StatusChange {
  readonly status: CampaignStatus | "deleted";
  /** When the campaign was in this status from, in milliseconds: a boundary's own date. */
  readonly atMs: number;
  readonly cause: string;
}

/** Null where the event leaves the status as it is. */
export function statusChange(
  status: CampaignStatus | "deleted" | undefined,
  event: CampaignEvent,
  timeMs: number,
): StatusChange | null {
  switch (event.type) {
    case "campaign_created":
      return { status: "writing", atMs: timeMs, cause: event.data.copiedFrom ? "copy" : "create" };
    case "campaign_edited":
      return status === "posting" || status === "posting_reflecting_modifications"
        ? { status: "posting_reflecting_modifications", atMs: timeMs, cause: "edit" }
        : null;
    case "campaign_deleted":
      return { status: "deleted", atMs: timeMs, cause: "delete" };
    case "campaign_activated":
      return { status: "waiting_to_post", atMs: timeMs, cause: "activate" };
    case "campaign_restarted":
      return { status: "waiting_to_post", atMs: timeMs, cause: "restart" };
    case "campaign_preparing":
      return {
        status: "preparing_to_publish",
        atMs: Date.parse(event.data.at),
        cause: "prepare_time_reached",
      };
    case "audience_frozen":
    case "test_message_sent":
      return null;
    case "campaign_posted":
      return { status: "posting", atMs: Date.parse(event.data.at), cause: "start_reached" };
    case "modifications_reflected":
      return {
        status: "posting",
        atMs: Date.parse(event.data.at),
        cause: "modifications_reflected",
      };
    case "campaign_stopped":
      return { status: "stopped", atMs: timeMs, cause: "stop" };
    case "campaign_ended":
      return {
        status: "ended",
        atMs: Date.parse(event.data.at),
        cause: event.data.neverPosted ? "never_posted" : event.data.cause,
      };
  }
  throw new Error(`nobody knows the event ${(event as { type: string }).type}`);
}
