/**
 * What can happen to audiences. A stream `audience/ID` is the life of one; `members/WRITER`, one for
 * each writer and run, takes the members of lists in bulk: the event is small, and its body (see
 * `member_changes.ts`) stands beside the log.
 */
import { z } from "zod";
import type { DomainEvent } from "./recorded_event.ts";

export const audienceStreamPrefix = "audience/";
export const membersStreamPrefix = "members/";

/** `rule`: whoever fits a rule; `list`: whose ids were uploaded. Never changes. */
export const audienceKinds = ["rule", "list"] as const;
export type AudienceKind = (typeof audienceKinds)[number];

/** JsonLogic that was checked when it was given. */
const storedRule = z.record(z.string(), z.unknown());
export type AudienceRule = z.infer<typeof storedRule>;

export const audienceEventSchemas = {
  /** `rule` is null for a list. */
  audience_created: z.strictObject({
    name: z.string(),
    kind: z.enum(audienceKinds),
    rule: storedRule.nullable(),
  }),
  audience_edited: z.strictObject({
    set: z.strictObject({ name: z.string().optional(), rule: storedRule.optional() }),
  }),
  audience_deleted: z.strictObject({}),
};

export const memberEventSchemas = {
  /** `count` additions to a list and removals from it, in the order of the event's body. */
  members_changed: z.strictObject({ audienceId: z.string(), count: z.int().min(1) }),
};

type EventsOf<Schemas extends Record<string, z.ZodType>> = {
  [Type in keyof Schemas & string]: DomainEvent<Type, z.infer<Schemas[Type]>>;
}[keyof Schemas & string];
export type AudienceEvent = EventsOf<typeof audienceEventSchemas>;
export type MemberEvent = EventsOf<typeof memberEventSchemas>;
