/** The keys of sessions by their tokens. Clients send one token again and again: those read are kept. */
import { decodeSession, sessionKey } from "../../events/session_token.ts";

/** Characters of the tokens that are kept; the oldest go first. */
const keptLengthMax = 4_000_000;

export class SessionKeys {
  readonly #keys = new Map<string, number>();
  #keptLength = 0;

  /** 0 for no token, and for one that is none of ours. */
  of(token: string | undefined): number {
    if (token === undefined) return 0;
    const known = this.#keys.get(token);
    if (known !== undefined) return known;
    const session = decodeSession(token);
    const key = session === null ? 0 : sessionKey(session);
    this.#keys.set(token, key);
    this.#keptLength += token.length;
    for (const oldest of this.#keys.keys()) {
      if (this.#keptLength <= keptLengthMax) break;
      this.#keys.delete(oldest);
      this.#keptLength -= oldest.length;
    }
    return key;
  }
}
