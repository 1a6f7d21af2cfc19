/** What may be shown to whom. */
export { Delivery, type DeliveryAnswer } from "./delivery.ts";
