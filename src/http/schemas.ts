/** The shapes of answers, for the OpenAPI document; the tests hold every answer against them. */
import { z } from "zod";
import { audienceKinds } from "../../events/audience_events.ts";
import { campaignStatuses } from "../../events/campaign_events.ts";
import { messageTypes } from "../../events/campaign_settings.ts";
import { platforms, roles } from "../../events/workspace_events.ts";
import { rejectionCodes } from "../ingest/mod.ts";
import { preparationStates } from "../snapshots/mod.ts";
import { lineErrorSchema } from "./ndjson.ts";

export const instantSchema = z.iso.datetime({ precision: 3 });
export const positionSchema = z.string().regex(/^[A-Za-z0-9._~-]+$/)
  .describe("A place in the log: opaque, in the order of the log as text.");
export const statusSchema = z.enum(campaignStatuses);

export const problemSchema = z.looseObject({
  type: z.string(),
  title: z.string(),
  status: z.int(),
  detail: z.string(),
  code: z.string().describe("Stable; for programs."),
  errors: z.array(z.strictObject({
    pointer: z.string().describe("JSON pointer (RFC 6901) to the fault."),
    code: z.string(),
    message: z.string(),
  })).optional(),
}).describe("An error (RFC 9457)");

const action = z.looseObject({ type: z.enum(["none", "close", "weblink", "deeplink", "hide"]) });

export const contentSchema = z.looseObject({
  orientations: z.array(z.enum(["portrait", "landscape"])),
  buttons: z.array(z.looseObject({ elementId: z.string(), label: z.string(), action })).optional(),
  closeButton: z.looseObject({ visible: z.boolean() }),
});
export const triggerSchema = z.looseObject({
  kind: z.enum(["session_start", "event", "self_serve"]),
});
const capSchema = z.strictObject({
  per: z.enum(["total", "day", "hour", "session"]),
  by: z.enum(["user", "device"]),
  max: z.int().nullable(),
});

export const campaignSchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  description: z.string(),
  labels: z.array(z.string()),
  type: z.enum(messageTypes),
  platforms: z.array(z.enum(platforms)),
  audience: z.looseObject({ kind: z.enum(["all", "audience"]) }),
  content: contentSchema,
  variants: z.array(z.looseObject({ key: z.string(), weight: z.number() })),
  trigger: triggerSchema,
  priority: z.int(),
  schedule: z.looseObject({
    startAt: instantSchema.nullable(),
    endAt: instantSchema.nullable(),
  }),
  exposure: z.strictObject({ caps: z.array(capSchema) }),
  kpiEvents: z.array(z.strictObject({ name: z.string(), window: z.string() })),
  status: statusSchema,
  version: z.int().min(1).describe("Of the campaign's stream; its ETag without the quotes."),
  contentRevision: z.int().min(1),
  allowedActions: z.array(z.string()),
  missing: z.array(z.string()).describe("JSON pointers to what activation still needs."),
  createdAt: instantSchema,
  updatedAt: instantSchema,
  copiedFrom: z.string().nullable(),
});

export const campaignListSchema = z.strictObject({
  items: z.array(campaignSchema),
  nextCursor: z.string().nullable(),
  activeCount: z.int(),
  activeLimit: z.int(),
  countsByStatus: z.record(statusSchema, z.int()),
});

export const audienceSchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  kind: z.enum(audienceKinds),
  rule: z.record(z.string(), z.unknown()).nullable().describe("JsonLogic; null for a list."),
  version: z.int().min(1).describe("Of the audience's stream; its ETag without the quotes."),
  size: z.int().nullable().describe("Members; null where they have not been counted."),
  usedBy: z.array(z.string())
    .describe("Campaigns that name it and are neither deleted nor ended, the first 200 by id."),
  createdAt: instantSchema,
  updatedAt: instantSchema,
});

export const membersToldSchema = z.strictObject({
  added: z.int(),
  removed: z.int(),
  unchanged: z.int().describe("Lines that changed nothing."),
  size: z.int().describe("Members now."),
  rejected: z.int().describe("Lines that are wrong; the others hold."),
  errors: z.array(lineErrorSchema).describe("What is wrong with the first of them."),
});

export const statusAnswerSchema = z.strictObject({
  status: statusSchema,
  since: instantSchema,
  next: z.strictObject({ status: statusSchema, at: instantSchema }).optional(),
  timeline: z.array(z.strictObject({
    status: statusSchema,
    at: instantSchema.describe("The boundary's own date."),
    position: positionSchema,
    cause: z.string(),
  })),
});

export const historySchema = z.strictObject({
  items: z.array(z.strictObject({
    position: positionSchema,
    version: z.int(),
    type: z.string(),
    at: instantSchema,
    actor: z.string(),
    reason: z.string().optional(),
    changes: z.array(z.strictObject({
      path: z.string(),
      from: z.unknown(),
      to: z.unknown(),
    })),
  })),
  nextCursor: z.string().nullable(),
});

/** A line of the log: the event as it is stored, with its position. */
export const eventSchema = z.strictObject({
  position: positionSchema,
  stream: z.string(),
  version: z.int().min(1).describe("1 for a stream's first event, without gaps."),
  type: z.string(),
  schema: z.int().min(1).describe("Version of the type's schema."),
  time: instantSchema.describe("Recorded time."),
  data: z.record(z.string(), z.unknown()),
  meta: z.strictObject({
    actor: z.string(),
    commandId: z.string(),
    traceId: z.string(),
    reason: z.string().optional(),
  }),
  hash: z.string().describe("SHA-256 over the hash before it in the stream and this event."),
  body: z.strictObject({
    ref: z.string().describe("For `/v1/audit/bodies/{ref}`."),
    parts: z.int(),
    bytes: z.int(),
    sha256: z.string(),
  }).optional().describe("Bytes beside the log that belong to the event."),
});

export const eventPageSchema = z.strictObject({
  items: z.array(eventSchema),
  nextCursor: z.string().nullable(),
});

const metrics = {
  totalImpressions: z.int(),
  uniqueImpressions: z.int().describe("Distinct devices."),
  userImpressions: z.int().describe("Distinct user ids."),
  totalClicks: z.int(),
  uniqueClicks: z.int(),
  userClicks: z.int(),
  totalCtr: z.number().nullable().describe("Per cent; null when there is no impression."),
  uniqueCtr: z.number().nullable(),
  userCtr: z.number().nullable(),
};
const kpiEventsAnswer = z.array(z.strictObject({
  name: z.string(),
  totalClickBasis: z.int().describe("Every such event within the window after a click."),
  uniqueClickBasis: z.int().describe("Distinct devices with such an event."),
})).optional().describe("By name; absent where the campaigns have and had none.");
export const kpiSchema = z.strictObject({
  ...metrics,
  late: z.int().describe("Impressions after a stop, outside the nine metrics."),
  kpiEvents: kpiEventsAnswer,
  series: z.array(z.strictObject({
    from: instantSchema,
    to: instantSchema,
    ...metrics,
    kpiEvents: kpiEventsAnswer,
  })).optional(),
  breakdown: z.array(z.strictObject({ key: z.string().nullable(), ...metrics })).optional(),
});

export const messageSchema = z.strictObject({
  campaignId: z.string(),
  revision: z.int(),
  variant: z.string().optional().describe("Absent for who sees the content itself."),
  type: z.enum(messageTypes),
  content: contentSchema,
  trigger: triggerSchema,
  priority: z.int(),
  elementIds: z.array(z.string()),
  test: z.literal(true).optional().describe("A draft on a test device; never counted."),
  caps: z.strictObject({
    limits: z.array(capSchema.extend({
      remaining: z.int().nullable().describe("How often more in this unit; null: no cap."),
    })),
    remaining: z.int().nullable().describe("The least of all; null: nothing is capped."),
  }),
});

export const deliverySchema = z.strictObject({
  session: z.string(),
  messages: z.array(messageSchema),
  statusCheckSeconds: z.int(),
});

export const receivedSchema = z.strictObject({
  accepted: z.int(),
  rejected: z.array(z.strictObject({
    index: z.int(),
    code: z.enum(rejectionCodes),
    pointer: z.string().optional(),
    message: z.string().optional(),
  })),
  position: positionSchema,
});

export const workspaceSchema = z.strictObject({
  version: z.int(),
  platforms: z.array(z.enum(platforms)),
  timeZone: z.string(),
  activeLimit: z.int(),
});

export const keySchema = z.strictObject({
  id: z.string(),
  name: z.string(),
  role: z.enum(roles),
  createdAt: instantSchema,
});

export const audiencePreviewSchema = z.strictObject({
  size: z.int().min(0),
  sample: z.array(z.union([
    z.strictObject({ userId: z.string() }),
    z.strictObject({ deviceId: z.string() }),
  ])),
});

export const campaignAudienceSchema = z.strictObject({
  audience: z.looseObject({ kind: z.enum(["all", "audience"]) }),
  preparation: z.strictObject({
    state: z.enum(preparationStates),
    scanned: z.int().describe("Subjects looked at, of `total`."),
    total: z.int(),
    matched: z.int().describe("Members found."),
    attempts: z.int().describe("Tries so far."),
    error: z.string().optional().describe("Why the last try failed; another one comes."),
  }),
  snapshot: z.strictObject({
    id: z.string(),
    size: z.int().nullable().describe("Members that are not left out; null for everybody."),
    digest: z.string().nullable().describe("SHA-256 of their numbers."),
    at: instantSchema,
  }).nullable(),
});
