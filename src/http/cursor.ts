/** Cursors of lists: opaque text that holds where the page before ended. */
import { parsePosition } from "../event_store/mod.ts";
import { invalidInput } from "./problem.ts";

export function encodeCursor(fields: readonly string[]): string {
  const bytes = new TextEncoder().encode(JSON.stringify(fields));
  return bytes.toBase64({ alphabet: "base64url", omitPadding: true });
}

/** Throws a 422 for anything that `encodeCursor` did not make with as many fields. */
export function decodeCursor(cursor: string, fieldCount: number): string[] {
  try {
    const bytes = Uint8Array.fromBase64(cursor, { alphabet: "base64url" });
    const fields = JSON.parse(new TextDecoder().decode(bytes));
    const wellFormed = Array.isArray(fields) && fields.length === fieldCount &&
      fields.every((field) => typeof field === "string");
    if (wellFormed) return fields;
  } catch {
    // Told below.
  }
  throw noCursor();
}

/** The same for a cursor that holds how many items the pages before had. */
export function decodeCount(cursor: string): number {
  const [count] = decodeCursor(cursor, 1);
  if (/^\d{1,12}$/.test(count!)) return Number(count);
  throw noCursor();
}

/** The same for a cursor that holds the position where the page before ended. */
export function decodePosition(cursor: string): string {
  const [position] = decodeCursor(cursor, 1);
  if (parsePosition(position!)) return position!;
  throw noCursor();
}

function noCursor() {
  const message = "is not a cursor of this list; take nextCursor from the page before";
  return invalidInput([{ pointer: "/cursor", code: "invalid_format", message }]);
}
