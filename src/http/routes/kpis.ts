/** How often messages were seen and clicked. */
import { z } from "zod";
import { normalisedInstant } from "../../../events/instant.ts";
import { type KpiAnswer, type KpiQuery, KpiQueryError } from "../../../projections/kpi_query.ts";
import { notFound } from "../command.ts";
import type { Engine } from "../engine.ts";
import { HttpProblem, invalidInput } from "../problem.ts";
import { json, positionHeader, prepareRead, readQuery } from "../read.ts";
import { type Route, route } from "../route.ts";
import { kpiSchema } from "../schemas.ts";

const campaignsPerQueryMax = 200;
const readers = ["operator", "auditor"] as const;

const periodQuery = {
  ...readQuery,
  from: z.string().optional().describe("Instant on a whole quarter-hour; inside."),
  to: z.string().optional().describe("Instant on a whole quarter-hour; outside."),
  granularity: z.enum(["hour", "day"]).optional().describe("In the workspace's time zone."),
  by: z.enum(["element", "platform", "variant", "revision"]).optional(),
};
type PeriodQuery = z.infer<z.ZodObject<typeof periodQuery>>;

const answers = {
  200: { description: "The metrics", schema: kpiSchema, headers: ["Placard-Position"] },
};

export function kpiRoutes(engine: Engine): Route[] {
  const { models } = engine;

  const answer = async (
    campaigns: readonly string[] | undefined,
    query: PeriodQuery,
    position: string,
  ) => {
    const { timeZone } = models.workspace.model.row;
    const body = await ask(() => models.kpi.model.ask(kpiQuery(campaigns, query, timeZone)));
    return json(body, 200, positionHeader(position));
  };
  const prepare = (after: string | undefined) =>
    prepareRead(engine, [models.kpi, models.campaigns, models.workspace], after);

  return [
    route({
      method: "get",
      path: "/v1/campaigns/{id}/kpi",
      tag: "KPIs",
      summary: "The nine metrics of a campaign",
      roles: readers,
      query: z.strictObject(periodQuery),
      answers,
      problems: [404],
      handle: async ({ context, query }) => {
        const position = await prepare(query.after);
        const id = context.req.param("id")!;
        if (!models.campaigns.model.get(id)) throw notFound();
        return answer([id], query, position);
      },
    }),
    route({
      method: "get",
      path: "/v1/kpi",
      tag: "KPIs",
      summary: "The nine metrics of a set of campaigns",
      description: "Distinct over the whole set; without `campaign`, over all campaigns.",
      roles: readers,
      query: z.strictObject({
        ...periodQuery,
        campaign: z.array(z.string()).max(campaignsPerQueryMax).optional(),
      }),
      answers,
      problems: [404],
      handle: async ({ query: { campaign, ...query } }) => {
        const position = await prepare(query.after);
        const all = models.campaigns.model;
        for (const id of campaign ?? []) if (!all.get(id)) throw notFound();
        return answer(campaign, query, position);
      },
    }),
  ];
}

function kpiQuery(
  campaigns: readonly string[] | undefined,
  query: PeriodQuery,
  timeZone: string,
): KpiQuery {
  const fromMs = instantOf("from", query.from);
  const toMs = instantOf("to", query.to);
  return {
    timeZone,
    ...(campaigns ? { campaigns } : {}),
    ...(fromMs === undefined ? {} : { fromMs }),
    ...(toMs === undefined ? {} : { toMs }),
    ...(query.granularity ? { granularity: query.granularity } : {}),
    ...(query.by ? { by: query.by } : {}),
  };
}

function instantOf(name: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  const instant = normalisedInstant(text);
  if (instant !== null) return Date.parse(instant);
  const message = "is not an instant of RFC 3339, like 2026-04-01T00:00:00Z";
  throw invalidInput([{ pointer: `/${name}`, code: "invalid_format", message }]);
}

async function ask(question: () => Promise<KpiAnswer>): Promise<KpiAnswer> {
  try {
    return await question();
  } catch (error) {
    if (!(error instanceof KpiQueryError)) throw error;
    if (error.code === "period_not_aligned") throw new HttpProblem(error.code, error.message);
    throw invalidInput([{ pointer: "/to", code: error.code, message: error.message }]);
  }
}
