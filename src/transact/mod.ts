/** From a command to events in the log. */
export { claimsStream, type GrantedClaims } from "./granted_claims.ts";
export type { Durations } from "./draft_context.ts";
export { clockActor, type Done, type Request, type Result, Transact } from "./transact.ts";
export {
  audienceStream,
  campaignIdOf,
  campaignStream,
  hasHistory,
  streamRules,
  type StreamState,
  streamStatesRevision,
} from "./streams.ts";
