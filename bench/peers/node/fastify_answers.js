/** An answer kept for each device, read by its key. Arguments: the database, a file with the answer, how many. */
import { readFile } from "node:fs/promises";
import Fastify from "fastify";
import { listen, openPool } from "./pool.js";

const [database, file, count] = process.argv.slice(2);
const pool = openPool(database);
await pool.query("CREATE TABLE answers (device text PRIMARY KEY, body text NOT NULL)");
await pool.query(
  "INSERT INTO answers SELECT 'device-' || number, $1 FROM generate_series(0, $2::int - 1) number",
  [await readFile(file, "utf8"), count],
);
await pool.query("ANALYZE answers");

const app = Fastify();
app.get("/v1/delivery", async (request, reply) => {
  const { rows } = await pool.query({
    name: "answer",
    text: "SELECT body FROM answers WHERE device = $1",
    values: [request.query.deviceId],
  });
  return reply.type("application/json").send(rows[0].body);
});
await listen(app);
