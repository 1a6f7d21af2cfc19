/** What may be shown to whom. */
export { sessionTokenLengthMax } from "./session.ts";
export { Delivery, type DeliveryAnswer } from "./delivery.ts";
