/** The limit for interactions: parse a batch and validate it, and nothing else. */
import { Hono } from "hono";
import { z } from "zod";
import { interactionSchema } from "../../src/ingest/mod.ts";

const batch = z.strictObject({ interactions: z.array(interactionSchema) });
const app = new Hono();
app.post("/v1/interactions", async (context) => {
  const parsed = batch.parse(JSON.parse(await context.req.text()));
  return context.json({ accepted: parsed.interactions.length, rejected: [] }, 202);
});
Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(`listening on http://127.0.0.1:${port}`),
}, app.fetch);
