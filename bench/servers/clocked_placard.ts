/**
 * The real server with a clock that the bench sets: interactions older than a week are refused, so a
 * month of history is made by moving the clock through it. `POST /bench/clock` takes how many
 * milliseconds it is behind; it only ever goes forward.
 */
import { configFrom } from "../../src/config.ts";
import { openPlacard } from "../../src/placard.ts";

let behindMs = Number(Deno.args[0]);
const config = configFrom((name) => Deno.env.get(name));
const kv = await Deno.openKv(config.kv);
const placard = await openPlacard({
  ...config,
  kv,
  nowMs: () => Date.now() - behindMs,
  newId: () => crypto.randomUUID().replaceAll("-", ""),
  newSecret: () => crypto.getRandomValues(new Uint8Array(32)).toHex(),
  onBug: (error) => console.error(error),
});
Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(`listening on http://127.0.0.1:${port}`),
}, async (request) => {
  if (new URL(request.url).pathname !== "/bench/clock") return await placard.app.fetch(request);
  behindMs = Math.min(behindMs, Number(await request.text()));
  return new Response("ok");
});
Deno.addSignalListener("SIGTERM", async () => {
  await placard.close();
  kv.close();
  Deno.exit(0);
});
