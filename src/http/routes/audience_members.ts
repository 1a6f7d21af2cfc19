/** Members of lists: uploads of any size, in bounded memory. */
import { createHash } from "node:crypto";
import { z } from "zod";
import { KeyReusedError, rememberedAnswer } from "../../event_store/mod.ts";
import { MemberUpload, parseMemberLine } from "../../ingest/mod.ts";
import { checkMediaType } from "../body.ts";
import { commandCall, notFound } from "../command.ts";
import type { Engine } from "../engine.ts";
import { LineErrors, ndjsonBody, ndjsonLines } from "../ndjson.ts";
import { HttpProblem } from "../problem.ts";
import { json, positionHeader, prepareRead } from "../read.ts";
import { type Call, type Route, route } from "../route.ts";
import { membersToldSchema } from "../schemas.ts";

const linesSchema = z.string().describe(
  'A line for each member: `{"op": "add" or "remove", "userId" or "deviceId": "…"}`. ' +
    "Any number of lines; gzip is taken.",
);

export function audienceMemberRoutes(engine: Engine): Route[] {
  return [
    route({
      method: "post",
      path: "/v1/audiences/{id}/members",
      tag: "Audiences",
      summary: "Add members to a list and remove them",
      description: "Lines are taken in order and are durable as they go. The same upload again " +
        "changes nothing more, so send it again after a failure. A line that is wrong is named, " +
        "at most 100 of them, and the others hold.",
      roles: ["operator"],
      body: { schema: linesSchema, mediaTypes: ndjsonBody },
      takesIdempotencyKey: true,
      answers: {
        200: {
          description: "What all lines came to",
          schema: membersToldSchema,
          headers: ["Placard-Position"],
        },
      },
      problems: [404, 409],
      handle: async (call) => {
        checkMediaType(call.context, ndjsonBody);
        const id = call.context.req.param("id")!;
        await checkList(engine, id);
        const keyed = commandCall(engine, call, null).remember !== undefined;
        return keyed ? await uploadOnce(engine, call, id) : await uploadNow(engine, call, id);
      },
    }),
  ];
}

interface Told {
  readonly answer: Record<string, unknown>;
  readonly position: string;
}

async function uploadNow(engine: Engine, call: Call<unknown>, id: string): Promise<Response> {
  const { answer, position } = await upload(engine, call, id, () => {});
  return json(answer, 200, positionHeader(position));
}

/** Whether a body is the same is known at its end; until then, doing it twice changes nothing. */
async function uploadOnce(engine: Engine, call: Call<unknown>, id: string): Promise<Response> {
  const { scope, key } = commandCall(engine, call, null).remember!;
  const bytes = createHash("sha256");
  const seen = (some: Uint8Array) => void bytes.update(some);
  let earlier = await rememberedAnswer(engine.kv, scope, key);
  let told: Told | null = null;
  if (earlier) { for await (const _ of ndjsonLines(call.context, seen)); }
  else told = await upload(engine, call, id, seen);
  const requestHash = bytes.digest("hex");
  while (!earlier) {
    const { answer } = told!;
    const { bodies } = engine.memberUploads;
    const position = await bodies.append(null, { scope, key, requestHash, answer });
    if (position !== null) return json(answer, 200, positionHeader(position));
    // The same key was sent meanwhile.
    earlier = await rememberedAnswer(engine.kv, scope, key);
  }
  if (earlier.requestHash !== requestHash) throw new KeyReusedError();
  return json(earlier.answer, 200, positionHeader(earlier.position));
}

async function upload(
  engine: Engine,
  call: Call<unknown>,
  id: string,
  seen: (bytes: Uint8Array) => void,
): Promise<Told> {
  const { meta } = commandCall(engine, call, null);
  const members = new MemberUpload(engine.memberUploads, id, meta);
  const errors = new LineErrors();
  try {
    for await (const { number, text, fault } of ndjsonLines(call.context, seen)) {
      const line = fault ?? parseMemberLine(text);
      if ("code" in line) errors.add(number, line.code, line.message);
      else await members.take(line);
    }
  } catch (error) {
    // What has come holds, although the rest of it has not.
    if (error instanceof HttpProblem) await members.finish();
    throw error;
  }
  const told = await members.finish();
  const list = engine.models.audiences.model.get(id);
  // Deleted while its members were on their way.
  if (!list) throw notFound();
  const answer = {
    ...told,
    size: list.size,
    rejected: errors.count,
    errors: errors.named,
  };
  return { answer, position: members.position || engine.tail.cursor.position };
}

async function checkList(engine: Engine, id: string): Promise<void> {
  const { audiences } = engine.models;
  await prepareRead(engine, [audiences]);
  // Another instance may have made it a moment ago.
  if (!audiences.model.exists(id)) await engine.tail.poll();
  const row = audiences.model.get(id);
  if (!row) throw notFound();
  if (row.kind !== "list") {
    throw new HttpProblem("not_a_list", "the members of this audience follow from its rule");
  }
}
