/**
 * The token of a session: when it began and what was current then, and the revisions of campaigns that
 * were first posted later. Nothing is stored for it, so it outlives restarts and works on every instance.
 */
import { positionPattern } from "./recorded_event.ts";

export interface Session {
  /** Revisions at or before this position were current when the session began. */
  readonly position: string;
  /** When it began: tells two sessions of one device apart. */
  readonly startedAtMs: number;
  /** Campaign id → revision, for campaigns first shown later. */
  readonly pins: Readonly<Record<string, number>>;
}

/** A token is at most this long; see `pinsMax`. */
export const sessionTokenLengthMax = 8_192;
/** Pins of a token: far more campaigns than can be active by default. */
const pinsMax = 120;
const tokenFormat = 2;
const pinnedId = /^[\w-]{1,40}$/;

/** The last token without pins: sessions that begin in the same millisecond share it. */
let last = { position: "", startedAtMs: -1, token: "" };

export function encodeSession(session: Session): string {
  for (const _ in session.pins) return encoded(session);
  const { position, startedAtMs } = session;
  if (last.startedAtMs !== startedAtMs || last.position !== position) {
    last = { position, startedAtMs, token: encoded(session) };
  }
  return last.token;
}

function encoded({ position, startedAtMs, pins }: Session): string {
  const kept = Object.entries(pins).slice(-pinsMax).sort(([a], [b]) => a < b ? -1 : 1);
  return btoa(JSON.stringify([tokenFormat, position, startedAtMs, kept]))
    .replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

/** Null for anything that is not a token of ours. */
export function decodeSession(token: string): Session | null {
  try {
    const fields = JSON.parse(atob(token.replaceAll("-", "+").replaceAll("_", "/")));
    if (!Array.isArray(fields) || fields.length !== 4 || fields[0] !== tokenFormat) return null;
    const [, position, startedAtMs, pins] = fields;
    if (typeof position !== "string" || !Array.isArray(pins)) return null;
    if (position !== "" && !positionPattern.test(position)) return null;
    if (!Number.isSafeInteger(startedAtMs) || startedAtMs < 0) return null;
    const wellFormed = pins.length <= pinsMax &&
      pins.every((pin) =>
        Array.isArray(pin) && pin.length === 2 && typeof pin[0] === "string" &&
        pinnedId.test(pin[0]) && Number.isInteger(pin[1]) && pin[1] > 0
      );
    return wellFormed ? { position, startedAtMs, pins: Object.fromEntries(pins) } : null;
  } catch {
    return null;
  }
}

/** What records of a session carry: 32 bits that tell the sessions of one device apart; never 0. */
export function sessionKey({ startedAtMs }: Pick<Session, "startedAtMs">): number {
  return startedAtMs % 2 ** 32 || 1;
}

/** Characters of the tokens that a reader keeps; the oldest go first. */
const keptCharacters = 4_000_000;

/** Reads tokens, and keeps what it has read: clients send one token again and again. */
export class SessionTokens {
  readonly #read = new Map<string, Session | null>();
  #keptLength = 0;

  /** Null for one that is none of ours. */
  read(token: string): Session | null {
    const known = this.#read.get(token);
    if (known !== undefined) return known;
    const session = decodeSession(token);
    this.#read.set(token, session);
    this.#keptLength += token.length;
    for (const oldest of this.#read.keys()) {
      if (this.#keptLength <= keptCharacters) break;
      this.#read.delete(oldest);
      this.#keptLength -= oldest.length;
    }
    return session;
  }
}
