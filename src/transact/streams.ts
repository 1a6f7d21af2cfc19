/** Which streams commands decide on, and by which rules each is folded. */
import { type CampaignEvent, campaignStreamPrefix } from "../../events/campaign_events.ts";
import type { DomainEvent } from "../../events/recorded_event.ts";
import { type WorkspaceEvent, workspaceStream } from "../../events/workspace_events.ts";
import { campaignDecider, type CampaignState } from "../campaign/mod.ts";
import type { StreamRules } from "../event_store/mod.ts";
import { workspaceDecider, type WorkspaceState } from "../workspace/mod.ts";

export type StreamState = CampaignState | WorkspaceState;

/** Raised when a state of the same events looks different: the rows are then folded anew. */
export const streamStatesRevision = 1;

export const streamRules: StreamRules<StreamState> = {
  tracks: (stream) => stream === workspaceStream || stream.startsWith(campaignStreamPrefix),

  initial: (stream) =>
    stream === workspaceStream ? workspaceDecider.initial : campaignDecider.initial,

  evolve: (stream, state, event: DomainEvent, timeMs) =>
    stream === workspaceStream
      ? workspaceDecider.evolve(state as WorkspaceState, event as WorkspaceEvent, timeMs)
      : campaignDecider.evolve(state as CampaignState, event as CampaignEvent, timeMs),
};

export function campaignStream(campaignId: string): string {
  return campaignStreamPrefix + campaignId;
}

export function campaignIdOf(stream: string): string {
  return stream.slice(campaignStreamPrefix.length);
}
