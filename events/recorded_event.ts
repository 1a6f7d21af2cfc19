/**
 * The envelope around every event in the log. What is hashed is the canonical JSON (RFC 8785) of the
 * envelope without `hash`, after the hash of the stream's previous event; a position is never hashed,
 * because the store knows it only after the commit.
 */

import type { DecodedChunk } from "./interaction_chunk.ts";

/** The form of a position: epoch, versionstamp and index in the row, which sort as text. */
export const positionPattern = /^([0-9a-f]{4})-([0-9a-f]{20})-([0-9a-f]{4})$/;

/** Who asked, by which command, and why. */
export interface EventMeta {
  /** `key:ID` of a caller; `clock`: a boundary in time; `start`: the server's own; `task`: a task. */
  readonly actor: string;
  readonly commandId: string;
  readonly traceId: string;
  readonly reason?: string;
}

/** An event as a decider makes it: what happened, in which version of its schema. */
export interface DomainEvent<Type extends string = string, Data = unknown> {
  readonly type: Type;
  readonly schema: number;
  readonly data: Data;
}

/** Where an event's body stands in the store, and what it must be. */
export interface BodyReference {
  /** Those of newer bodies begin with the time (see `timedRef`). */
  readonly ref: string;
  /** Values that the body is divided over. */
  readonly parts: number;
  readonly bytes: number;
  /** SHA-256 of the bytes, hex. */
  readonly sha256: string;
}

/** An event as it stands in the log. */
export interface StoredEvent extends DomainEvent {
  readonly stream: string;
  /** 1 for a stream's first event, without gaps. */
  readonly version: number;
  /** Recorded time, RFC 3339 UTC with milliseconds; never decreases along the log. */
  readonly time: string;
  readonly meta: EventMeta;
  /** Bytes that belong to the event and stand beside the log; the hash covers their digest. */
  readonly body?: BodyReference;
  /** SHA-256 in hex over the previous event's hash (empty for the first) and this envelope. */
  readonly hash: string;
}

/** A chunk of interactions, and the places in it of those whose ids the log did not have before. */
export interface JudgedChunk {
  readonly chunk: DecodedChunk;
  readonly fresh: Uint32Array;
}

/** An event as projections see it: with its place in the log. */
export interface RecordedEvent<Event extends DomainEvent = DomainEvent> {
  readonly position: string;
  readonly stream: string;
  readonly version: number;
  /** Recorded time in milliseconds since the epoch. */
  readonly timeMs: number;
  readonly meta: EventMeta;
  readonly event: Event;
  readonly hash: string;
  /** The bytes of the body that the event names, where it has one: a chunk of interactions. */
  readonly body?: Uint8Array;
  /** What was found out about that body before anybody folds the event. */
  readonly judged?: JudgedChunk;
  /** Makes the canonical JSON of the event as it is stored, with its position: what is proven of it. */
  readonly line?: () => string;
}
