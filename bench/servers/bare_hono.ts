/** The limit: Hono that answers at once, with as many bytes as the real thing. */
import { Hono } from "hono";

const body = Deno.args[0] ?? "{}";
const app = new Hono();
app.post("/bare", async (context) => {
  await context.req.text();
  return new Response(body, { status: 200, headers: { "content-type": "application/json" } });
});
app.get("/bare", () => new Response(body, { headers: { "content-type": "application/json" } }));
Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(`listening on http://127.0.0.1:${port}`),
}, app.fetch);
