/**
 * What many would build: a validated command becomes a row of an events table, one INSERT that finds
 * the next version itself, with a unique version in each stream. Argument: the database.
 */
import Fastify from "fastify";
import { listen, openPool } from "./pool.js";

const pool = openPool(process.argv[2]);
await pool.query(`
  CREATE TABLE events (
    position bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    stream text NOT NULL,
    version bigint NOT NULL,
    type text NOT NULL,
    data jsonb NOT NULL,
    meta jsonb NOT NULL,
    recorded_at timestamptz NOT NULL DEFAULT now(),
    UNIQUE (stream, version)
  )`);

const insert = {
  name: "append",
  text: `
    INSERT INTO events (stream, version, type, data, meta)
    SELECT $1, coalesce(max(version), 0) + 1, $2, $3, $4 FROM events WHERE stream = $1
    RETURNING version, position`,
};
const body = {
  type: "object",
  required: ["description"],
  additionalProperties: false,
  properties: { description: { type: "string", maxLength: 10_000 } },
};
const uniqueViolation = "23505";

const app = Fastify();
app.post("/append/:stream", { schema: { body } }, async (request, reply) => {
  const data = JSON.stringify(request.body);
  const meta = JSON.stringify({ actor: "bench" });
  try {
    const values = [request.params.stream, "description_changed", data, meta];
    const { rows } = await pool.query({ ...insert, values });
    return rows[0];
  } catch (error) {
    if (error.code !== uniqueViolation) throw error;
    return reply.code(412).send({ code: "version_mismatch" });
  }
});
await listen(app);
