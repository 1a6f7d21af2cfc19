/** From a command to events in the log. */
export { type Durations, type Request, type Result, Transact } from "./transact.ts";
export {
  campaignIdOf,
  campaignStream,
  streamRules,
  type StreamState,
  streamStatesRevision,
} from "./streams.ts";
