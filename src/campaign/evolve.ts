/** What an event makes of a campaign. Nothing is judged here: what has happened, has happened. */
import type { CampaignEvent } from "../../events/campaign_events.ts";
import { type CampaignSettings, settingsAfter } from "../../events/campaign_settings.ts";
import type { CampaignState } from "./state.ts";

export const initialState: CampaignState = {
  status: "none",
  // No campaign is without a name and a type; nothing reads them before the first event.
  settings: { name: "", type: "modal_text" },
  contentRevision: 1,
  copiedFrom: null,
  createdAtMs: 0,
  updatedAtMs: 0,
  clockFloorMs: 0,
  editedAtMs: 0,
  firstPostedAtMs: null,
  endedAtMs: null,
  preparingAtMs: 0,
  snapshot: null,
};

export function evolve(state: CampaignState, event: CampaignEvent, timeMs: number): CampaignState {
  return { ...state, ...changes(state, event, timeMs), updatedAtMs: timeMs };
}

function changes(
  state: CampaignState,
  event: CampaignEvent,
  timeMs: number,
): Partial<CampaignState> {
  switch (event.type) {
    case "campaign_created":
      return {
        status: "writing",
        settings: event.data.settings as CampaignSettings,
        copiedFrom: event.data.copiedFrom,
        createdAtMs: timeMs,
      };
    case "campaign_edited":
      return {
        settings: settingsAfter(state.settings, event.data.set),
        contentRevision: event.data.contentRevision,
        clockFloorMs: timeMs,
        ...(state.status === "posting" || state.status === "posting_reflecting_modifications"
          ? { status: "posting_reflecting_modifications", editedAtMs: timeMs }
          : {}),
      };
    case "campaign_deleted":
      return { status: "deleted" };
    case "campaign_activated":
    case "campaign_restarted":
      return { status: "waiting_to_post", clockFloorMs: timeMs, preparingAtMs: 0, snapshot: null };
    case "campaign_preparing":
      return { status: "preparing_to_publish", preparingAtMs: Date.parse(event.data.at) };
    case "audience_frozen": {
      const { at, ...snapshot } = event.data;
      return { snapshot: { ...snapshot, atMs: Date.parse(at) } };
    }
    case "campaign_posted":
      return {
        status: "posting",
        firstPostedAtMs: state.firstPostedAtMs ?? Date.parse(event.data.at),
      };
    case "modifications_reflected":
      return { status: "posting" };
    case "test_message_sent":
      return {};
    case "campaign_stopped":
      return { status: "stopped" };
    case "campaign_ended":
      return { status: "ended", endedAtMs: Date.parse(event.data.at) };
  }
}
