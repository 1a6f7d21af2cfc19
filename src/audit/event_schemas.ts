/** Which events may stand in which stream, and what their data must be. */
import { z } from "zod";
import {
  audienceEventSchemas,
  audienceStreamPrefix,
  memberEventSchemas,
  membersStreamPrefix,
} from "../../events/audience_events.ts";
import { campaignEventSchemas, campaignStreamPrefix } from "../../events/campaign_events.ts";
import { claimEventSchemas, claimsStreamPrefix } from "../../events/claim_events.ts";
import {
  interactionEventSchemas,
  interactionsStreamPrefix,
} from "../../events/interaction_events.ts";
import { profileEventSchemas, profilesStreamPrefix } from "../../events/profile_events.ts";
import { notaryEventSchemas, notaryStream } from "../../events/notary_events.ts";
import type { StoredEvent } from "../../events/recorded_event.ts";
import { upcast } from "../../events/upcast.ts";
import { workspaceEventSchemas, workspaceStream } from "../../events/workspace_events.ts";

const kinds: readonly {
  owns(stream: string): boolean;
  readonly schemas: Readonly<Record<string, z.ZodType>>;
}[] = [
  { owns: (stream) => stream.startsWith(campaignStreamPrefix), schemas: campaignEventSchemas },
  { owns: (stream) => stream.startsWith(claimsStreamPrefix), schemas: claimEventSchemas },
  { owns: (stream) => stream.startsWith(audienceStreamPrefix), schemas: audienceEventSchemas },
  { owns: (stream) => stream.startsWith(membersStreamPrefix), schemas: memberEventSchemas },
  { owns: (stream) => stream === workspaceStream, schemas: workspaceEventSchemas },
  { owns: (stream) => stream === notaryStream, schemas: notaryEventSchemas },
  { owns: (stream) => stream.startsWith(profilesStreamPrefix), schemas: profileEventSchemas },
  {
    owns: (stream) => stream.startsWith(interactionsStreamPrefix),
    schemas: interactionEventSchemas,
  },
];

/** What the data of every type of event must be, in its newest version. */
export const eventDataSchemas: Readonly<Record<string, z.ZodType>> = Object.assign(
  {},
  ...kinds.map(({ schemas }) => schemas),
);

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const envelope = z.strictObject({
  stream: z.string().min(1),
  version: z.int().min(1),
  type: z.string(),
  schema: z.int().min(1),
  time: z.iso.datetime({ precision: 3 }),
  meta: z.strictObject({
    actor: z.string(),
    commandId: z.string(),
    traceId: z.string(),
    reason: z.string().optional(),
  }),
  data: z.unknown(),
  body: z.strictObject({
    ref: z.string(),
    parts: z.int().min(1),
    bytes: z.int().min(1),
    sha256,
  }).optional(),
  hash: sha256,
});

/** What is wrong with the form of an event; null: nothing. */
export function eventFault(stored: StoredEvent): string | null {
  const wrapped = envelope.safeParse(stored);
  if (!wrapped.success) return `is no event: ${firstIssue(wrapped.error)}`;
  const kind = kinds.find(({ owns }) => owns(stored.stream));
  if (!kind) return `stands in the stream ${stored.stream}, which nobody knows`;
  const event = upcast(stored);
  if (!Object.hasOwn(kind.schemas, event.type)) {
    return `has the type ${event.type}, which no event of ${stored.stream} has`;
  }
  const data = kind.schemas[event.type]!.safeParse(event.data);
  return data.success ? null : `has data that is no ${event.type}: ${firstIssue(data.error)}`;
}

function firstIssue(error: z.ZodError): string {
  const [issue] = error.issues;
  return `/${issue!.path.join("/")} ${issue!.message}`;
}
