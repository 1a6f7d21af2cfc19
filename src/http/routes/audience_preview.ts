/** Who is in an audience: a preview of a rule, and how the snapshot of a campaign comes about. */
import { z } from "zod";
import { audienceRuleFault } from "../../../events/audience_rule.ts";
import { withDefaults } from "../../../events/campaign_settings.ts";
import { rule } from "../../../events/problem.ts";
import type { CampaignState } from "../../campaign/mod.ts";
import { campaignStream } from "../../transact/mod.ts";
import { instant } from "../campaign_json.ts";
import { jsonBody, notFound, parseBody, readCommandBody } from "../command.ts";
import type { Engine } from "../engine.ts";
import { json, positionHeader, prepareRead, readQuery } from "../read.ts";
import { type Route, route } from "../route.ts";
import { audiencePreviewSchema, campaignAudienceSchema } from "../schemas.ts";

const readers = ["operator", "auditor"] as const;
const previewBody = z.strictObject({
  rule: z.record(z.string(), z.unknown()).check(rule(audienceRuleFault))
    .describe("JsonLogic over `user.*`, `device.*` and `facts.*`."),
});

export function audiencePreviewRoutes(engine: Engine): Route[] {
  const { models } = engine;
  return [
    route({
      method: "post",
      path: "/v1/audiences/preview",
      asksOnly: true,
      tag: "Audiences",
      summary: "Who fits a rule now",
      description: "Exact, of everybody who is registered: it takes some seconds for a million. " +
        "Two are calculated at a time; beyond that the answer is 503.",
      roles: readers,
      body: { schema: previewBody, mediaTypes: jsonBody },
      answers: {
        200: {
          description: "How many, and some of them",
          schema: audiencePreviewSchema,
          headers: ["Placard-Position"],
        },
      },
      handle: async ({ context }) => {
        const given = parseBody(previewBody, await readCommandBody(context, jsonBody));
        const position = await prepareRead(engine, [models.subjects]);
        const preview = await engine.calculation.preview(given.rule);
        return json(preview, 200, positionHeader(position));
      },
    }),
    route({
      method: "get",
      path: "/v1/campaigns/{id}/audience",
      tag: "Campaigns",
      summary: "Whom a campaign is for, and how its snapshot comes about",
      roles: readers,
      query: z.strictObject(readQuery),
      answers: {
        200: {
          description: "The audience, its calculation, and the snapshot of this activation",
          schema: campaignAudienceSchema,
          headers: ["Placard-Position"],
        },
      },
      problems: [404],
      handle: async ({ context, query }) => {
        const id = context.req.param("id")!;
        const position = await prepareRead(engine, [models.campaigns], query.after);
        if (!models.campaigns.model.get(id)) throw notFound();
        const preparation = await engine.preparations.progress(id);
        const state = models.states.model.head(campaignStream(id)).state as CampaignState;
        const { snapshot, settings } = state;
        return json(
          {
            audience: withDefaults(settings).audience,
            preparation,
            snapshot: snapshot && {
              id: snapshot.snapshotId,
              size: snapshot.size,
              digest: snapshot.digest,
              at: instant(snapshot.atMs),
            },
          },
          200,
          positionHeader(position),
        );
      },
    }),
  ];
}
