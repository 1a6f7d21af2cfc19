/**
 * More interactions than can be taken: held and then refused before they are read; what was let in is
 * answered.
 */
import { assert, assertEquals } from "@std/assert";
import { keys } from "../../src/event_store/mod.ts";
import { answerInTurn } from "../../src/http/mod.ts";
import { Admission } from "../../src/ingest/admission.ts";
import { heldMsMax, readingBytesMax, waitingBytesMax } from "../../src/ingest/mod.ts";
import { FaultyKv } from "../support/faulty_kv.ts";
import { presetKeys, type TestServer, withServer } from "../support/server.ts";
import { Connection } from "./child_server.ts";
import { impressions, item, send, url } from "./reported.ts";

function post({ placard }: TestServer, body: BodyInit, key = presetKeys.sdk): Promise<Response> {
  const headers = { authorization: `Bearer ${key}`, "content-type": "application/json" };
  const request = new Request(`http://localhost${url}`, { method: "POST", headers, body });
  return Promise.resolve(placard.answer(request));
}

async function assertOverloaded(response: Response): Promise<void> {
  assertEquals([response.status, response.headers.get("retry-after")], [503, "1"]);
  assertEquals((await response.json()).code, "overloaded");
}

Deno.test("overload: while too much waits, nothing more is read; then it is taken again", () =>
  withServer(async (server) => {
    const id = await server.campaignIn("posting");
    const { admission } = server.placard.engine.ingest;
    for (const [reading, waiting] of [[readingBytesMax, 0], [0, waitingBytesMax]] as const) {
      const place = admission.enter(reading);
      if (waiting > 0) place.bodyRead(waiting);
      let isRead = false;
      const body = new ReadableStream({
        pull(controller) {
          isRead = true;
          controller.close();
        },
      }, { highWaterMark: 0 });
      const held = [post(server, body), post(server, "", "no key of ours")];
      admission.look(heldMsMax);
      for (const refused of await Promise.all(held)) await assertOverloaded(refused);
      assert(!isRead);
      // By the route itself it is the same.
      const { status } = await server.request("POST", url, { role: "sdk", body: {} });
      assertEquals(status, 503);
      // Everything else goes on.
      const other = await server.placard.answer(new Request("http://localhost/healthz"));
      assertEquals(other.status, 200);
      await other.body?.cancel();
      const patient = post(server, JSON.stringify({ interactions: [item(server, id)] }));
      place.leave();
      admission.look(0);
      assertEquals((await patient).status, 202);
      await (await patient).body?.cancel();
      assertEquals(await send(server, [item(server, id)]), [""]);
    }
    assertEquals(await impressions(server, id), 4);
    assertEquals(admission.refused, 6);
  }));

Deno.test("overload: a store that takes nothing lets no more in than fits, and loses nothing", async () => {
  const plain = await Deno.openKv(":memory:");
  const kv = new FaultyKv(plain);
  await withServer(async (server) => {
    const id = await server.campaignIn("posting");
    await send(server, [item(server, id)]);
    const { admission } = server.placard.engine.ingest;
    const held = kv.hold({ method: "commit", setsPrefix: keys.bodyPrefix() });
    const statuses: Promise<[number, number]>[] = [];
    const properties = { note: "x".repeat(900) };
    while (admission.heldCount < 20) {
      const items = Array.from({ length: 200 }, () => item(server, id, { properties }));
      const answered = post(server, JSON.stringify({ interactions: items }))
        .then(async (response): Promise<[number, number]> => {
          const { accepted = 0 } = await response.json();
          return [response.status, accepted];
        });
      statuses.push(answered);
      await Promise.race([answered, new Promise((done) => setTimeout(done, 0))]);
      assert(admission.waitingBytes + admission.readingBytes < waitingBytesMax + readingBytesMax);
    }
    await held.arrived;
    admission.look(heldMsMax);
    assert(admission.refused >= 20);
    held.release();
    const told = await Promise.all(statuses);
    assert(told.every(([status]) => status === 202 || status === 503));
    const accepted = told.reduce((sum, [, count]) => sum + count, 0);
    assert(accepted > 0);
    assertEquals(await impressions(server, id), 1 + accepted);
    assertEquals([admission.waitingBytes, admission.readingBytes], [0, 0]);
  }, { kv: kv.asKv() });
  plain.close();
});

Deno.test("overload: whoever is refused keeps the connection", async () => {
  const admission = new Admission();
  const place = admission.enter(readingBytesMax);
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => {
      const answer = answerInTurn({ admission }, request, () => new Response("not full"));
      admission.look(heldMsMax);
      return answer;
    },
  );
  try {
    await using connection = await Connection.open(server.addr.port);
    const body = "x".repeat(20_000);
    for (let count = 0; count < 3; count++) {
      await connection.send(
        `POST ${url} HTTP/1.1\r\nhost: localhost\r\ncontent-length: ${body.length}\r\n\r\n${body}`,
      );
      const { status, text } = await connection.answer();
      assertEquals([status, JSON.parse(text).code], [503, "overloaded"]);
    }
  } finally {
    place.leave();
    admission.close();
    await server.shutdown();
  }
});
