/** From a command to events in the log. */
export { type Durations, type Request, type Result, Transact } from "./transact.ts";
export { claimsStream, type GrantedClaims } from "./granted_claims.ts";
export {
  campaignIdOf,
  campaignStream,
  hasHistory,
  streamRules,
  type StreamState,
  streamStatesRevision,
} from "./streams.ts";
