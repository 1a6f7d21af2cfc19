/** What SDKs call: delivery, its cheap status, and interactions. */
import type { Context } from "hono";
import { z } from "zod";
import { sessionTokenLengthMax } from "../../../events/session_token.ts";
import { problemsOf } from "../../../events/settings_problems.ts";
import { platforms } from "../../../events/workspace_events.ts";
import { KeyReusedError, rememberedAnswer } from "../../event_store/mod.ts";
import {
  type Interaction,
  interactionSchema,
  interactionsPerCallMax,
  type Received,
  type Rejected,
  subjectId,
} from "../../ingest/mod.ts";
import { checkMediaType, checkNesting, parseJson, readBody, readBytes, readText } from "../body.ts";
import { jsonBody, rememberUnder } from "../command.ts";
import type { Engine } from "../engine.ts";
import { HttpProblem, invalidInput } from "../problem.ts";
import { json, positionHeader, prepareRead } from "../read.ts";
import { type Call, type Route, route } from "../route.ts";
import { deliverySchema, receivedSchema } from "../schemas.ts";

/** 1,000 interactions of about 2 KB. */
const interactionsBytesMax = 2 * 1024 * 1024;
const campaignIdsMax = 200;
const localeLengthMax = 35;

const callers = ["sdk", "operator"] as const;
/** An auditor may ask everything, and report nothing. */
const readers = ["sdk", "operator", "auditor"] as const;
const batchSchema = z.strictObject({
  interactions: z.array(interactionSchema).min(1).max(interactionsPerCallMax),
});

export function clientRoutes(engine: Engine): Route[] {
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
      query: z.strictObject({
        platform: z.enum(platforms),
        deviceId: subjectId,
        userId: subjectId.optional(),
        session: z.string().max(sessionTokenLengthMax).optional(),
        locale: z.string().max(localeLengthMax).optional(),
      }),
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
        const answer = () => deliveryAnswer(engine, context, query);
        // Nearly always there is nothing to wait for.
        const fresh = engine.tail.hasOwnWrites && !engine.scheduler.isDue;
        return fresh ? answer() : prepareRead(engine, [engine.models.campaigns]).then(answer);
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
    route({
      method: "post",
      path: "/v1/interactions",
      tag: "Clients",
      summary: "Report what was seen and clicked",
      description:
        "Durable when answered. Each interaction is judged alone; one with an `id` that " +
        "was accepted before is accepted again and not counted. Send them again after a failure.",
      roles: callers,
      body: { schema: batchSchema, mediaTypes: jsonBody },
      takesIdempotencyKey: true,
      answers: {
        202: {
          description: "What was accepted",
          schema: receivedSchema,
          headers: ["Placard-Position"],
        },
      },
      handle: async (call) => {
        const body = parseJson(await readInteractions(call.context));
        if (body === undefined) {
          throw new HttpProblem("malformed_json", "the body is empty; send JSON");
        }
        const { items, invalid } = parseBatch(body);
        // Judged on what the clock has done, as soon as it is folded.
        if (engine.scheduler.isDue) await prepareRead(engine, []);
        const received = call.context.req.header("idempotency-key") === undefined
          ? await engine.ingest.receive(items, invalid)
          : await receiveOnce(engine, call, body, items, invalid);
        return json(received, 202, positionHeader(received.position));
      },
    }),
  ];
}

interface DeliveryQuery {
  readonly platform: (typeof platforms)[number];
  readonly session?: string | undefined;
}

function deliveryAnswer(
  engine: Engine,
  context: Context,
  { platform, session }: DeliveryQuery,
): Response {
  engine.projector.assertFolding(engine.models.campaigns);
  const answer = engine.delivery.sync(platform, session);
  if (!answer) {
    const message = "is no token of a session; leave it out to begin a new one";
    throw new HttpProblem("invalid_session", message, {
      errors: [{ pointer: "/session", code: "invalid_session", message }],
    });
  }
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
  return new Response(answer.body, { headers });
}

/** The body as text; gzip is taken off, and what comes out is bounded too. */
async function readInteractions(context: Context): Promise<string> {
  checkMediaType(context, jsonBody);
  const encoding = context.req.header("content-encoding")?.toLowerCase();
  if (encoding === undefined || encoding === "identity") {
    return await readText(context, interactionsBytesMax);
  }
  if (encoding !== "gzip") {
    throw new HttpProblem(
      "unsupported_media_type",
      "the content encodings taken are gzip and none",
      {
        headers: { "accept-encoding": "gzip" },
      },
    );
  }
  const packed = await readBody(context, interactionsBytesMax);
  try {
    const unpacked = new Blob([packed]).stream().pipeThrough(new DecompressionStream("gzip"));
    return new TextDecoder("utf-8", { fatal: true })
      .decode(await readBytes(unpacked, interactionsBytesMax));
  } catch (error) {
    if (error instanceof HttpProblem) throw error;
    throw new HttpProblem("malformed_request", "the body is not gzip of UTF-8 text");
  }
}

/** One bad item never spoils the others: it is null among the items and named among the invalid. */
function parseBatch(body: unknown): { items: (Interaction | null)[]; invalid: Rejected[] } {
  const whole = batchSchema.safeParse(body);
  if (whole.success) return { items: whole.data.interactions, invalid: [] };
  const frame = frameSchema.safeParse(body);
  if (!frame.success) throw invalidInput(problemsOf(frame.error.issues, body));
  const invalid: Rejected[] = [];
  const items = frame.data.interactions.map((item, index) => {
    const parsed = interactionSchema.safeParse(item);
    if (parsed.success) return parsed.data;
    const [first] = problemsOf(parsed.error.issues, item);
    invalid.push({ index, code: "invalid", pointer: first!.pointer, message: first!.message });
    return null;
  });
  return { items, invalid };
}

const frameSchema = z.strictObject({
  interactions: z.array(z.unknown()).min(1).max(interactionsPerCallMax),
});

async function receiveOnce(
  engine: Engine,
  { context, principal }: Call<unknown>,
  body: unknown,
  items: readonly (Interaction | null)[],
  invalid: readonly Rejected[],
): Promise<Received> {
  checkNesting(body);
  const { scope, key, requestHash } = rememberUnder(context, principal.keyId, body)!;
  for (;;) {
    const earlier = await rememberedAnswer(engine.kv, scope, key);
    if (earlier) {
      if (earlier.requestHash !== requestHash) throw new KeyReusedError();
      return { ...earlier.answer as Omit<Received, "position">, position: earlier.position };
    }
    const received = await engine.ingest.receiveOnce(
      items,
      invalid,
      (answer) => ({ scope, key, requestHash, answer }),
    );
    if (received) return received;
  }
}
