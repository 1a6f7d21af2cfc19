/**
 * What is known of devices and users. A stream is `profiles/WRITER`, one per writer and run. The log
 * holds numbers and salted digests only: attributes and ids stand beside it, where they can be erased,
 * and with them goes the salt, without which a digest says nothing.
 */
import { z } from "zod";
import type { DomainEvent } from "./recorded_event.ts";

export const profilesStreamPrefix = "profiles/";

/** The index is the code in the bytes of `profile_changes.ts`: add at the end only. */
export const subjectKinds = ["device", "user"] as const;
export type SubjectKind = (typeof subjectKinds)[number];

export const profileEventSchemas = {
  /** `count` profiles were written; the event's body names them (see `profile_changes.ts`). */
  profiles_changed: z.strictObject({ count: z.int().min(1) }),
  /** The register's entry and the profile are erased; the number is never given again. */
  person_forgotten: z.strictObject({
    kind: z.enum(subjectKinds),
    number: z.int().min(1).max(4_294_967_295),
  }),
};

type Schemas = typeof profileEventSchemas;
export type ProfileEvent = {
  [Type in keyof Schemas]: DomainEvent<Type, z.infer<Schemas[Type]>>;
}[keyof Schemas];
