/**
 * The token of a session: what was current when it began, and the revisions of campaigns that were
 * first posted later. Nothing is stored for it, so it outlives restarts and works on every instance.
 */
export interface Session {
  /** Revisions at or before this position were current when the session began. */
  readonly position: string;
  /** Campaign id → revision, for campaigns first shown later. */
  readonly pins: Readonly<Record<string, number>>;
}

const tokenFormat = 1;

export function encodeSession(session: Session): string {
  const pins = Object.entries(session.pins).sort(([a], [b]) => a < b ? -1 : 1);
  return btoa(JSON.stringify([tokenFormat, session.position, pins]))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Null for anything that is not a token of ours. */
export function decodeSession(token: string): Session | null {
  try {
    const fields = JSON.parse(atob(token.replaceAll("-", "+").replaceAll("_", "/")));
    if (!Array.isArray(fields) || fields.length !== 3 || fields[0] !== tokenFormat) return null;
    const [, position, pins] = fields;
    if (typeof position !== "string" || !Array.isArray(pins)) return null;
    const wellFormed = pins.every((pin) =>
      Array.isArray(pin) && typeof pin[0] === "string" && Number.isInteger(pin[1])
    );
    return wellFormed ? { position, pins: Object.fromEntries(pins) } : null;
  } catch {
    return null;
  }
}
