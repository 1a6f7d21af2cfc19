/** An answer kept for each device, read by its key from the store. Arguments: store, answer, how many. */
import { Hono } from "hono";

const [path, file, count] = Deno.args as [string, string, string];
const kv = await Deno.openKv(path);
const body = new TextEncoder().encode(await Deno.readTextFile(file));
for (let device = 0; device < Number(count); device++) await kv.set([`device-${device}`], body);

const app = new Hono();
app.get("/v1/delivery", async (context) => {
  const { value } = await kv.get<Uint8Array<ArrayBuffer>>([context.req.query("deviceId")!]);
  return new Response(value, { headers: { "content-type": "application/json" } });
});
Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(`listening on http://127.0.0.1:${port}`),
}, app.fetch);
