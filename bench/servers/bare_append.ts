/** The store alone behind a bare route: one event a request, to one of many streams. */
import { Hono } from "hono";
import { cursorAtStart, openLog, StreamStates, Tail, Writer } from "../../src/event_store/mod.ts";

const kv = await Deno.openKv(Deno.args[0]);
const reader = await openLog(kv, ({ type, schema, data }) => ({ type, schema, data }));
const states = new StreamStates<number>(1, {
  tracks: () => true,
  initial: () => 0,
  evolve: (_stream, count) => count + 1,
});
const tail = new Tail(reader, cursorAtStart);
tail.subscribe((events) => events.forEach((recorded) => states.fold(recorded)));
const newId = () => crypto.randomUUID();
const writer = new Writer({
  kv,
  epoch: reader.epoch,
  tail,
  states,
  nowMs: Date.now,
  newId,
  assertFolding: () => {},
});
const app = new Hono();
app.post("/append/:stream", async (context) => {
  const stream = context.req.param("stream");
  const data = { text: await context.req.text() };
  const meta = { actor: "bench", commandId: newId(), traceId: newId() };
  const outcome = await writer.submit({
    decide: (draft) => {
      draft.append(stream, [{ type: "appended", schema: 1, data }], meta);
      return { answer: draft.head(stream).version, success: true };
    },
  });
  return context.json({ version: outcome.answer, position: outcome.position });
});
Deno.serve({
  hostname: "127.0.0.1",
  port: 0,
  onListen: ({ port }) => console.log(`listening on http://127.0.0.1:${port}`),
}, app.fetch);
