/** When a client shows a message: at a session's start, on an event, or when it asks by a key. */
import { z } from "zod";
import { ruleFault } from "./json_logic.ts";
import { singleLine } from "./message_text.ts";
import { rule, unique } from "./problem.ts";

export const conditionsMax = 10;
export const delaySecondsMax = 3_600;
export const cancelOnMax = 10;
export const eventNameGraphemesMax = 100;
export const triggerKeyGraphemesMax = 100;

export const eventName = singleLine(eventNameGraphemesMax);

const condition = z.record(z.string(), z.unknown()).check(rule(ruleFault));

const delay = {
  delaySeconds: z.int().min(0).max(delaySecondsMax).optional(),
  /** Events that cancel a message that waits for its delay. */
  cancelOn: z.array(eventName).max(cancelOnMax).check(unique((name) => name)).optional(),
};

export const triggerSchema = z.discriminatedUnion("kind", [
  z.strictObject({ kind: z.literal("session_start"), ...delay }),
  z.strictObject({
    kind: z.literal("event"),
    event: eventName,
    /** JsonLogic over the event's properties; every one of the conditions must hold. */
    conditions: z.strictObject({ and: z.array(condition).max(conditionsMax) }).optional(),
    ...delay,
  }),
  z.strictObject({
    kind: z.literal("self_serve"),
    key: singleLine(triggerKeyGraphemesMax),
    ...delay,
  }),
]);

export type CampaignTrigger = z.infer<typeof triggerSchema>;

export type FullCampaignTrigger = CampaignTrigger extends infer Kind
  ? Kind extends CampaignTrigger ? Required<Kind> : never
  : never;

export function fullTrigger(trigger: CampaignTrigger | undefined): FullCampaignTrigger {
  const given = trigger ?? { kind: "session_start" };
  const delay = { delaySeconds: given.delaySeconds ?? 0, cancelOn: given.cancelOn ?? [] };
  if (given.kind !== "event") return { ...given, ...delay };
  return { ...given, ...delay, conditions: given.conditions ?? { and: [] } };
}
