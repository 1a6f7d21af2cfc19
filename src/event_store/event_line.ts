/**
 * The line of an event: the canonical JSON (RFC 8785) of the event as it is stored, with its position.
 * It is what auditors read, what an export holds, and what the transparency log proves.
 */
import type { StoredEvent } from "../../events/recorded_event.ts";
import { canonicalJson } from "./canonical_json.ts";
import type { EncodedEvent } from "./log_row.ts";

/** The line of an event as it was read from its row. */
export function eventLine(position: string, stored: StoredEvent): string {
  return canonicalJson({ ...stored, position });
}

/** The same of an event of this process, whose text is there: only the position is put in its place. */
export function encodedEventLine(
  position: string,
  { text, schema }: Pick<EncodedEvent, "text" | "schema">,
): string {
  // Nothing but numbers and texts follows the schema, and a text's own quotes are escaped.
  const at = text.lastIndexOf(`,"schema":${schema},"stream":`);
  return `${text.slice(0, at)},"position":"${position}"${text.slice(at)}`;
}
