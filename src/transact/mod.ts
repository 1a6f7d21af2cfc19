/** From a command to events in the log. */
export { type Done, type Durations, type Request, type Result, Transact } from "./transact.ts";
export {
  audienceStream,
  campaignIdOf,
  campaignStream,
  streamRules,
  type StreamState,
  streamStatesRevision,
} from "./streams.ts";
