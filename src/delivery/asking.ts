/**
 * From a request to what the rules are asked about: the numbers of its subject, the user's attributes.
 * Nearly always all of it is at hand; a promise is given only where something has to be read.
 */
import { decodeSession, type Session } from "../../events/session_token.ts";
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

export class InvalidSessionError extends Error {
  override readonly name = "InvalidSessionError";
}

export class Asking {
  readonly #sessions = new Map<string, Session>();

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

  /** Throws `InvalidSessionError`. Clients send the same token again and again. */
  session(token: string): Session {
    const kept = this.#sessions.get(token);
    if (kept) return kept;
    const session = decodeSession(token);
    if (!session) throw new InvalidSessionError();
    if (this.#sessions.size >= sessionsKeptMax) this.#sessions.clear();
    this.#sessions.set(token, session);
    return session;
  }

  #number(kind: IdentityKind, id: string): number | Promise<number> {
    return this.identities.known(kind, id) ??
      this.identities.find(kind, id).then((number) => number ?? 0);
  }
}

const noAttributes: Attributes = {};
const sessionsKeptMax = 10_000;
