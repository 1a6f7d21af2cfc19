/**
 * Interactions as many would take them: Fastify validates the batch, one INSERT of many rows leaves
 * out those whose id is known. Argument: the database.
 */
import Fastify from "fastify";
import { listen, openPool } from "./pool.js";

const pool = openPool(process.argv[2]);
await pool.query(`
  CREATE TABLE IF NOT EXISTS interactions (
    id uuid PRIMARY KEY,
    kind text NOT NULL,
    campaign_id text NOT NULL,
    revision int NOT NULL,
    element_id text,
    platform text NOT NULL,
    device_id text NOT NULL,
    user_id text,
    occurred_at timestamptz NOT NULL,
    received_at timestamptz NOT NULL DEFAULT now()
  )`);

const columns = {
  id: "uuid",
  kind: "text",
  campaignId: "text",
  revision: "int",
  elementId: "text",
  platform: "text",
  deviceId: "text",
  userId: "text",
  occurredAt: "timestamptz",
};
const names = Object.keys(columns);
const insert = {
  name: "record",
  text: `
    INSERT INTO interactions (id, kind, campaign_id, revision, element_id, platform, device_id,
                              user_id, occurred_at)
    SELECT * FROM unnest(${Object.values(columns).map((type, at) => `$${at + 1}::${type}[]`)})
    ON CONFLICT (id) DO NOTHING`,
};
const text = { type: "string", minLength: 1, maxLength: 256 };
const body = {
  type: "object",
  required: ["interactions"],
  additionalProperties: false,
  properties: {
    interactions: {
      type: "array",
      minItems: 1,
      maxItems: 1_000,
      items: {
        type: "object",
        required: ["id", "kind", "campaignId", "platform", "deviceId", "occurredAt"],
        additionalProperties: false,
        properties: {
          id: { type: "string", format: "uuid" },
          kind: { enum: ["impression", "click", "event", "hide"] },
          campaignId: text,
          revision: { type: "integer", minimum: 1 },
          elementId: text,
          platform: { enum: ["web", "ios", "android"] },
          deviceId: text,
          userId: text,
          occurredAt: { type: "string", format: "date-time" },
        },
      },
    },
  },
};

const app = Fastify({ bodyLimit: 4 * 1024 * 1024 });
app.post("/v1/interactions", { schema: { body } }, async (request, reply) => {
  const { interactions } = request.body;
  const values = names.map((name) => interactions.map((one) => one[name] ?? null));
  const { rowCount } = await pool.query({ ...insert, values });
  return reply.code(202).send({ accepted: interactions.length, added: rowCount });
});

const metrics = `
  count(*) FILTER (WHERE kind = 'impression')::int AS "totalImpressions",
  count(DISTINCT device_id) FILTER (WHERE kind = 'impression')::int AS "uniqueImpressions",
  count(DISTINCT user_id) FILTER (WHERE kind = 'impression')::int AS "userImpressions",
  count(*) FILTER (WHERE kind = 'click')::int AS "totalClicks",
  count(DISTINCT device_id) FILTER (WHERE kind = 'click')::int AS "uniqueClicks",
  count(DISTINCT user_id) FILTER (WHERE kind = 'click')::int AS "userClicks"`;
app.get("/kpi", async (request) => {
  const { campaign, from, to } = request.query;
  const { rows } = await pool.query({
    name: "kpi",
    text: `SELECT ${metrics} FROM interactions
           WHERE campaign_id = ANY($1) AND occurred_at >= $2 AND occurred_at < $3`,
    values: [[campaign].flat(), from, to],
  });
  return rows[0];
});
await listen(app);
