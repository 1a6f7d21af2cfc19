/** What may be shown to whom, and why. */
export { Asking, type DeliveryRequest, InvalidSessionError } from "./asking.ts";
export { claimCodes, Claims } from "./claims.ts";
export { type Asked, Delivery, localeOf } from "./delivery.ts";
export { Eligibility } from "./eligibility.ts";
export { Explain } from "./explain.ts";
export { LiveCampaigns, type Views } from "./live_campaigns.ts";
export { LocalTime } from "./local_time.ts";
export { filledContent, messageContent } from "./message.ts";
export { Past } from "./past.ts";
export { PastExposures } from "./past_exposures.ts";
export { competitorsOf } from "./simulation.ts";
export { firstTriggered, type Occasion } from "./trigger.ts";
