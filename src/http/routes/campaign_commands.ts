/** Commands on campaigns: create, edit, delete, copy, activate, stop, restart, end. */
import { z } from "zod";
import type { CampaignEvent } from "../../../events/campaign_events.ts";
import {
  type CampaignSettings,
  campaignSettingsSchema,
  parseSettings,
  typeProblems,
} from "../../../events/campaign_settings.ts";
import { revisionAfter, type RevisionSettings } from "../../../projections/history.ts";
import type { CampaignCommand } from "../../campaign/mod.ts";
import type { CampaignState } from "../../campaign/mod.ts";
import { copySettings } from "../../campaign/mod.ts";
import type { Decided } from "../../event_store/mod.ts";
import { campaignStream, type Done, type Request, type Result } from "../../transact/mod.ts";
import { campaignJson } from "../campaign_json.ts";
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
  reasonLengthMax,
  withEventsBetween,
} from "../command.ts";
import type { Engine } from "../engine.ts";
import { invalidInput } from "../problem.ts";
import { prepareRead } from "../read.ts";
import { type Call, type Route, route } from "../route.ts";
import { campaignSchema } from "../schemas.ts";

const reasonText = z.string().max(reasonLengthMax).optional();
const stopBody = z.strictObject({ reason: reasonText });
const restoreBody = z.strictObject({ contentRevision: z.int().min(1), reason: reasonText });
const copyBody = z.strictObject({ name: campaignSettingsSchema.shape.name.optional() });
const noBody = z.strictObject({});
/** What is patched is judged with the settings that it leads to. */
const patchSchema = z.looseObject({});

const eventsPerLookUp = 64;
const operators = ["operator"] as const;
const campaignAnswer = {
  description: "The campaign",
  schema: campaignSchema,
  headers: ["ETag", "Placard-Position"],
};
const createdAnswer = {
  description: "The new campaign",
  schema: campaignSchema,
  headers: ["ETag", "Location", "Placard-Position"],
};

export function campaignCommandRoutes(engine: Engine): Route[] {
  const onCampaign = async (
    call: Call<unknown>,
    command: CampaignCommand,
    body: unknown,
    reason?: string,
  ) => {
    const id = call.context.req.param("id")!;
    const stream = campaignStream(id);
    const { meta, expectedVersion, remember } = commandCall(engine, call, body, reason);
    const answer = (result: Result<CampaignState>): Decided<CommandAnswer> =>
      answerTo(result, (done) => campaignAnswerOf(id, done, 200));
    const outcome = await engine.transact.campaign(id, {
      command,
      meta,
      expectedVersion,
      remember,
      answer,
    });
    return commandResponse(await withEventsBetween(engine, stream, expectedVersion, outcome));
  };

  const create = async (
    call: Call<unknown>,
    command: Request<CampaignCommand, CampaignState, CommandAnswer>["command"],
    body: unknown,
  ) => {
    const id = `cmp_${engine.newId()}`;
    const { meta, remember } = commandCall(engine, call, body);
    const outcome = await engine.transact.campaign(id, {
      command,
      meta,
      remember,
      answer: (result) => answerTo(result, (done) => campaignAnswerOf(id, done, 201)),
    });
    return commandResponse(outcome);
  };

  const simple = (
    name: "activate" | "restart" | "end" | "stop",
    summary: string,
    schema: z.ZodType<{ reason?: string | undefined }> = noBody,
  ): Route =>
    route({
      method: "post",
      path: `/v1/campaigns/{id}/${name}`,
      tag: "Campaigns",
      summary,
      roles: operators,
      body: { schema, mediaTypes: jsonBody, optional: true },
      takesIdempotencyKey: true,
      takesIfMatch: true,
      answers: { 200: campaignAnswer },
      problems: [404, 409, 412],
      handle: async (call) => {
        const body = await readCommandBody(call.context, jsonBody, true);
        const { reason } = parseBody(schema, body);
        return await onCampaign(call, { type: name }, body, reason);
      },
    });

  return [
    route({
      method: "post",
      path: "/v1/campaigns",
      tag: "Campaigns",
      summary: "Create a draft",
      description: "Only `name` and `type` are required; what is given must be valid.",
      roles: operators,
      body: { schema: campaignSettingsSchema, mediaTypes: jsonBody },
      takesIdempotencyKey: true,
      answers: { 201: createdAnswer },
      handle: async (call) => {
        const body = await readCommandBody(call.context, jsonBody);
        const parsed = parseSettings(body);
        if ("problems" in parsed) throw invalidInput(parsed.problems);
        const problems = typeProblems(parsed.settings);
        if (problems.length > 0) throw invalidInput(problems);
        const { settings } = parsed;
        return await create(call, { type: "create", settings, copiedFrom: null }, body);
      },
    }),
    route({
      method: "patch",
      path: "/v1/campaigns/{id}",
      tag: "Campaigns",
      summary: "Edit settings",
      description: "A JSON merge patch (RFC 7396): `null` takes a setting back to its default, " +
        "arrays are replaced whole. A patch that changes nothing appends nothing.",
      roles: operators,
      body: { schema: patchSchema, mediaTypes: patchBody },
      takesIdempotencyKey: true,
      takesIfMatch: true,
      answers: { 200: campaignAnswer },
      problems: [404, 409, 412],
      handle: async (call) => {
        const body = await readCommandBody(call.context, patchBody);
        const patch = isPlainObject(body) ? body : parseBody(patchSchema, body);
        return await onCampaign(call, { type: "edit", patch }, body);
      },
    }),
    route({
      method: "delete",
      path: "/v1/campaigns/{id}",
      tag: "Campaigns",
      summary: "Delete a draft",
      description: "Its history stays.",
      roles: operators,
      takesIdempotencyKey: true,
      takesIfMatch: true,
      answers: { 204: { description: "Deleted", headers: ["Placard-Position"] } },
      problems: [404, 409, 412],
      handle: async (call) => {
        const id = call.context.req.param("id")!;
        const stream = campaignStream(id);
        const { meta, expectedVersion, remember } = commandCall(engine, call, {});
        const outcome = await engine.transact.campaign(id, {
          command: { type: "delete" },
          meta,
          expectedVersion,
          remember,
          answer: (result) => answerTo(result, () => ({ status: 204, headers: {}, body: null })),
        });
        return commandResponse(await withEventsBetween(engine, stream, expectedVersion, outcome));
      },
    }),
    route({
      method: "post",
      path: "/v1/campaigns/{id}/copy",
      tag: "Campaigns",
      summary: "Copy to start",
      description: "A new draft with the settings of a campaign in any status, without the dates " +
        "that have passed.",
      roles: operators,
      body: { schema: copyBody, mediaTypes: jsonBody, optional: true },
      takesIdempotencyKey: true,
      answers: { 201: createdAnswer },
      problems: [404],
      handle: async (call) => {
        const body = await readCommandBody(call.context, jsonBody, true);
        const { name } = parseBody(copyBody, body);
        const sourceId = call.context.req.param("id")!;
        return await create(call, (campaign) => {
          const source = campaign(sourceId);
          if (!source) return null;
          const settings = copySettings(source.settings, engine.nowMs(), name);
          return { type: "create", settings, copiedFrom: sourceId };
        }, body);
      },
    }),
    route({
      method: "post",
      path: "/v1/campaigns/{id}/restore",
      tag: "Campaigns",
      summary: "Take what clients receive back to an earlier content revision",
      description: "A new edit, which raises the content revision and is judged as any other: " +
        "`type`, `content`, `variants`, `trigger`, `priority` and `exposure` become what they were " +
        "last while that revision was current.",
      roles: operators,
      body: { schema: restoreBody, mediaTypes: jsonBody },
      takesIdempotencyKey: true,
      takesIfMatch: true,
      answers: { 200: campaignAnswer },
      problems: [404, 409, 412],
      handle: async (call) => {
        const id = call.context.req.param("id")!;
        await prepareRead(engine, [engine.models.campaigns, engine.models.index]);
        if (!engine.models.campaigns.model.get(id)) throw notFound();
        const body = await readCommandBody(call.context, jsonBody);
        const { contentRevision, reason } = parseBody(restoreBody, body);
        const settings = await settingsOfRevision(engine, id, contentRevision);
        if (!settings) {
          const message = "The campaign has had no such content revision: see its history.";
          const problem = { pointer: "/contentRevision", code: "unknown_revision", message };
          throw invalidInput([problem]);
        }
        return await onCampaign(call, { type: "restore", settings }, body, reason);
      },
    }),
    simple("activate", "Activate a draft"),
    simple("restart", "Restart a stopped campaign"),
    simple("end", "End a posting campaign now"),
    simple("stop", "Stop an active campaign", stopBody),
  ];
}

/** Null where the campaign has had no such revision. */
async function settingsOfRevision(
  { models, reader }: Engine,
  id: string,
  revision: number,
): Promise<CampaignSettings | null> {
  const positions = models.index.model.positions(campaignStream(id), 0, Infinity);
  let found: RevisionSettings | null = null;
  for (let first = 0; first < positions.length; first += eventsPerLookUp) {
    const events = await reader.readAt(positions.slice(first, first + eventsPerLookUp));
    for (const { event } of events) {
      const next = revisionAfter(found, event as CampaignEvent);
      // What a later one changes is no part of it.
      if (next!.revision > revision) return found!.revision === revision ? found!.settings : null;
      found = next;
    }
  }
  return found?.revision === revision ? found.settings : null;
}

/** What `patchSchema` takes as it is. */
function isPlainObject(body: unknown): body is Record<string, unknown> {
  return typeof body === "object" && body !== null && !Array.isArray(body) &&
    !Object.hasOwn(body, "__proto__");
}

function campaignAnswerOf(
  id: string,
  { version, state, audienceExists }: Done<CampaignState>,
  status: 200 | 201,
): CommandAnswer {
  return {
    status,
    headers: {
      "content-type": "application/json",
      etag: etagOf(version),
      ...(status === 201 ? { location: `/v1/campaigns/${id}` } : {}),
    },
    body: JSON.stringify(campaignJson(id, version, state, audienceExists)),
  };
}
