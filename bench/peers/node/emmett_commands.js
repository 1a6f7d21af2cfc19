/** Emmett on PostgreSQL: its command handler, and its plain append. Argument: the database. */
import { CommandHandler } from "@event-driven-io/emmett";
import { getPostgreSQLEventStore } from "@event-driven-io/emmett-postgresql";
import Fastify from "fastify";
import { listen, openPool } from "./pool.js";

const store = getPostgreSQLEventStore(process.argv[2], {
  connectionOptions: { pooled: true, pool: openPool(process.argv[2]) },
});
await store.schema.migrate();
const handle = CommandHandler({
  initialState: () => ({ description: null }),
  evolve: (_state, { data }) => ({ description: data.description }),
});
const changed = ({ description }) => ({ type: "description_changed", data: { description } });

const app = Fastify();
app.post("/handle/:stream", async (request) => {
  const { nextExpectedStreamVersion } = await handle(
    store,
    request.params.stream,
    () => changed(request.body),
  );
  return { version: String(nextExpectedStreamVersion) };
});
app.post("/append/:stream", async (request) => {
  const { nextExpectedStreamVersion } = await store.appendToStream(
    request.params.stream,
    [changed(request.body)],
  );
  return { version: String(nextExpectedStreamVersion) };
});
await listen(app);
