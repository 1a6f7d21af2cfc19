/**
 * Interactions in bulk. A stream is `interactions/WRITER`, one per writer and run. The event is small
 * and its body is a chunk (see `interaction_chunk.ts`) that stands beside the log, so that readers
 * which do not need interactions skip them cheaply.
 */
import { z } from "zod";
import type { DomainEvent } from "./recorded_event.ts";

export const interactionsStreamPrefix = "interactions/";

export const interactionEventSchemas = {
  /** `count` interactions were accepted; the event's body is their chunk. */
  interactions_recorded: z.strictObject({ count: z.int().min(1) }),
};

type Schemas = typeof interactionEventSchemas;
export type InteractionEvent = {
  [Type in keyof Schemas]: DomainEvent<Type, z.infer<Schemas[Type]>>;
}[keyof Schemas];
