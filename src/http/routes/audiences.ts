/** Audiences: make, list, read, edit, delete. */
import { z } from "zod";
import { audienceKinds } from "../../../events/audience_events.ts";
import { nameGraphemesMax } from "../../../events/campaign_settings.ts";
import { singleLine } from "../../../events/message_text.ts";
import type { AudienceRow } from "../../../projections/audiences.ts";
import type { AudienceCommand, AudienceState } from "../../audience/mod.ts";
import { audienceStream, type Done } from "../../transact/mod.ts";
import { instant } from "../campaign_json.ts";
import {
  answerTo,
  type CommandAnswer,
  commandCall,
  commandResponse,
  etagOf,
  jsonBody,
  notFound,
  parseBody,
  patchBody,
  readCommandBody,
  withEventsBetween,
} from "../command.ts";
import { decodeCursor, encodeCursor } from "../cursor.ts";
import type { Engine } from "../engine.ts";
import { json, pageQuery, positionHeader } from "../read.ts";
import { type Call, type Route, route } from "../route.ts";
import { audienceSchema } from "../schemas.ts";
import { viewAll, viewQuery } from "../view.ts";

const operators = ["operator"] as const;
const readers = ["operator", "auditor"] as const;

/** Campaigns that an answer names; so every answer is small enough to be remembered. */
const usedByMax = 200;

/** What a rule is, is judged with the kind of its audience. */
const rule = z.unknown().describe(
  "JsonLogic over `user.*`, `device.*` and `facts.*`; not of a list.",
);
const name = singleLine(nameGraphemesMax);
const createBody = z.strictObject({ name, kind: z.enum(audienceKinds), rule: rule.optional() });
const patchSchema = z.strictObject({
  name: name.optional(),
  kind: z.enum(audienceKinds).optional().describe("Never changes."),
  rule: rule.optional(),
});
const audienceAnswer = {
  description: "The audience",
  schema: audienceSchema,
  headers: ["ETag", "Placard-Position"],
};

export function audienceRoutes(engine: Engine): Route[] {
  const { models } = engine;

  const onAudience = async (
    call: Call<unknown>,
    id: string,
    command: AudienceCommand,
    body: unknown,
    answerOf: (done: Done<AudienceState>) => CommandAnswer,
  ) => {
    const { meta, expectedVersion, remember } = commandCall(engine, call, body);
    const outcome = await engine.transact.audience(id, {
      command,
      meta,
      // A new one has no version to match.
      expectedVersion: command.type === "create" ? undefined : expectedVersion,
      remember,
      answer: (result) => answerTo(result, answerOf),
    });
    const stream = audienceStream(id);
    return commandResponse(await withEventsBetween(engine, stream, expectedVersion, outcome));
  };

  /** Members and campaigns are not of the audience's stream: they are told as they are known here. */
  const stateAnswer = (id: string, { state, version }: Done<AudienceState>): CommandAnswer => {
    const size = models.audiences.model.get(id)?.size ?? 0;
    const usedBy = models.campaigns.model.usersOf(id);
    return {
      status: 200,
      headers: { "content-type": "application/json", etag: etagOf(version) },
      body: JSON.stringify(audienceJson({ ...state, id, version, size }, usedBy)),
    };
  };

  return [
    route({
      method: "post",
      path: "/v1/audiences",
      tag: "Audiences",
      summary: "Make an audience by a rule or as a list",
      roles: operators,
      body: { schema: createBody, mediaTypes: jsonBody },
      takesIdempotencyKey: true,
      answers: { 201: { ...audienceAnswer, headers: ["ETag", "Location", "Placard-Position"] } },
      handle: async (call) => {
        const body = await readCommandBody(call.context, jsonBody);
        const given = parseBody(createBody, body);
        const id = `aud_${engine.newId()}`;
        return await onAudience(call, id, { type: "create", ...given }, body, (done) => {
          const answer = stateAnswer(id, done);
          const location = `/v1/audiences/${id}`;
          return { ...answer, status: 201, headers: { ...answer.headers, location } };
        });
      },
    }),
    route({
      method: "get",
      path: "/v1/audiences",
      tag: "Audiences",
      summary: "List audiences, the newest first",
      roles: readers,
      query: z.strictObject({
        ...viewQuery,
        ...pageQuery,
      }),
      answers: {
        200: {
          description: "A page of audiences",
          schema: z.strictObject({
            items: z.array(audienceSchema),
            nextCursor: z.string().nullable(),
          }),
          headers: ["Placard-Position"],
        },
      },
      handle: ({ query }) =>
        viewAll(engine, { members: true }, query, ({ audiences, campaigns, position }) => {
          const { limit, cursor } = query;
          const [createdAt, id] = cursor === undefined ? [] : decodeCursor(cursor, 2);
          const page = audiences.list({
            limit,
            ...(id === undefined ? {} : { after: { createdAtMs: Date.parse(createdAt!), id } }),
          });
          const last = page.more ? page.rows.at(-1)! : null;
          return json(
            {
              items: page.rows.map((row) => audienceJson(row, campaigns.usersOf(row.id))),
              nextCursor: last && encodeCursor([instant(last.createdAtMs), last.id]),
            },
            200,
            positionHeader(position),
          );
        }),
    }),
    route({
      method: "get",
      path: "/v1/audiences/{id}",
      tag: "Audiences",
      summary: "One audience",
      roles: readers,
      query: z.strictObject(viewQuery),
      answers: { 200: audienceAnswer },
      problems: [404],
      handle: ({ context, query }) =>
        viewAll(engine, { members: true }, query, ({ audiences, campaigns, position }) => {
          const row = audiences.get(context.req.param("id")!);
          if (!row) throw notFound();
          const headers = { etag: etagOf(row.version), ...positionHeader(position) };
          return json(audienceJson(row, campaigns.usersOf(row.id)), 200, headers);
        }),
    }),
    route({
      method: "patch",
      path: "/v1/audiences/{id}",
      tag: "Audiences",
      summary: "Edit an audience",
      description: "A JSON merge patch (RFC 7396); a rule that is whole replaces the one before. " +
        "Campaigns that prepare or post keep the members that they have.",
      roles: operators,
      body: { schema: patchSchema, mediaTypes: patchBody },
      takesIdempotencyKey: true,
      takesIfMatch: true,
      answers: { 200: audienceAnswer },
      problems: [404, 412],
      handle: async (call) => {
        const id = call.context.req.param("id")!;
        const body = await readCommandBody(call.context, patchBody);
        const patch = parseBody(patchSchema, body);
        return await onAudience(
          call,
          id,
          { type: "edit", patch },
          body,
          (done) => stateAnswer(id, done),
        );
      },
    }),
    route({
      method: "delete",
      path: "/v1/audiences/{id}",
      tag: "Audiences",
      summary: "Delete an audience that no active campaign uses",
      roles: operators,
      takesIdempotencyKey: true,
      takesIfMatch: true,
      answers: { 204: { description: "Deleted", headers: ["Placard-Position"] } },
      problems: [404, 409, 412],
      handle: async (call) => {
        const id = call.context.req.param("id")!;
        return await onAudience(call, id, { type: "delete" }, {}, () => ({
          status: 204,
          headers: {},
          body: null,
        }));
      },
    }),
  ];
}

function audienceJson(audience: Omit<AudienceRow, "deleted">, usedBy: readonly string[]) {
  const { id, name, kind, rule, version, size, createdAtMs, updatedAtMs } = audience;
  return {
    id,
    name,
    kind,
    rule,
    version,
    // Who fits a rule is calculated for each campaign when it prepares.
    size: kind === "list" ? size : null,
    usedBy: usedBy.slice(0, usedByMax),
    createdAt: instant(createdAtMs),
    updatedAt: instant(updatedAtMs),
  };
}
