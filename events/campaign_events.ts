/**
 * What can happen to a campaign. A stream is `campaign/ID`. `at` is a boundary's own date, which may
 * be earlier than the recorded time of the event (after down-time, say); all instants are RFC 3339.
 */
import { z } from "zod";
import type { DomainEvent } from "./recorded_event.ts";

const instant = z.iso.datetime({ precision: 3 });
const settingsAsGiven = z.record(z.string(), z.unknown());

export const campaignEventSchemas = {
  /** A draft: the settings as given, defaults left out. */
  campaign_created: z.strictObject({
    settings: settingsAsGiven,
    copiedFrom: z.string().nullable(),
  }),
  /**
   * Top-level settings that changed, each whole, `null` for one that went back to its default.
   * `contentRevision` is the revision after the edit.
   */
  campaign_edited: z.strictObject({ set: settingsAsGiven, contentRevision: z.int().min(1) }),
  campaign_deleted: z.strictObject({}),
  campaign_activated: z.strictObject({}),
  campaign_restarted: z.strictObject({}),
  /** The lead time before the start has come: the audience is being calculated. */
  campaign_preparing: z.strictObject({ at: instant }),
  /** The audience as it will be used. `size` and `digest` are null for "all": nothing is counted. */
  audience_frozen: z.strictObject({
    at: instant,
    snapshotId: z.string(),
    size: z.int().min(0).nullable(),
    digest: z.string().nullable(),
  }),
  campaign_posted: z.strictObject({ at: instant }),
  /** The reflect window after the last edit has passed. */
  modifications_reflected: z.strictObject({ at: instant }),
  /** Impressions that happen later than `lateAfter`, until it posts again, are counted apart. */
  campaign_stopped: z.strictObject({ lateAfter: instant }),
  campaign_ended: z.strictObject({
    at: instant,
    cause: z.enum(["end_reached", "end_command"]),
    neverPosted: z.boolean(),
  }),
  /** The draft is to be shown to these devices (numbers of the identity register) as a test. */
  test_message_sent: z.strictObject({ devices: z.array(z.int().min(1)).min(1) }),
};

type Schemas = typeof campaignEventSchemas;
export type CampaignEventType = keyof Schemas;
export type CampaignEvent = {
  [Type in CampaignEventType]: DomainEvent<Type, z.infer<Schemas[Type]>>;
}[CampaignEventType];

export const campaignStatuses = [
  "writing",
  "waiting_to_post",
  "preparing_to_publish",
  "posting",
  "posting_reflecting_modifications",
  "stopped",
  "ended",
] as const;
export type CampaignStatus = (typeof campaignStatuses)[number];

/** The statuses that take one of the workspace's active slots. */
export const activeStatuses: readonly CampaignStatus[] = [
  "waiting_to_post",
  "preparing_to_publish",
  "posting",
  "posting_reflecting_modifications",
];

export function isActiveStatus(status: string): boolean {
  return (activeStatuses as readonly string[]).includes(status);
}

export const campaignStreamPrefix = "campaign/";
