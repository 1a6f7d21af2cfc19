/**
 * One commit is one row of the log: the canonical JSON of the events of every command that was
 * gathered for it. The hash of an event covers the envelope and the stream's previous hash.
 */
import { hash } from "node:crypto";
import type { DomainEvent, EventMeta, StoredEvent } from "../../events/recorded_event.ts";
import type { BodyReference } from "../../events/recorded_event.ts";
import { canonicalJson } from "./canonical_json.ts";

export interface LogRow {
  readonly commitId: string;
  readonly events: readonly StoredEvent[];
}

export interface DecodedRow extends LogRow {
  /** The JSON that it was decoded from. */
  readonly text: string;
}

export interface EncodedEvent {
  readonly stream: string;
  readonly version: number;
  readonly hash: string;
  readonly type: string;
  readonly schema: number;
  readonly meta: EventMeta;
  /** Canonical JSON of the event's data. */
  readonly data: string;
  /** Canonical JSON of the stored event. */
  readonly text: string;
  readonly bytes: number;
}

// deno-lint-ignore no-control-regex -- all of ASCII
const isAscii = /^[\x00-\x7f]*$/;
const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true });

export function encodeEvent(
  place: { stream: string; version: number; previousHash: string },
  event: DomainEvent,
  time: string,
  meta: EventMeta,
  body?: BodyReference,
): EncodedEvent {
  // The members stand in the order of RFC 8785, so that the text with the hash is canonical too.
  const data = canonicalJson(event.data);
  const before = (body ? `{"body":${canonicalJson(body)},` : "{") + `"data":${data},`;
  const after = envelopeJson(place, event, time, meta);
  const hash = sha256Hex(place.previousHash + before + after);
  const text = `${before}"hash":"${hash}",${after}`;
  return {
    stream: place.stream,
    version: place.version,
    hash,
    type: event.type,
    schema: event.schema,
    meta,
    data,
    text,
    bytes: isAscii.test(text) ? text.length : encoder.encode(text).length,
  };
}

/** Canonical JSON of what stands behind the data, without its first brace: named in its order here. */
function envelopeJson(
  { stream, version }: { stream: string; version: number },
  { type, schema }: DomainEvent,
  time: string,
  { actor, commandId, reason, traceId }: EventMeta,
): string {
  const meta = { actor, commandId, reason, traceId };
  const text = JSON.stringify({ meta, schema, stream, time, type, version });
  // Perhaps a lone surrogate, which it throws at.
  if (text.includes("\\ud")) canonicalJson(meta);
  return text.slice(1);
}

/** The hash that an event must have after `previousHash`. */
export function eventHash(event: StoredEvent, previousHash: string): string {
  const { hash: _, ...rest } = event;
  return sha256Hex(previousHash + canonicalJson(rest));
}

export function encodeRow(commitId: string, events: readonly EncodedEvent[]): Uint8Array {
  const texts = events.map((event) => event.text).join(",");
  return encoder.encode(`{"commitId":${JSON.stringify(commitId)},"events":[${texts}]}`);
}

/** Throws `LogDamagedError` when the bytes are not a row. */
export function decodeRow(bytes: Uint8Array): DecodedRow {
  try {
    const text = decoder.decode(bytes);
    const { commitId, events } = JSON.parse(text) as LogRow;
    const isRow = typeof commitId === "string" && Array.isArray(events) &&
      events.every((event) => event instanceof Object);
    if (!isRow) throw new Error("no row");
    return { commitId, events, text };
  } catch (cause) {
    throw new LogDamagedError("a row of the log is not the JSON of a commit", { cause });
  }
}

export function sha256Hex(data: string | Uint8Array): string {
  return hash("sha256", data, "hex");
}

/** The log does not read back as it was written: stop, and restore from a backup. */
export class LogDamagedError extends Error {
  override readonly name: string = "LogDamagedError";
}
