/** How often messages were seen and clicked. */
import { z } from "zod";
import { normalisedInstant } from "../../../events/instant.ts";
import { type KpiAnswer, type KpiQuery, KpiQueryError } from "../../../projections/kpi_query.ts";
import { notFound } from "../command.ts";
import type { Engine } from "../engine.ts";
import { HttpProblem, invalidInput } from "../problem.ts";
import { json, positionHeader } from "../read.ts";
import { type Route, route } from "../route.ts";
import { kpiSchema } from "../schemas.ts";
import { viewAll, viewQuery } from "../view.ts";

const campaignsPerQueryMax = 200;
const readers = ["operator", "auditor"] as const;

const periodQuery = {
  ...viewQuery,
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
  const answer = (campaigns: readonly string[] | undefined, query: PeriodQuery) =>
    viewAll(engine, { kpi: true }, query, async (view) => {
      for (const id of campaigns ?? []) if (!view.campaigns.get(id)) throw notFound();
      const question = kpiQuery(campaigns, query, view.workspace.row.timeZone);
      // Rows may have to be read first, and what is folded meanwhile is in the answer.
      let position = view.position;
      const body = await ask(() => view.kpi.ask(question, () => position = view.position));
      return json(body, 200, positionHeader(position));
    });

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
      handle: ({ context, query }) => answer([context.req.param("id")!], query),
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
      handle: ({ query: { campaign, ...query } }) => answer(campaign, query),
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
