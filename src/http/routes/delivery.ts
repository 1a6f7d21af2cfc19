/** What SDKs ask: what may be shown, what is to be shown now, may I show it, is it still on. */
import type { Context } from "hono";
import { z } from "zod";
import { sessionTokenLengthMax } from "../../../events/session_token.ts";
import { platforms } from "../../../events/workspace_events.ts";
import {
  type Asked,
  claimCodes,
  type DeliveryRequest,
  firstTriggered,
  type Occasion,
  type Views,
} from "../../delivery/mod.ts";
import { claimIdSchema, subjectId } from "../../ingest/mod.ts";
import { commandCall, jsonBody, parseBody, readCommandBody } from "../command.ts";
import type { Engine } from "../engine.ts";
import { json, positionHeader, prepareRead } from "../read.ts";
import { type Route, route } from "../route.ts";
import { deliverySchema, messageSchema } from "../schemas.ts";

const campaignIdsMax = 200;
export const campaignIdLengthMax = 128;
const localeLengthMax = 35;
const keyLengthMax = 400;
const propertiesMax = 50;
/** Bounds what a condition can cost, as for attributes. */
const propertiesLengthMax = 8 * 1024;
const propertyNameLengthMax = 100;
const propertyLengthMax = 1_000;
const propertyItemsMax = 100;

const callers = ["sdk", "operator"] as const;
/** An auditor may ask everything, and report nothing. */
const readers = ["sdk", "operator", "auditor"] as const;

export const localeAsked = z.string().max(localeLengthMax).optional()
  .describe("A BCP 47 tag; content comes in the nearest locale there is.");

export const whoAsks = {
  deviceId: subjectId,
  userId: subjectId.optional(),
  session: z.string().max(sessionTokenLengthMax).optional(),
};
const whoSyncs = {
  platform: z.enum(platforms),
  ...whoAsks,
  locale: localeAsked,
};

const scalar = z.union([z.string().max(propertyLengthMax), z.number(), z.boolean(), z.null()]);
const properties = z.record(
  z.string().max(propertyNameLengthMax),
  z.union([scalar, z.array(scalar).max(propertyItemsMax)]),
).refine(
  (given) => Object.keys(given).length <= propertiesMax,
  `Send at most ${propertiesMax} properties.`,
).refine(
  (given) => JSON.stringify(given).length <= propertiesLengthMax,
  `Shorten the properties: together they have at most ${propertiesLengthMax} characters of JSON.`,
);

const decideBody = z.strictObject({
  event: z.string().min(1).max(keyLengthMax).optional()
    .describe("What has happened; without it and without `key`, a session has started."),
  key: z.string().min(1).max(keyLengthMax).optional()
    .describe("Of self-served messages, where the app asks for one."),
  properties: properties.optional(),
  ...whoSyncs,
}).refine(({ event, key }) => event === undefined || key === undefined, {
  message: "Send an event or a key, not both.",
  path: ["key"],
});

const claimBody = z.strictObject({
  claimId: claimIdSchema
    .describe("Chosen by the client, the same for every retry; the impression carries it."),
  campaignId: z.string().min(1).max(campaignIdLengthMax),
  ...whoAsks,
});

export function deliveryRoutes(engine: Engine): Route[] {
  return [
    route({
      method: "get",
      path: "/v1/delivery",
      tag: "Clients",
      summary: "What may be shown now, highest priority first",
      description:
        "The first answer starts a session. A client that sends `session` back keeps the " +
        "content revisions of that moment; it keeps the newest token that it was given.",
      roles: readers,
      query: z.strictObject(whoSyncs),
      takesIfNoneMatch: true,
      answers: {
        200: {
          description: "The messages",
          schema: deliverySchema,
          headers: ["ETag", "Placard-Position"],
        },
        304: { description: "Nothing has changed", headers: ["ETag", "Placard-Position"] },
      },
      handle: ({ context, query }) => {
        const answer = (asked: Asked, views: Views) => syncAnswer(engine, context, asked, views);
        // Nearly always there is nothing to wait for.
        const fresh = engine.tail.hasOwnWrites && !engine.scheduler.isDue;
        return fresh ? withAsked(engine, query, answer) : prepareDelivery(engine)
          .then(() => withAsked(engine, query, answer));
      },
    }),
    route({
      method: "post",
      path: "/v1/delivery/decide",
      asksOnly: true,
      tag: "Clients",
      summary: "The one message to show now",
      description:
        "The first of what may be shown whose trigger is met: a session's start, or the " +
        "event with its conditions, or the key. A client that has the messages decides the same.",
      roles: callers,
      body: { schema: decideBody, mediaTypes: jsonBody },
      answers: {
        200: {
          description: "The message, or null",
          schema: z.strictObject({ message: messageSchema.nullable() }),
          headers: ["Placard-Position"],
        },
      },
      handle: async ({ context }) => {
        const body = await readCommandBody(context, jsonBody);
        const request = parseBody(decideBody, body);
        await prepareDelivery(engine);
        return await withAsked(engine, request, async (asked, views) => {
          const { position } = engine.tail.cursor;
          const eligible = engine.delivery.eligible(asked, views, nowOf(engine));
          const first = await firstTriggered(eligible, occasionOf(request));
          const message = first ? engine.delivery.message(first, asked) : "null";
          return new Response(`{"message":${message}}`, {
            headers: {
              "content-type": "application/json",
              ...positionHeader(position),
            },
          });
        });
      },
    }),
    route({
      method: "post",
      path: "/v1/delivery/claim",
      tag: "Clients",
      summary: "May this message be shown?",
      description:
        "Granted, it counts against the caps at once, across devices and instances. The impression " +
        "that follows carries `claimId` and counts no second time; without one the claim lapses " +
        "after ten minutes. The same `claimId` asked again gets the same answer.",
      roles: callers,
      body: { schema: claimBody, mediaTypes: jsonBody },
      takesIdempotencyKey: true,
      answers: {
        200: {
          description: "Granted, or the rule that says no",
          schema: z.strictObject({
            granted: z.boolean(),
            code: z.string().optional().describe(
              `The name of a rule (see explain), or ${claimCodes.join(", ")}.`,
            ),
          }),
          headers: ["Placard-Position"],
        },
      },
      handle: async (call) => {
        const body = await readCommandBody(call.context, jsonBody);
        const { claimId, campaignId, deviceId, userId, session } = parseBody(claimBody, body);
        await prepareDelivery(engine);
        const outcome = await engine.claims.claim({
          claimId,
          campaignId,
          subject: await engine.asking.subject(deviceId, userId),
          session: session === undefined ? null : engine.asking.session(session),
          ...commandCall(engine, call, body),
        });
        return json(outcome.answer, 200, positionHeader(outcome.position));
      },
    }),
    route({
      method: "get",
      path: "/v1/delivery/status",
      tag: "Clients",
      summary: "Which of these campaigns may still be shown",
      roles: readers,
      query: z.strictObject({ campaignId: z.array(z.string()).min(1).max(campaignIdsMax) }),
      answers: {
        200: {
          description: "Those that may be shown",
          schema: z.strictObject({ active: z.array(z.string()) }),
          headers: ["Placard-Position"],
        },
      },
      handle: async ({ query }) => {
        const position = await prepareRead(engine, [engine.models.campaigns]);
        return json(
          { active: engine.delivery.active(query.campaignId) },
          200,
          positionHeader(position),
        );
      },
    }),
  ];
}

/** The instant of an answer: recorded time never decreases, whatever the machine's clock does. */
export function nowOf({ nowMs, tail }: Engine): number {
  return Math.max(nowMs(), tail.cursor.timeMs);
}

export async function prepareDelivery(engine: Engine): Promise<string> {
  const { campaigns, kpi, workspace } = engine.models;
  return await prepareRead(engine, [campaigns, kpi, workspace]);
}

/** Answers at once where everything is at hand. */
function withAsked(
  engine: Engine,
  request: DeliveryRequest,
  answer: (asked: Asked, views: Views) => Response | Promise<Response>,
): Response | Promise<Response> {
  const { models, projector, liveCampaigns, asking } = engine;
  projector.assertFolding(models.campaigns);
  projector.assertFolding(models.kpi);
  const views = liveCampaigns.views();
  if (views instanceof Promise) return views.then(() => withAsked(engine, request, answer));
  const asked = asking.ask(request, views.personal);
  const complete = asked instanceof Promise
    ? asked.then((asked) => engine.delivery.complete(asked, views))
    : engine.delivery.complete(asked, views);
  if (!(complete instanceof Promise)) return answer(complete, views);
  return complete.then(async (asked) => answer(asked, await liveCampaigns.views()));
}

function syncAnswer(engine: Engine, context: Context, asked: Asked, views: Views): Response {
  const answer = engine.delivery.sync(asked, views, nowOf(engine));
  const headers = {
    "content-type": "application/json",
    etag: answer.etag,
    "cache-control": "private, no-cache",
    "placard-position": engine.tail.cursor.position,
  };
  const match = context.req.header("if-none-match");
  if (match !== undefined && (match === "*" || match.includes(answer.etag))) {
    const { "content-type": _, ...rest } = headers;
    return new Response(null, { status: 304, headers: rest });
  }
  return new Response(answer.body(), { headers });
}

function occasionOf(
  { event, key, properties = {} }: z.infer<typeof decideBody>,
): Occasion {
  if (event !== undefined) return { kind: "event", event, properties };
  return key === undefined ? { kind: "session_start" } : { kind: "self_serve", key };
}
