/**
 * The token of a session: what was current when it began, and the revisions of campaigns that were
 * first posted later. Nothing is stored for it, so it outlives restarts and works on every instance.
 */
import { parsePosition } from "../event_store/mod.ts";

export interface Session {
  /** Revisions at or before this position were current when the session began. */
  readonly position: string;
  /** Campaign id → revision, for campaigns first shown later. */
  readonly pins: Readonly<Record<string, number>>;
}

/** A token is at most this long; see `pinsMax`. */
export const sessionTokenLengthMax = 8_192;
/** Pins of a token: far more campaigns than can be active by default. */
const pinsMax = 120;
const tokenFormat = 1;
const pinnedId = /^[\w-]{1,40}$/;

export function encodeSession(session: Session): string {
  const pins = Object.entries(session.pins).slice(-pinsMax).sort(([a], [b]) => a < b ? -1 : 1);
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
    if (position !== "" && !parsePosition(position)) return null;
    const wellFormed = pins.length <= pinsMax &&
      pins.every((pin) =>
        Array.isArray(pin) && pin.length === 2 && typeof pin[0] === "string" &&
        pinnedId.test(pin[0]) && Number.isInteger(pin[1]) && pin[1] > 0
      );
    return wellFormed ? { position, pins: Object.fromEntries(pins) } : null;
  } catch {
    return null;
  }
}
