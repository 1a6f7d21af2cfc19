/** The keys of sessions by their tokens. */
import { sessionKey, SessionTokens } from "../../events/session_token.ts";

export class SessionKeys {
  readonly #tokens = new SessionTokens();

  /** 0 for no token, and for one that is none of ours. */
  of(token: string | undefined): number {
    const session = token === undefined ? null : this.#tokens.read(token);
    return session ? sessionKey(session) : 0;
  }
}
