/** Which streams commands decide on, and by which rules each is folded. */
import { type AudienceEvent, audienceStreamPrefix } from "../../events/audience_events.ts";
import { type CampaignEvent, campaignStreamPrefix } from "../../events/campaign_events.ts";
import { type ClaimEvent, claimsStreamPrefix } from "../../events/claim_events.ts";
import {
  type KeyRotations,
  noRotations,
  type NotaryEvent,
  notaryStream,
  rotationsAfter,
} from "../../events/notary_events.ts";
import type { DomainEvent } from "../../events/recorded_event.ts";
import { type WorkspaceEvent, workspaceStream } from "../../events/workspace_events.ts";
import { audienceDecider, type AudienceState } from "../audience/mod.ts";
import {
  campaignDecider,
  type CampaignState,
  isAtRest as isCampaignAtRest,
} from "../campaign/mod.ts";
import type { StreamRules } from "../event_store/mod.ts";
import { workspaceDecider, type WorkspaceState } from "../workspace/mod.ts";
import { claimsAfter, type GrantedClaims, noClaims } from "./granted_claims.ts";

export type StreamState =
  | AudienceState
  | CampaignState
  | GrantedClaims
  | KeyRotations
  | WorkspaceState;

/** Raised when a state of the same events looks different: the rows are then folded anew. */
export const streamStatesRevision = 2;

export const streamRules: StreamRules<StreamState> = {
  tracks: (stream) => hasHistory(stream) || stream.startsWith(claimsStreamPrefix),

  initial: (stream) => {
    if (stream === workspaceStream) return workspaceDecider.initial;
    if (stream === notaryStream) return noRotations;
    if (stream.startsWith(claimsStreamPrefix)) return noClaims;
    return stream.startsWith(audienceStreamPrefix)
      ? audienceDecider.initial
      : campaignDecider.initial;
  },

  isAtRest: (stream, state) =>
    stream.startsWith(claimsStreamPrefix) ||
    (stream.startsWith(campaignStreamPrefix) && isCampaignAtRest(state as CampaignState)),

  evolve: (stream, state, event: DomainEvent, timeMs) => {
    if (stream === workspaceStream) {
      return workspaceDecider.evolve(state as WorkspaceState, event as WorkspaceEvent, timeMs);
    }
    if (stream === notaryStream) {
      return rotationsAfter(state as KeyRotations, event as NotaryEvent);
    }
    if (stream.startsWith(claimsStreamPrefix)) {
      return claimsAfter(state as GrantedClaims, event as ClaimEvent, timeMs);
    }
    return stream.startsWith(audienceStreamPrefix)
      ? audienceDecider.evolve(state as AudienceState, event as AudienceEvent, timeMs)
      : campaignDecider.evolve(state as CampaignState, event as CampaignEvent, timeMs);
  },
};

/** Whether a stream is read by itself, so that an index of its events is worth keeping. */
export function hasHistory(stream: string): boolean {
  return stream === workspaceStream || stream === notaryStream ||
    stream.startsWith(campaignStreamPrefix) || stream.startsWith(audienceStreamPrefix);
}

export function audienceStream(audienceId: string): string {
  return audienceStreamPrefix + audienceId;
}

export function campaignStream(campaignId: string): string {
  return campaignStreamPrefix + campaignId;
}

export function campaignIdOf(stream: string): string {
  return stream.slice(campaignStreamPrefix.length);
}
