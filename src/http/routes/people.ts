/** What is known of users and devices: written one by one or in bulk, read, and forgotten. */
import type { Context } from "hono";
import { z } from "zod";
import type { SubjectKind } from "../../../events/profile_events.ts";
import { rememberedAnswer } from "../../event_store/mod.ts";
import { subjectId } from "../../ingest/mod.ts";
import { attributeProblems, type Attributes, type ProfileWrite } from "../../profiles/mod.ts";
import { instant } from "../campaign_json.ts";
import {
  commandCall,
  jsonBody,
  notFound,
  parseBody,
  readCommandBody,
  rememberUnder,
} from "../command.ts";
import type { Engine } from "../engine.ts";
import { lineErrorSchema, ndjsonBody } from "../ndjson.ts";
import { invalidInput } from "../problem.ts";
import { json, positionHeader, prepareRead, readQuery } from "../read.ts";
import { type Call, type Route, route } from "../route.ts";
import { instantSchema } from "../schemas.ts";
import { lineSchemaOf, receiveProfiles } from "../profile_lines.ts";

const operators = ["operator"] as const;
const positions = ["Placard-Position"];

const attributesSchema = z.record(z.string(), z.unknown())
  .describe("Texts, numbers, true, false, null, lists of these, and objects of attributes.");
/** What PUT takes; the attributes are looked into on their own. */
const bodies = {
  user: z.strictObject({ attributes: attributesSchema }),
  device: z.strictObject({
    attributes: attributesSchema,
    userId: subjectId.optional().describe("Whose device it is from now on."),
  }),
};
const profileSchemas = {
  user: z.strictObject({
    userId: z.string(),
    attributes: attributesSchema,
    updatedAt: instantSchema,
  }),
  device: z.strictObject({
    deviceId: z.string(),
    attributes: attributesSchema,
    updatedAt: instantSchema,
  }),
};
const writtenSchema = z.strictObject({
  written: z.int().describe("Lines that were taken; durable."),
  rejected: z.int().describe("Lines that were not."),
  errors: z.array(lineErrorSchema).describe("The first 100 of those."),
});

export function peopleRoutes(engine: Engine): Route[] {
  return [...routesOf(engine, "user"), ...routesOf(engine, "device")];
}

function routesOf(engine: Engine, kind: SubjectKind): Route[] {
  const { profiles } = engine;
  const path = `/v1/${kind}s/{id}`;
  const tag = "People";
  return [
    route({
      method: "put",
      path,
      tag,
      summary: `Write what is known of a ${kind}`,
      description: "All attributes are replaced. Writing the same again changes nothing.",
      roles: operators,
      body: { schema: bodies[kind], mediaTypes: jsonBody },
      answers: {
        200: { description: "What is known now", schema: profileSchemas[kind], headers: positions },
      },
      handle: async (call) => {
        const id = idOf(call.context);
        if (id === null) {
          const message = "an id has 1 to 256 printable characters, percent-encoded in the path";
          throw invalidInput([{ pointer: "/id", code: "invalid_format", message }]);
        }
        const body = await readCommandBody(call.context, jsonBody);
        const { userId } = parseBody<{ attributes: unknown; userId?: string | undefined }>(
          bodies[kind],
          body,
        );
        // As they came: what the schema gives is a copy, without the names that it leaves out.
        const { attributes } = body as { attributes: Attributes };
        const problems = attributeProblems(attributes);
        if (problems.length > 0) throw invalidInput(problems);
        const write: ProfileWrite = { kind, id, attributes, userId };
        const written = await profiles.put(write, commandCall(engine, call, null).meta);
        return json(
          profileJson(kind, { id, attributes, updatedAtMs: written.updatedAtMs }),
          200,
          positionHeader(written.position),
        );
      },
    }),
    route({
      method: "get",
      path,
      tag,
      summary: `What is known of a ${kind}`,
      roles: ["operator", "auditor"],
      query: z.strictObject(readQuery),
      answers: {
        200: { description: "What is known", schema: profileSchemas[kind], headers: positions },
      },
      problems: [404],
      handle: async ({ context, query }) => {
        const id = idOf(context);
        if (id === null) throw notFound();
        const position = await prepareRead(engine, [], query.after);
        const profile = await profiles.get(kind, id);
        if (!profile) throw notFound();
        return json(profileJson(kind, profile), 200, positionHeader(position));
      },
    }),
    route({
      method: "delete",
      path,
      tag,
      summary: `Forget a ${kind}`,
      description:
        "The id and the attributes are erased. Counts stay as they are: the log has numbers " +
        "only, and this one is never given again. It cannot be taken back.",
      roles: operators,
      takesIdempotencyKey: true,
      answers: { 204: { description: "Forgotten", headers: positions } },
      problems: [404],
      handle: async (call) => {
        const position = await forget(engine, kind, call);
        return new Response(null, { status: 204, headers: positionHeader(position) });
      },
    }),
    route({
      method: "post",
      path: `/v1/${kind}s/batch`,
      tag,
      summary: `Write what is known of many ${kind}s`,
      description:
        `Any number of lines like ${
          exampleLines[kind]
        }, as they come, gzip or not. A bad line is ` +
        "named and the others hold. Durable as it goes: after a failure send all of it again.",
      roles: operators,
      body: { schema: lineSchemaOf(kind), mediaTypes: ndjsonBody },
      takesIdempotencyKey: true,
      answers: {
        200: { description: "What was taken", schema: writtenSchema, headers: positions },
      },
      handle: async (call) => {
        const { position, ...answer } = await receiveProfiles(engine, kind, call);
        return json(answer, 200, positionHeader(position));
      },
    }),
  ];
}

const exampleLines: Readonly<Record<SubjectKind, string>> = {
  user: '`{"userId": "u1", "attributes": {"plan": "pro"}}`',
  device: '`{"deviceId": "d1", "attributes": {"model": "X"}, "userId": "u1"}`',
};

function profileJson(
  kind: SubjectKind,
  { id, attributes, updatedAtMs }: { id: string; attributes: Attributes; updatedAtMs: number },
) {
  return { [`${kind}Id`]: id, attributes, updatedAt: instant(updatedAtMs) };
}

/** Gives the position of the event; the first one's, when the call is repeated with its key. */
async function forget(engine: Engine, kind: SubjectKind, call: Call<unknown>): Promise<string> {
  const id = idOf(call.context);
  if (id === null) throw notFound();
  const once = rememberUnder(call.context, call.principal.keyId, null);
  const earlier = async () => once && await rememberedAnswer(engine.kv, once.scope, once.key);
  const { meta } = commandCall(engine, call, null);
  for (;;) {
    const before = await earlier();
    if (before) return before.position;
    const position = await engine.profiles.forget(
      kind,
      id,
      meta,
      once && {
        ...once,
        answer: { status: 204, headers: {}, body: null },
        isKnown: async () => await earlier() !== null,
      },
    );
    if (position === "unknown") {
      // A request with the same key may have been first.
      if (!await earlier()) throw notFound();
    } else if (position !== null) return position;
  }
}

/** The id in the path, decoded once and whole: it may have a slash in it. Null: it cannot be one. */
function idOf(context: Context): string | null {
  const { pathname } = new URL(context.req.url);
  try {
    const id = decodeURIComponent(pathname.slice(pathname.lastIndexOf("/") + 1));
    return subjectId.safeParse(id).success ? id : null;
  } catch {
    return null;
  }
}
