/**
 * Brings a stored event up to the newest schema of its type. Every schema so far is the first of its
 * type; when one gets a successor, the way from the old to the new goes here.
 */
import type { DomainEvent, StoredEvent } from "./recorded_event.ts";

export function upcast({ type, schema, data }: StoredEvent): DomainEvent {
  return { type, schema, data };
}
