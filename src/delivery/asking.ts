/**
 * From a request to what the rules are asked about: the numbers of its subject, the user's attributes.
 * Nearly always all of it is at hand; a promise is given only where something has to be read.
 */
import { type Session, SessionTokens } from "../../events/session_token.ts";
import type { Platform } from "../../events/workspace_events.ts";
import type { IdentityKind, IdentityRegister } from "../identity/mod.ts";
import type { Profiles } from "../profiles/mod.ts";
import { type Asked, localeOf } from "./delivery.ts";
import { type Subject, subjectOf } from "./subject.ts";
import type { Attributes } from "./message.ts";

export interface DeliveryRequest {
  readonly platform: Platform;
  readonly deviceId: string;
  readonly userId?: string | undefined;
  /** The token as it came. */
  readonly session?: string | undefined;
  readonly locale?: string | undefined;
}

/** The caller sent a token that is none of ours. */
export class InvalidSessionError extends Error {
  override readonly name = "InvalidSessionError";
}

export class Asking {
  readonly #tokens = new SessionTokens();

  constructor(readonly identities: IdentityRegister, readonly profiles: Profiles) {}

  /** Throws `InvalidSessionError`. `personal`: some message may name attributes of the user. */
  ask(request: DeliveryRequest, personal: boolean): Asked | Promise<Asked> {
    const session = request.session === undefined ? null : this.session(request.session);
    const subject = this.subject(request.deviceId, request.userId);
    const complete = (subject: Subject) => {
      const attributes = personal ? this.attributes(subject) : noAttributes;
      const asked = (attributes: Attributes): Asked => ({
        platform: request.platform,
        subject,
        session,
        locale: localeOf(request.locale),
        attributes,
        seen: null,
      });
      return attributes instanceof Promise ? attributes.then(asked) : asked(attributes);
    };
    return subject instanceof Promise ? subject.then(complete) : complete(subject);
  }

  /** The subject with its numbers, 0 where the register has none. */
  subject(deviceId: string, userId: string | undefined): Subject | Promise<Subject> {
    const device = this.#number("device", deviceId);
    const user = userId === undefined ? 0 : this.#number("user", userId);
    if (typeof device === "number" && typeof user === "number") {
      return subjectOf(deviceId, userId, device, user);
    }
    return Promise.all([device, user])
      .then(([device, user]) => subjectOf(deviceId, userId, device, user));
  }

  attributes({ user }: Subject): Attributes | Promise<Attributes> {
    if (user === 0) return noAttributes;
    return this.profiles.attributesOf("user", user) ?? this.profiles.load("user", user);
  }

  /** Throws `InvalidSessionError`. */
  session(token: string): Session {
    const session = this.#tokens.read(token);
    if (!session) throw new InvalidSessionError("is no token of a session");
    return session;
  }

  #number(kind: IdentityKind, id: string): number | Promise<number> {
    return this.identities.known(kind, id) ??
      this.identities.find(kind, id).then((number) => number ?? 0);
  }
}

const noAttributes: Attributes = {};
