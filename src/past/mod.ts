/** Answers as of a place in the log, from history. */
export { type PastModels, PastsBusyError } from "./past_models.ts";
export type { PastCampaign, PastWorkspace } from "./past_streams.ts";
export { Pasts, type PastsOptions } from "./pasts.ts";
export { AsOfError, type AsOfFault, type Place } from "./place.ts";
