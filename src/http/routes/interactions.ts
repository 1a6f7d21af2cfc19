/** What SDKs report: interactions. */
import type { Context } from "hono";
import { z } from "zod";
import { problemsOf } from "../../../events/settings_problems.ts";
import { KeyReusedError, rememberedAnswer } from "../../event_store/mod.ts";
import {
  type Interaction,
  interactionSchema,
  interactionsPerCallMax,
  type Received,
  type Rejected,
} from "../../ingest/mod.ts";
import { checkMediaType, checkNesting, parseJson, readBody, readBytes, readText } from "../body.ts";
import { jsonBody, rememberUnder } from "../command.ts";
import type { Engine } from "../engine.ts";
import { HttpProblem, invalidInput } from "../problem.ts";
import { json, positionHeader, prepareRead } from "../read.ts";
import { type Call, type Route, route } from "../route.ts";
import { receivedSchema } from "../schemas.ts";

/** 1,000 interactions of about 2 KB. */
const interactionsBytesMax = 2 * 1024 * 1024;

const callers = ["sdk", "operator"] as const;
const batchSchema = z.strictObject({
  interactions: z.array(interactionSchema).min(1).max(interactionsPerCallMax),
});

export function interactionRoutes(engine: Engine): Route[] {
  return [
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
