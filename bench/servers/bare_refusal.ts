/** Refuses everything as Placard refuses interactions that it does not hold, and does nothing else. */
import { refusal } from "../../src/http/mod.ts";

Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(`listening on http://127.0.0.1:${port}`),
}, refusal);
