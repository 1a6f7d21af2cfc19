/** Refuses everything as Placard refuses interactions beyond what it can take, and does nothing else. */
import { surplusAnswer } from "../../src/http/mod.ts";
import { Admission, waitingBytesMax } from "../../src/ingest/admission.ts";

const admission = new Admission();
admission.enter(waitingBytesMax).bodyRead(waitingBytesMax);
admission.close();

Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(`listening on http://127.0.0.1:${port}`),
}, (request) => surplusAnswer({ admission }, request) ?? new Response(null, { status: 404 }));
