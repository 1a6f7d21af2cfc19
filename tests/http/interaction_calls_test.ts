/** Calls that report interactions: their coding and size, repeated ones, and that they are durable. */
import { assert, assertEquals } from "@std/assert";
import { assertProblem, faultsOf, withServer } from "../support/server.ts";
import { impressions, item, send, url } from "./reported.ts";

Deno.test("the same id is accepted again and counts once, in one call or in many", () =>
  withServer(async (server) => {
    const id = await server.campaignIn("posting");
    const one = item(server, id);
    assertEquals(await send(server, [one, one, { ...one, deviceId: "d2" }]), ["", "", ""]);
    await Promise.all(Array.from({ length: 10 }, () => send(server, [one])));
    const { json } = await server.expect(200, "GET", `/v1/campaigns/${id}/kpi`);
    assertEquals([json.totalImpressions, json.uniqueImpressions], [1, 1]);
  }));

Deno.test("gzip is taken; what is no gzip is 400, what unpacks too large 413, other codings 415", () =>
  withServer(async (server) => {
    const id = await server.campaignIn("posting");
    const gzip = (text: string) =>
      new Response(new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"))).bytes();
    const coded = (body: Uint8Array, coding = "gzip") =>
      server.request("POST", url, { role: "sdk", body, headers: { "content-encoding": coding } });
    const packed = await gzip(JSON.stringify({ interactions: [item(server, id)] }));
    assertEquals((await coded(packed)).status, 202);
    assertEquals((await coded(packed, "GZIP")).status, 202, "the same ids again");
    assertEquals(await impressions(server, id), 1);
    for (
      const body of [packed.slice(0, -4), packed.slice(1), new Uint8Array(0), Uint8Array.of(1)]
    ) {
      assertProblem(await coded(body), 400, "malformed_request");
    }
    assertProblem(await coded(await gzip("{")), 400, "malformed_json");
    assertProblem(await coded(await gzip("\u0000".repeat(40_000_000))), 413, "body_too_large");
    assertProblem(await coded(packed, "br"), 415, "unsupported_media_type");
    const plain = new TextEncoder().encode(JSON.stringify({ interactions: [item(server, id)] }));
    assertEquals((await coded(plain, "identity")).status, 202);
  }));

Deno.test("1 to 1,000 items a call", () =>
  withServer(async (server) => {
    const id = await server.campaignIn("posting");
    const many = (count: number) => Array.from({ length: count }, () => item(server, id));
    for (const count of [0, 1_001]) {
      const answer = await server.request("POST", url, { body: { interactions: many(count) } });
      assertProblem(answer, 422, "invalid");
      assertEquals(faultsOf(answer), [`/interactions ${count === 0 ? "too_short" : "too_long"}`]);
    }
    assertEquals(await impressions(server, id), 0);
    await send(server, many(1_000));
    assertEquals(await impressions(server, id), 1_000);
    for (const body of [{}, [], { interactions: {} }, { interactions: many(1), more: 1 }]) {
      assertProblem(await server.request("POST", url, { body }), 422, "invalid");
    }
  }));

Deno.test("with an Idempotency-Key the same answer comes again, also for many at once", () =>
  withServer(async (server) => {
    const id = await server.campaignIn("posting");
    const body = { interactions: [item(server, id), { ...item(server, id), platform: "x" }] };
    const headers = { "idempotency-key": "k" };
    const answers = await Promise.all(
      Array.from({ length: 10 }, () => server.expect(202, "POST", url, { body, headers })),
    );
    for (const { text, position } of answers) {
      assertEquals([text, position], [answers[0]!.text, answers[0]!.position]);
    }
    assertEquals(await impressions(server, id), 1);
    const other = { interactions: [item(server, id)] };
    const reused = await server.request("POST", url, { body: other, headers });
    assertProblem(reused, 422, "idempotency_key_reused");
    assertEquals(await impressions(server, id), 1);
  }));

Deno.test("the answer's position holds the interactions, and the next read counts them", () =>
  withServer(async (server) => {
    const id = await server.campaignIn("posting");
    for (let count = 1; count <= 5; count++) {
      const body = { interactions: [item(server, id, { deviceId: `d${count}` })] };
      const { json, position } = await server.expect(202, "POST", url, { role: "sdk", body });
      assertEquals(json.position, position);
      const kpi = await server.expect(200, "GET", `/v1/campaigns/${id}/kpi?after=${position}`);
      assertEquals([kpi.json.totalImpressions, kpi.json.uniqueImpressions], [count, count]);
      assert(kpi.position >= position);
    }
  }));
