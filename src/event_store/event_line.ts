/**
 * The line of an event: the canonical JSON (RFC 8785) of the event as it is stored, with its position.
 * It is what auditors read, what an export holds, and what the transparency log proves.
 */
import type { StoredEvent } from "../../events/recorded_event.ts";
import { canonicalJson } from "./canonical_json.ts";
import type { DecodedRow, EncodedEvent } from "./log_row.ts";

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

/**
 * The texts of a row's events, cut out of the row's own text, because writing them anew costs several
 * times as much. None where the row is not as `encodeRow` writes it.
 */
export function eventTexts({ text, commitId, events }: DecodedRow): string[] {
  const texts: string[] = [];
  let start = `{"commitId":${JSON.stringify(commitId)},"events":[`.length;
  for (const { hash, type, version } of events) {
    // No text of the data holds this, because its own quotes are escaped, and no object of it its own hash.
    const hashAt = text.indexOf(`,"hash":"${hash}","meta":{`, start);
    const last = `,"type":${JSON.stringify(type)},"version":${version}}`;
    const lastAt = hashAt < 0 ? -1 : text.indexOf(last, hashAt);
    if (lastAt < 0 || !/^\{"(body|data)":/.test(text.slice(start, start + 8))) return [];
    const end = lastAt + last.length;
    texts.push(text.slice(start, end));
    start = end + 1;
  }
  return text.slice(start - 1) === "]}" ? texts : [];
}
