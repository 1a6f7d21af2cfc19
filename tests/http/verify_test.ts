/** `POST /v1/audit/verify`: the whole store is checked while the server goes on. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { keys } from "../../src/event_store/mod.ts";
import { fill } from "../audit/filled.ts";
import { assertProblem, withServer } from "../support/server.ts";
import { item, send } from "./reported.ts";

const path = "/v1/audit/verify";

Deno.test("a sound store verifies, and the live rows are those of now", () =>
  withServer(async (server) => {
    await fill(server);
    const { json } = await server.expect(200, "POST", path, { role: "auditor" });
    assertEquals([json.ok, json.faultCount, json.firstDifference], [true, 0, null]);
    assertEquals(json.position, await server.end());
    assertEquals(json.counts["read models"], server.placard.engine.projector.mounted.length);
    assert(
      json.counts.events > 20 && json.counts.bodies > 2 && json.counts["read model rows"] > 20,
    );
  }));

Deno.test("damage under a running server is named", () =>
  withServer(async (server) => {
    await fill(server);
    await server.placard.engine.projector.flush();
    const { kv } = server;
    for await (const { key, value } of kv.list<Uint8Array>({ prefix: keys.logsPrefix() })) {
      const text = new TextDecoder().decode(value);
      if (!text.includes("campaign_created")) continue;
      const damaged = text.replace(/"actor":"key:/, '"actor":"kez:');
      await kv.set(key, new TextEncoder().encode(damaged));
      break;
    }
    const { json } = await server.expect(200, "POST", path);
    assertEquals(json.ok, false);
    assert(json.faultCount >= 1);
    assertStringIncludes(json.firstDifference, "hash");
    assertEquals(json.faults[0], json.firstDifference);
  }));

Deno.test("one verification at a time, and the server goes on meanwhile", () =>
  withServer(async (server) => {
    const id = await server.campaignIn("posting");
    for (let nth = 0; nth < 30; nth++) {
      await send(server, Array.from({ length: 100 }, () => item(server, id)));
    }
    const first = server.request("POST", path);
    const second = await server.request("POST", path);
    assertProblem(second, 503, "overloaded");
    assert(second.headers.get("retry-after"));
    // What is appended while it goes on is no fault.
    for (let nth = 0; nth < 10; nth++) {
      await server.expect(200, "PATCH", `/v1/campaigns/${id}`, { body: { priority: nth } });
      await send(server, [item(server, id)]);
    }
    const { json } = await first;
    assertEquals([json.ok, json.faults], [true, []]);
    assertEquals((await server.expect(200, "POST", path)).json.ok, true);
  }));

Deno.test("a verification that nobody waits for is given up", () =>
  withServer(async (server) => {
    await fill(server);
    const { verification } = server.placard.engine;
    const gone = new AbortController();
    const running = verification.run(gone.signal).then(() => "ended", () => "given up");
    gone.abort();
    assertEquals(await running, "given up");
    assertEquals((await server.expect(200, "POST", path)).json.ok, true);
    const closing = verification.run().then(() => "ended", () => "given up");
    await verification.close();
    assertEquals(await closing, "given up");
  }));
