/** An interaction as a client sends it, and whether it is accepted; pure. */
import { z } from "zod";
import { interactionKinds } from "../../events/interaction_chunk.ts";
import { hideChoices } from "../../events/message_action.ts";
import { sessionTokenLengthMax } from "../../events/session_token.ts";
import { platforms } from "../../events/workspace_events.ts";

export const interactionsPerCallMax = 1_000;
export const idLengthMax = 128;
export const subjectIdLengthMax = 256;
export const nameLengthMax = 100;
export const propertiesMax = 50;
export const propertyLengthMax = 1_000;
export const revisionMax = 4_294_967_295;

/** No control characters, no lone surrogates: ids are compared as they are. */
export const idPattern = /^[^\p{Cc}\p{Cs}]+$/u;
export const subjectId = z.string().min(1).max(subjectIdLengthMax).regex(idPattern);

export const claimIdSchema = z.string().min(1).max(idLengthMax);

export const interactionSchema = z.strictObject({
  id: z.string().min(1).max(idLengthMax).regex(idPattern)
    .describe("Chosen by the client, the same for every retry; counted once."),
  kind: z.enum(interactionKinds),
  campaignId: z.string().min(1).max(idLengthMax).optional()
    .describe("Required for all kinds but `event`."),
  revision: z.int().min(1).max(revisionMax).optional(),
  elementId: z.string().min(1).max(idLengthMax).regex(idPattern).optional(),
  name: z.string().min(1).max(nameLengthMax).regex(idPattern).optional()
    .describe("Of an event (required there), or how long a hide lasts."),
  properties: z.record(
    z.string().max(nameLengthMax),
    z.union([z.string().max(propertyLengthMax), z.number(), z.boolean(), z.null()]),
  ).refine((properties) => Object.keys(properties).length <= propertiesMax)
    .optional().describe("For conditions; not kept."),
  platform: z.enum(platforms),
  deviceId: subjectId,
  userId: subjectId.optional(),
  session: z.string().max(sessionTokenLengthMax).optional(),
  claimId: claimIdSchema.optional(),
  occurredAt: z.iso.datetime({ offset: true }),
});
export type Interaction = z.infer<typeof interactionSchema>;

export const rejectionCodes = [
  "invalid",
  "unknown_campaign",
  "in_future",
  "too_old",
  "not_posted",
  "after_end",
] as const;
export type RejectionCode = (typeof rejectionCodes)[number];

/** Clients' clocks may be this far ahead. */
export const aheadMsMax = 5 * 60 * 1000;
const dayMs = 24 * 60 * 60 * 1000;
/** An interaction may arrive this long after it happened. */
export const ageMsMax = 7 * dayMs;
/** Interactions count until this long after the end. */
export const afterEndMsMax = 7 * dayMs;

/** What judging needs to know of a campaign. */
export interface CampaignTimes {
  readonly firstPostedAtMs: number | null;
  readonly endedAtMs: number | null;
}

/** `campaign` is undefined for one that does not exist; null: the interaction names none. */
export function judge(
  occurredAtMs: number,
  arrivedAtMs: number,
  campaign: CampaignTimes | undefined | null,
): RejectionCode | null {
  if (campaign === undefined) return "unknown_campaign";
  if (occurredAtMs > arrivedAtMs + aheadMsMax) return "in_future";
  if (occurredAtMs < arrivedAtMs - ageMsMax) return "too_old";
  if (campaign === null) return null;
  if (campaign.firstPostedAtMs === null || occurredAtMs < campaign.firstPostedAtMs) {
    return "not_posted";
  }
  if (campaign.endedAtMs !== null && occurredAtMs >= campaign.endedAtMs + afterEndMsMax) {
    return "after_end";
  }
  return null;
}

/** The fields that a kind needs beyond those that all have; the name of the one that is missing. */
export function missingField(interaction: Interaction): string | null {
  switch (interaction.kind) {
    case "impression":
    case "click":
      return interaction.campaignId === undefined ? "campaignId" : null;
    case "event":
      return interaction.name === undefined ? "name" : null;
    case "hide":
      if (interaction.campaignId === undefined) return "campaignId";
      return interaction.name === undefined ||
          (hideChoices as readonly string[]).includes(interaction.name)
        ? null
        : "name";
  }
}
