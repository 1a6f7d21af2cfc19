/** For operators: why was it (not) shown, how does it look for somebody, show the draft on my phone. */
import { z } from "zod";
import { variantFor } from "../../../events/assignment.ts";
import type { CampaignStatus } from "../../../events/campaign_events.ts";
import { deliveredSettings, withDefaults } from "../../../events/campaign_settings.ts";
import { instantSchema } from "../../../events/instant.ts";
import { platforms } from "../../../events/workspace_events.ts";
import { missingSettings } from "../../campaign/mod.ts";
import { competitorsOf, filledContent, localeOf, messageContent } from "../../delivery/mod.ts";
import { subjectId } from "../../ingest/mod.ts";
import { countShared } from "../../snapshots/mod.ts";
import {
  answerTo,
  commandCall,
  commandResponse,
  jsonBody,
  notFound,
  parseBody,
  readCommandBody,
} from "../command.ts";
import type { Engine } from "../engine.ts";
import { invalidInput } from "../problem.ts";
import { json, positionHeader, prepareRead } from "../read.ts";
import { type Route, route } from "../route.ts";
import { contentSchema, instantSchema as instantAnswer, statusSchema } from "../schemas.ts";
import { campaignIdLengthMax, localeAsked, nowOf, prepareDelivery, whoAsks } from "./delivery.ts";

const testDevicesMax = 100;
const variantLengthMax = 64;

const readers = ["operator", "auditor"] as const;

const explainBody = z.strictObject({
  campaignId: z.string().min(1).max(campaignIdLengthMax),
  ...whoAsks,
  platform: z.enum(platforms).optional().describe("Left out, every platform is taken as right."),
  at: instantSchema.optional().describe("A past instant; left out, now."),
});
const previewBody = z.strictObject({
  userId: subjectId.optional(),
  deviceId: subjectId.optional(),
  locale: localeAsked,
  variant: z.string().max(variantLengthMax).nullable().optional()
    .describe("null: the content itself; left out: the one that the subject is assigned."),
});
const testBody = z.strictObject({
  deviceIds: z.array(subjectId).min(1).max(testDevicesMax),
});

const noBody = z.strictObject({});
const everybody = { members: null, excluded: null };

const simulationSchema = z.strictObject({
  reach: z.int().nullable()
    .describe("Members now, without the excluded; null: everybody, or an audience is gone."),
  controlPercent: z.int().describe("This share of them would never see it."),
  missing: z.array(z.string()).describe("JSON pointers to what activation still needs."),
  competitors: z.array(z.strictObject({
    campaignId: z.string(),
    name: z.string(),
    status: statusSchema,
    priority: z.int(),
    isFirst: z.boolean().describe("Whether it is shown before this one."),
    shared: z.int().nullable()
      .describe("Members that both reach; null: everybody, or none is frozen yet."),
  })),
});

export function rehearsalRoutes(engine: Engine): Route[] {
  const { models } = engine;
  return [
    route({
      method: "post",
      path: "/v1/delivery/explain",
      asksOnly: true,
      tag: "Clients",
      summary: "Why was a campaign (not) shown to somebody?",
      description:
        "Every rule with what it looked at and its result, now or at any past instant: " +
        "the rules that delivery asks. `passed` is null where what it needs is not known any more.",
      roles: readers,
      body: { schema: explainBody, mediaTypes: jsonBody },
      answers: {
        200: {
          description: "The rules",
          schema: z.strictObject({
            shown: z.boolean(),
            at: instantAnswer,
            rules: z.array(z.strictObject({
              rule: z.string(),
              passed: z.boolean().nullable(),
              detail: z.string(),
            })),
            revision: z.int().nullable(),
            variant: z.string().nullable(),
          }),
          headers: ["Placard-Position"],
        },
      },
      problems: [404],
      handle: async ({ context }) => {
        const body = await readCommandBody(context, jsonBody);
        const { campaignId, deviceId, userId, platform, session, at } = parseBody(
          explainBody,
          body,
        );
        const position = await prepareDelivery(engine);
        const nowMs = nowOf(engine);
        if (at !== undefined && Date.parse(at) > nowMs) {
          const message = "is in the future: nobody can know yet";
          throw invalidInput([{ pointer: "/at", code: "in_future", message }]);
        }
        const explanation = await engine.explain.explain({
          campaignId,
          subject: await engine.asking.subject(deviceId, userId),
          platform: platform ?? null,
          session: session === undefined ? null : engine.asking.session(session),
          atMs: at === undefined ? nowMs : Date.parse(at),
          isNow: at === undefined,
        });
        if (!explanation) throw notFound();
        return json(explanation, 200, positionHeader(position));
      },
    }),
    route({
      method: "post",
      path: "/v1/campaigns/{id}/preview",
      asksOnly: true,
      tag: "Campaigns",
      summary: "How the message looks for somebody",
      description:
        "The content of the settings as they are now: the subject's variant, the nearest locale, " +
        "and the user's attributes in place of the placeholders. Every text is plain text.",
      roles: readers,
      body: { schema: previewBody, mediaTypes: jsonBody, optional: true },
      answers: {
        200: {
          description: "The content",
          schema: z.strictObject({ variant: z.string().nullable(), content: contentSchema }),
          headers: ["Placard-Position"],
        },
      },
      problems: [404],
      handle: async ({ context }) => {
        const body = await readCommandBody(context, jsonBody, true);
        const { userId, deviceId = "", locale, variant } = parseBody(previewBody, body);
        const position = await prepareRead(engine, [models.campaigns]);
        const row = models.campaigns.model.get(context.req.param("id")!);
        if (!row) throw notFound();
        const delivered = deliveredSettings(withDefaults(row.settings));
        const known = delivered.variants.some(({ key }) => key === variant);
        if (variant !== undefined && variant !== null && !known) {
          const message = "is no variant of this campaign";
          throw invalidInput([{ pointer: "/variant", code: "unknown_variant", message }]);
        }
        const subject = await engine.asking.subject(deviceId, userId);
        const isSomebody = userId !== undefined || deviceId !== "";
        const assigned = isSomebody
          ? variantFor(delivered.variants, row.id, subject.assignedAs)
          : null;
        const shown = variant === undefined ? assigned : variant;
        const content = filledContent(
          messageContent(delivered, shown, localeOf(locale)),
          await engine.asking.attributes(subject),
        );
        return json({ variant: shown, content }, 200, positionHeader(position));
      },
    }),
    route({
      method: "post",
      path: "/v1/campaigns/{id}/simulate",
      asksOnly: true,
      tag: "Campaigns",
      summary: "If it were live: whom would it reach, and what would it compete with?",
      description: "Competitors are the active campaigns that share a platform, the occasion and " +
        "some time with it, those shown first in front. Rules are evaluated over everybody, which " +
        "takes some seconds for a million; one simulation runs at a time.",
      roles: readers,
      body: { schema: noBody, mediaTypes: jsonBody, optional: true },
      answers: {
        200: {
          description: "Reach and competitors",
          schema: simulationSchema,
          headers: ["Placard-Position"],
        },
      },
      problems: [404],
      handle: async ({ context }) => {
        parseBody(noBody, await readCommandBody(context, jsonBody, true));
        const position = await prepareRead(engine, [
          models.campaigns,
          models.audiences,
          models.subjects,
        ]);
        const row = models.campaigns.model.get(context.req.param("id")!);
        if (!row) throw notFound();
        const { audience } = withDefaults(row.settings);
        const zone = models.workspace.model.row.timeZone;
        const competitors = competitorsOf(row, models.campaigns.model.active(), nowOf(engine));
        const answer = await engine.reach.of(row.settings, async (reached) => ({
          reach: reached && countShared(reached, everybody),
          controlPercent: audience.controlPercent,
          missing: missingSettings(row.settings, {
            audienceExists: (id) => models.audiences.model.exists(id),
          }),
          competitors: await Promise.all(competitors.map(async ({ row: other, isFirst }) => {
            const { showable } = await engine.liveCampaigns.view(other, zone);
            const frozen = showable.audience.kind === "all" &&
                showable.audience.excludeAudienceId === null
              ? everybody
              : showable.snapshot;
            return {
              campaignId: other.id,
              name: other.settings.name,
              status: other.status as CampaignStatus,
              priority: withDefaults(other.settings).priority,
              isFirst,
              shared: reached && frozen && countShared(reached, frozen),
            };
          })),
        }));
        return json(answer, 200, positionHeader(position));
      },
    }),
    route({
      method: "post",
      path: "/v1/campaigns/{id}/test-messages",
      tag: "Campaigns",
      summary: "Show the draft on these devices",
      description: "For 24 hours, or until the campaign is activated or deleted. It passes over " +
        "schedule, audience, caps and hides, and nothing of it is ever counted.",
      roles: ["operator"],
      body: { schema: testBody, mediaTypes: jsonBody },
      takesIdempotencyKey: true,
      takesIfMatch: true,
      answers: {
        202: {
          description: "The devices get it when they sync next",
          schema: z.strictObject({ devices: z.int() }),
          headers: ["ETag", "Placard-Position"],
        },
      },
      problems: [404, 409, 412],
      handle: async (call) => {
        const id = call.context.req.param("id")!;
        await prepareRead(engine, [models.campaigns]);
        // Nobody's number is given for a campaign that does not exist.
        if (!models.campaigns.model.get(id)) throw notFound();
        const body = await readCommandBody(call.context, jsonBody);
        const { deviceIds } = parseBody(testBody, body);
        const { meta, expectedVersion, remember } = commandCall(engine, call, body);
        const numbers = await engine.identities.assign("device", deviceIds);
        const devices = [...new Set(deviceIds)].map((deviceId) => numbers.get(deviceId)!);
        const outcome = await engine.transact.campaign(id, {
          command: { type: "send_test", devices },
          meta,
          expectedVersion,
          remember,
          answer: (result) =>
            answerTo(result, ({ version }) => ({
              status: 202,
              headers: { "content-type": "application/json", etag: `"${version}"` },
              body: JSON.stringify({ devices: devices.length }),
            })),
        });
        return commandResponse(outcome);
      },
    }),
  ];
}
