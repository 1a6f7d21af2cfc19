/** Questions about campaigns: one, the list, the status, the history. */
import { z } from "zod";
import {
  activeStatuses,
  type CampaignEvent,
  campaignStatuses,
} from "../../../events/campaign_events.ts";
import { messageTypes } from "../../../events/campaign_settings.ts";
import { platforms } from "../../../events/workspace_events.ts";
import { historyChanges } from "../../../projections/history.ts";
import { listCampaigns, listSorts } from "../../../projections/campaign_list.ts";
import type { CampaignRow } from "../../../projections/campaigns.ts";
import { type CampaignState, nextBoundary } from "../../campaign/mod.ts";
import { campaignStream } from "../../transact/mod.ts";
import { campaignJson, instant } from "../campaign_json.ts";
import { etagOf, notFound } from "../command.ts";
import { decodeCount, decodeCursor, encodeCursor } from "../cursor.ts";
import type { Engine } from "../engine.ts";
import { json, pageQuery, positionHeader } from "../read.ts";
import { type Route, route } from "../route.ts";
import {
  campaignListSchema,
  campaignSchema,
  historySchema,
  statusAnswerSchema,
} from "../schemas.ts";
import {
  type CampaignView,
  type FullView,
  placeOf,
  viewAll,
  viewCampaign,
  viewQuery,
} from "../view.ts";

const readers = ["operator", "auditor"] as const;
const sorts = listSorts.flatMap((sort) => [sort, `-${sort}`]) as [string, ...string[]];

export function campaignQueryRoutes(engine: Engine): Route[] {
  return [
    route({
      method: "get",
      path: "/v1/campaigns",
      tag: "Campaigns",
      summary: "List campaigns",
      roles: readers,
      query: z.strictObject({
        ...viewQuery,
        ...pageQuery,
        status: z.array(z.enum(campaignStatuses)).optional(),
        type: z.enum(messageTypes).optional(),
        platform: z.enum(platforms).optional(),
        q: z.string().max(200).optional().describe("Part of the name, whatever the case."),
        sort: z.enum(sorts).default("-createdAt").describe("A leading `-` sorts downwards."),
      }),
      answers: {
        200: {
          description: "A page of campaigns",
          schema: campaignListSchema,
          headers: ["Placard-Position"],
        },
      },
      handle: ({ query }) =>
        viewAll(engine, {}, query, (view) => {
          const { campaigns, workspace, position } = view;
          const { status, type, platform, q, sort, limit, cursor } = query;
          const [value, id] = cursor === undefined ? [] : decodeCursor(cursor, 2);
          const page = listCampaigns(campaigns, {
            ...(status ? { statuses: status } : {}),
            ...(type ? { type } : {}),
            ...(platform ? { platform } : {}),
            ...(q ? { q } : {}),
            ...(id === undefined ? {} : { after: { value: value!, id } }),
            sort: sort.replace("-", "") as (typeof listSorts)[number],
            descending: sort.startsWith("-"),
            limit,
          });
          const count = (one: (typeof campaignStatuses)[number]) => campaigns.count(one);
          return json(
            {
              items: page.rows.map((row) => rowJson(row, view)),
              nextCursor: page.next && encodeCursor([page.next.value, page.next.id]),
              activeCount: activeStatuses.reduce((sum, one) => sum + count(one), 0),
              activeLimit: workspace.row.activeLimit,
              countsByStatus: Object.fromEntries(campaignStatuses.map((one) => [one, count(one)])),
            },
            200,
            positionHeader(position),
          );
        }),
    }),
    route({
      method: "get",
      path: "/v1/campaigns/{id}",
      tag: "Campaigns",
      summary: "One campaign",
      roles: readers,
      query: z.strictObject(viewQuery),
      answers: {
        200: {
          description: "The campaign",
          schema: campaignSchema,
          headers: ["ETag", "Placard-Position"],
        },
      },
      problems: [404],
      handle: ({ context, query }) => {
        const id = context.req.param("id")!;
        return viewCampaign(engine, id, query, (view) => {
          const row = rowOf(id, view);
          const headers = { etag: etagOf(row.version), ...positionHeader(view.position) };
          return json(rowJson(row, view), 200, headers);
        });
      },
    }),
    route({
      method: "get",
      path: "/v1/campaigns/{id}/status",
      tag: "Campaigns",
      summary: "The status: since when, what comes next, and the timeline",
      roles: readers,
      query: z.strictObject(viewQuery),
      answers: {
        200: {
          description: "The status",
          schema: statusAnswerSchema,
          headers: ["Placard-Position"],
        },
      },
      problems: [404],
      handle: ({ context, query }) => {
        const id = context.req.param("id")!;
        return viewCampaign(engine, id, query, (view) => {
          const row = rowOf(id, view);
          const { timeline } = view.statuses.rows.get(id)!;
          const state = view.states.head(campaignStream(id)).state as CampaignState;
          // Not by the time of the question: the same position always has the same answer.
          const next = nextBoundary(state, { ...engine.durations, nowMs: view.clockMs });
          return json(
            {
              status: row.status,
              since: instant(timeline.at(-1)!.atMs),
              ...(next ? { next: { status: next.status, at: instant(next.atMs) } } : {}),
              timeline: timeline.map(({ status, atMs, position, cause }) => ({
                status,
                at: instant(atMs),
                position,
                cause,
              })),
            },
            200,
            positionHeader(view.position),
          );
        });
      },
    }),
    route({
      method: "get",
      path: "/v1/campaigns/{id}/history",
      tag: "Campaigns",
      summary: "Everything that happened to a campaign, oldest first; of a deleted one too",
      roles: readers,
      query: z.strictObject({ ...viewQuery, ...pageQuery }),
      answers: {
        200: {
          description: "A page of events",
          schema: historySchema,
          headers: ["Placard-Position"],
        },
      },
      problems: [404],
      handle: async ({ context, query }) => {
        const { index } = engine.models;
        const place = await placeOf(engine, [index], query);
        const position = place?.position ?? engine.tail.cursor.position;
        const stream = campaignStream(context.req.param("id")!);
        const { limit, cursor } = query;
        const from = cursor === undefined ? 0 : decodeCount(cursor);
        // The differences of an event need the settings before it, so the stream is read from its start.
        const positions = index.model.positions(stream, 0, from + limit + 1)
          .filter((one) => one <= position);
        if (positions.length === 0) throw notFound();
        const events = await engine.reader.readAt(positions.slice(0, from + limit));
        const items = historyChanges(events.map(({ event }) => event as CampaignEvent))
          .map((changes, index) => {
            const { position, version, event: { type }, timeMs, meta } = events[index]!;
            const reason = meta.reason === undefined ? {} : { reason: meta.reason };
            return {
              position,
              version,
              type,
              at: instant(timeMs),
              actor: meta.actor,
              ...reason,
              changes,
            };
          })
          .slice(from);
        const more = positions.length > from + limit;
        return json(
          { items, nextCursor: more ? encodeCursor([String(from + limit)]) : null },
          200,
          positionHeader(position),
        );
      },
    }),
  ];
}

function rowOf(id: string, { campaigns }: CampaignView): CampaignRow {
  const row = campaigns.get(id);
  if (!row) throw notFound();
  return row;
}

function rowJson(row: CampaignRow, { audiences }: CampaignView | FullView) {
  return campaignJson(row.id, row.version, row, (id) => audiences.exists(id));
}
