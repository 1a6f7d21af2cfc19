/** What the store does when each command is a commit: a version checked, an event and a head written. */
import { Hono } from "hono";

const kv = await Deno.openKv(Deno.args[0]);
const versions = new Map<string, number>();
const app = new Hono();
app.post("/append/:stream", async (context) => {
  const stream = context.req.param("stream");
  const data = await context.req.text();
  const version = (versions.get(stream) ?? 0) + 1;
  versions.set(stream, version);
  const key = ["event", stream, version];
  const { ok } = await kv.atomic().check({ key, versionstamp: null }).set(key, data).commit();
  return ok ? context.json({ version }) : context.json({ code: "version_mismatch" }, 412);
});
Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(`listening on http://127.0.0.1:${port}`),
}, app.fetch);
