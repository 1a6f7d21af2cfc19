/**
 * The claims that the last commit granted for a campaign: what those decided next in the same commit
 * have to count, before the read models have folded it. Older ones are the read models'.
 */
import type { ClaimEvent } from "../../events/claim_events.ts";
import { claimsStreamPrefix } from "../../events/claim_events.ts";

export interface GrantedClaims {
  /** Recorded time of the commit. */
  readonly timeMs: number;
  readonly claims: readonly ClaimEvent["data"][];
}

export const noClaims: GrantedClaims = { timeMs: 0, claims: [] };

export function claimsAfter(before: GrantedClaims, event: ClaimEvent, timeMs: number) {
  const claims = before.timeMs === timeMs ? before.claims : [];
  return { timeMs, claims: [...claims, event.data] };
}

export function claimsStream(campaignId: string): string {
  return claimsStreamPrefix + campaignId;
}
