/** The workspace's settings and its keys. */
import { z } from "zod";
import { isTimeZone } from "../../../events/campaign_schedule.ts";
import { platforms, roles } from "../../../events/workspace_events.ts";
import { sha256Hex } from "../../event_store/mod.ts";
import type { Done } from "../../transact/mod.ts";
import { activeLimitMax, type WorkspaceCommand, type WorkspaceState } from "../../workspace/mod.ts";
import { instant } from "../campaign_json.ts";
import {
  answerTo,
  type CommandAnswer,
  commandCall,
  commandResponse,
  etagOf,
  jsonBody,
  parseBody,
  patchBody,
  readCommandBody,
} from "../command.ts";
import { decodeCursor, encodeCursor } from "../cursor.ts";
import type { Engine } from "../engine.ts";
import { json, pageQuery, positionHeader, prepareRead, readQuery } from "../read.ts";
import { type Call, type Route, route } from "../route.ts";
import { keySchema, workspaceSchema } from "../schemas.ts";
import { viewQuery, viewWorkspace } from "../view.ts";

const keyNameLengthMax = 100;

const changeBody = z.strictObject({
  platforms: z.array(z.enum(platforms)).max(platforms.length)
    .refine((list) => new Set(list).size === list.length, "names a platform twice").optional(),
  timeZone: z.string().refine(isTimeZone, "is not a time zone of the IANA data base").optional(),
  activeLimit: z.int().min(1).max(activeLimitMax).optional(),
});
const keyBody = z.strictObject({
  name: z.string().trim().min(1).max(keyNameLengthMax),
  role: z.enum(roles),
});
const operators = ["operator"] as const;

export function workspaceRoutes(engine: Engine): Route[] {
  const { models } = engine;

  const command = async (
    call: Call<unknown>,
    body: unknown,
    one: WorkspaceCommand,
    answerOf: (done: Done<WorkspaceState>) => CommandAnswer,
  ) => {
    const { meta, expectedVersion, remember } = commandCall(engine, call, body);
    const answer = (result: Parameters<typeof answerTo<WorkspaceState>>[0]) =>
      answerTo(result, answerOf);
    const outcome = await engine.transact.workspace({
      command: one,
      meta,
      // A key is new: there is no version of it to match.
      expectedVersion: one.type === "change" ? expectedVersion : undefined,
      remember,
      answer,
    });
    // Whether a key is good is read from the row, for the very next request too.
    await engine.tail.readOwnWrites();
    return commandResponse(outcome);
  };

  return [
    route({
      method: "get",
      path: "/v1/workspace",
      tag: "Workspace",
      summary: "The workspace's settings",
      roles: ["operator", "auditor"],
      query: z.strictObject(viewQuery),
      answers: {
        200: {
          description: "The settings",
          schema: workspaceSchema,
          headers: ["ETag", "Placard-Position"],
        },
      },
      handle: ({ query }) =>
        viewWorkspace(engine, query, ({ workspace, position }) => {
          const { keys: _, ...settings } = workspace.row;
          const headers = { etag: etagOf(settings.version), ...positionHeader(position) };
          return json(settings, 200, headers);
        }),
    }),
    route({
      method: "patch",
      path: "/v1/workspace",
      tag: "Workspace",
      summary: "Change the workspace's settings",
      description: "Lowering the active limit affects later activations only.",
      roles: operators,
      body: { schema: changeBody, mediaTypes: patchBody },
      takesIdempotencyKey: true,
      takesIfMatch: true,
      answers: {
        200: {
          description: "The settings",
          schema: workspaceSchema,
          headers: ["ETag", "Placard-Position"],
        },
      },
      problems: [412],
      handle: async (call) => {
        const body = await readCommandBody(call.context, patchBody);
        const set = parseBody(changeBody, body);
        return await command(
          call,
          body,
          { type: "change", set: set as Extract<WorkspaceCommand, { type: "change" }>["set"] },
          ({ state, version }) => ({
            status: 200,
            headers: { "content-type": "application/json", etag: etagOf(version) },
            body: JSON.stringify({ version, ...state.settings }),
          }),
        );
      },
    }),
    route({
      method: "post",
      path: "/v1/keys",
      tag: "Workspace",
      summary: "Make a key",
      description:
        "The secret is in this answer and nowhere else. A repeated request with the same " +
        "Idempotency-Key gets the key without the secret, because secrets are not stored.",
      roles: operators,
      body: { schema: keyBody, mediaTypes: jsonBody },
      takesIdempotencyKey: true,
      answers: {
        201: {
          description: "The key with its secret",
          schema: keySchema.extend({ secret: z.string().nullable() }),
          headers: ["Location", "Placard-Position"],
        },
      },
      handle: async (call) => {
        const body = await readCommandBody(call.context, jsonBody);
        const { name, role } = parseBody(keyBody, body);
        const keyId = `key_${engine.newId()}`;
        const secret = engine.newSecret();
        const response = await command(
          call,
          body,
          { type: "create_key", keyId, name, role, secretHash: sha256Hex(secret) },
          ({ timeMs }) => ({
            status: 201,
            headers: { "content-type": "application/json", location: `/v1/keys/${keyId}` },
            body: JSON.stringify({
              id: keyId,
              name,
              role,
              createdAt: instant(timeMs),
              secret: null,
            }),
          }),
        );
        if (response.status !== 201) return response;
        // Only here is the secret told: what is remembered of the answer does not have it.
        const answer = await response.json();
        const told = answer.id === keyId ? { ...answer, secret } : answer;
        return new Response(JSON.stringify(told), { status: 201, headers: response.headers });
      },
    }),
    route({
      method: "get",
      path: "/v1/keys",
      tag: "Workspace",
      summary: "List keys",
      roles: ["operator", "auditor"],
      query: z.strictObject({
        ...readQuery,
        ...pageQuery,
      }),
      answers: {
        200: {
          description: "A page of keys",
          schema: z.strictObject({ items: z.array(keySchema), nextCursor: z.string().nullable() }),
          headers: ["Placard-Position"],
        },
      },
      handle: async ({ query: { after, limit, cursor } }) => {
        const position = await prepareRead(engine, [models.workspace], after);
        const from = cursor === undefined ? "" : decodeCursor(cursor, 1)[0]!;
        const rows = models.workspace.model.row.keys
          .filter(({ keyId }) => keyId > from)
          .toSorted((a, b) => a.keyId < b.keyId ? -1 : 1);
        const items = rows.slice(0, limit).map(({ keyId, name, role, createdAtMs }) => ({
          id: keyId,
          name,
          role,
          createdAt: instant(createdAtMs),
        }));
        const nextCursor = rows.length > limit ? encodeCursor([items.at(-1)!.id]) : null;
        return json({ items, nextCursor }, 200, positionHeader(position));
      },
    }),
    route({
      method: "delete",
      path: "/v1/keys/{id}",
      tag: "Workspace",
      summary: "Revoke a key",
      description: "Preset keys of the configuration are not listed and cannot be revoked here.",
      roles: operators,
      takesIdempotencyKey: true,
      answers: { 204: { description: "Revoked", headers: ["Placard-Position"] } },
      problems: [404],
      handle: async (call) => {
        const keyId = call.context.req.param("id")!;
        const { meta, remember } = commandCall(engine, call, {});
        const outcome = await engine.transact.workspace({
          command: { type: "revoke_key", keyId },
          meta,
          remember,
          answer: (result) =>
            answerTo<WorkspaceState>(
              // A key that is not there, or not any more, is unknown.
              result.kind === "refused" ? { kind: "unknown" } : result,
              () => ({ status: 204, headers: {}, body: null }),
            ),
        });
        // From the answer on the key is good for nothing.
        await engine.tail.readOwnWrites();
        return commandResponse(outcome);
      },
    }),
  ];
}
