/** What SDKs report: interactions. */
import type { Context } from "hono";
import { KeyReusedError, rememberedAnswer } from "../../event_store/mod.ts";
import {
  batchBytesMax,
  BatchError,
  batchSchema,
  bodyText,
  type Coding,
  parsedJson,
  type Received,
} from "../../ingest/mod.ts";
import { checkMediaType, checkNesting, readBody } from "../body.ts";
import { jsonBody, rememberUnder } from "../command.ts";
import type { Engine } from "../engine.ts";
import { HttpProblem, invalidInput } from "../problem.ts";
import { json, positionHeader, prepareRead } from "../read.ts";
import { type Call, type Route, route } from "../route.ts";
import { receivedSchema } from "../schemas.ts";

const callers = ["sdk", "operator"] as const;
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
        const { context } = call;
        checkMediaType(context, jsonBody);
        const coding = codingOf(context);
        const place = engine.ingest.admission.enter(bytesExpected(context));
        try {
          const body = await readBody(context, batchBytesMax);
          place.bodyRead(coding === "gzip" ? body.length * gzipRatio : body.length);
          // Judged on what the clock has done, as soon as it is folded.
          if (engine.scheduler.isDue) await prepareRead(engine, []);
          const received = context.req.header("idempotency-key") === undefined
            ? await engine.ingest.receive(body, coding)
            : await receiveOnce(engine, call, body, coding);
          return json(received, 202, positionHeader(received.position));
        } catch (error) {
          throw error instanceof BatchError ? problemOf(error) : error;
        } finally {
          place.leave();
        }
      },
    }),
  ];
}

function codingOf(context: Context): Coding {
  const coding = context.req.header("content-encoding")?.toLowerCase() ?? "identity";
  if (coding === "gzip" || coding === "identity") return coding;
  throw new HttpProblem("unsupported_media_type", "the content encodings taken are gzip and none", {
    headers: { "accept-encoding": "gzip" },
  });
}

/** JSON of this kind becomes about so much smaller. */
const gzipRatio = 8;
/** A body whose length is not told is taken for one of this size until it is read. */
const untoldBytes = 256 * 1024;

function bytesExpected(context: Context): number {
  const declared = Number(context.req.header("content-length") ?? NaN);
  return declared >= 0 ? Math.min(declared, batchBytesMax) : untoldBytes;
}

function problemOf({ code, message, problems }: BatchError): HttpProblem {
  return code === "invalid" ? invalidInput(problems) : new HttpProblem(code, message);
}

async function receiveOnce(
  engine: Engine,
  { context, principal }: Call<unknown>,
  bytes: Uint8Array,
  coding: Coding,
): Promise<Received> {
  const body = parsedJson(bodyText(bytes, coding));
  checkNesting(body);
  const { scope, key, requestHash } = rememberUnder(context, principal.keyId, body)!;
  for (;;) {
    const earlier = await rememberedAnswer(engine.kv, scope, key);
    if (earlier) {
      if (earlier.requestHash !== requestHash) throw new KeyReusedError();
      return { ...earlier.answer as Omit<Received, "position">, position: earlier.position };
    }
    const received = await engine.ingest.receiveOnce(
      bytes,
      coding,
      (answer) => ({ scope, key, requestHash, answer }),
    );
    if (received) return received;
  }
}
