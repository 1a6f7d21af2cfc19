/** Requests ↔ commands, rows ↔ responses. */
export { apiVersion, createApp } from "./app.ts";
export { EventFeed, eventStreamsMax, heartbeatMs, type Repeat } from "./event_feed.ts";
export type { Engine, Models } from "./engine.ts";
export { Keyring } from "./principal.ts";
export { answerInTurn, refusal } from "./surplus.ts";
