/** Time passing → commands. */
export { Scheduler } from "./scheduler.ts";
