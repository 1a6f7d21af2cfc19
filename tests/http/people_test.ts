/** Users and devices over HTTP: written, read, written in bulk, and forgotten without a trace. */
import { assert, assertEquals } from "@std/assert";
import { fsck } from "../../src/audit/mod.ts";
import { mountedModels } from "../../src/placard.ts";
import { range } from "../event_store/counters.ts";
import { assertProblem, faultsOf, type TestServer, withServer } from "../support/server.ts";

const ndjson = { "content-type": "application/x-ndjson" };

async function gzip(text: string): Promise<Uint8Array> {
  const packed = new Blob([text]).stream().pipeThrough(new CompressionStream("gzip"));
  return new Uint8Array(await new Response(packed).arrayBuffer());
}

const line = (nth: number, plan = "pro") =>
  JSON.stringify({ userId: `u${nth}`, attributes: { plan, nth } });

async function upload(server: TestServer, body: unknown, headers = {}) {
  return (await server.expect(200, "POST", "/v1/users/batch", {
    body,
    headers: { ...ndjson, ...headers },
  })).json;
}

Deno.test("people: a profile is written, read, and written anew as a whole", () =>
  withServer(async (server) => {
    const path = "/v1/users/anna";
    assertProblem(await server.request("GET", path), 404, "not_found");
    const first = { plan: "pro", age: 41, tags: ["a", 1, null], address: { city: "Oslo" } };
    const put = await server.expect(200, "PUT", path, { body: { attributes: first } });
    assertEquals(put.json, {
      userId: "anna",
      attributes: first,
      updatedAt: "2026-04-01T09:00:00.000Z",
    });
    assertEquals((await server.expect(200, "GET", path)).json, put.json);
    assertEquals((await server.expect(200, "GET", path, { role: "auditor" })).json, put.json);
    server.advance(1_000);
    await server.expect(200, "PUT", path, { body: { attributes: { plan: "free" } } });
    const after = await server.expect(200, "GET", `${path}?after=${put.position}`);
    assertEquals(after.json.attributes, { plan: "free" });
    assertEquals(after.json.updatedAt, "2026-04-01T09:00:01.000Z");
    assert(after.position > put.position);
  }));

Deno.test("people: ids are what they are percent-decoded", () =>
  withServer(async (server) => {
    for (const id of ["a/b", "100%", "a b", "é", "%41", "batches", "?", "x".repeat(256)]) {
      const path = `/v1/devices/${encodeURIComponent(id)}`;
      const { json } = await server.expect(200, "PUT", path, { body: { attributes: {} } });
      assertEquals(json.deviceId, id);
      assertEquals((await server.expect(200, "GET", path)).json.deviceId, id);
    }
    for (const id of ["%00", "x".repeat(257), "%0A", "%ff"]) {
      assertProblem(await server.request("GET", `/v1/users/${id}`), 404, "not_found");
      const body = { attributes: {} };
      const answer = await server.request("PUT", `/v1/devices/${id}`, { body });
      assertProblem(answer, 422, "invalid");
      assertEquals(faultsOf(answer), ["/id invalid_format"]);
    }
  }));

Deno.test("people: what is wrong with attributes is told by its pointer", () =>
  withServer(async (server) => {
    const deep = { a: { b: { c: { d: { e: 1 } } } } };
    const table: [what: string, faults: string[]][] = [
      ["{}", ["/attributes required"]],
      ['{"attributes":[]}', ["/attributes invalid_type"]],
      ['{"attributes":{},"x":1}', ["/x unknown_field"]],
      ['{"attributes":{},"userId":"u"}', ["/userId unknown_field"]],
      ['{"attributes":{"__proto__":1}}', ["/attributes/__proto__ invalid_format"]],
      [
        '{"attributes":{"a":{"constructor":1},"prototype":{}}}',
        ["/attributes/a/constructor invalid_format", "/attributes/prototype invalid_format"],
      ],
      ['{"attributes":{"":1}}', ["/attributes/ invalid_format"]],
      ['{"attributes":{"a/b":1e400}}', ["/attributes/a~1b invalid_type"]],
      ['{"attributes":{"a":[[1]]}}', ["/attributes/a/0 invalid_type"]],
      [JSON.stringify({ attributes: { a: range(101) } }), ["/attributes/a too_long"]],
      [JSON.stringify({ attributes: { a: "x".repeat(1_001) } }), ["/attributes/a too_long"]],
      [JSON.stringify({ attributes: { z: deep } }), ["/attributes/z/a/b/c/d too_deep"]],
      [
        JSON.stringify({
          attributes: Object.fromEntries(range(9).map((n) => [`a${n}`, "é".repeat(500)])),
        }),
        ["/attributes too_long"],
      ],
    ];
    for (const [body, faults] of table) {
      const answer = await server.request("PUT", "/v1/users/u", { body });
      assertProblem(answer, 422, "invalid");
      assertEquals(faultsOf(answer), faults, body.slice(0, 100));
    }
    await server.expect(200, "PUT", "/v1/users/u", {
      body: { attributes: { ...deep, list: range(100), text: "é".repeat(1_000), none: null } },
    });
  }));

Deno.test("people: who may", () =>
  withServer(async (server) => {
    const body = { attributes: {} };
    for (const role of ["auditor", "sdk"] as const) {
      for (const path of ["/v1/users/u", "/v1/devices/d"]) {
        assertProblem(await server.request("PUT", path, { role, body }), 403, "forbidden");
        assertProblem(await server.request("DELETE", path, { role }), 403, "forbidden");
      }
      const batch = await server.request("POST", "/v1/users/batch", {
        role,
        body: line(1),
        headers: ndjson,
      });
      assertProblem(batch, 403, "forbidden");
    }
    assertProblem(await server.request("GET", "/v1/users/u", { role: "sdk" }), 403, "forbidden");
  }));

Deno.test("people: a bad line is named and the others hold", () =>
  withServer(async (server) => {
    const bad = [
      "{",
      "[]",
      '{"userId":"","attributes":{}}',
      '{"attributes":{}}',
      '{"userId":"u","attributes":{"a":[{}]}}',
      '{"userId":"u","attributes":{},"userID":1}',
      `{"userId":"u","attributes":{"a":"${"x".repeat(70_000)}"}}`,
    ];
    const text = [line(1), ...bad, "", line(2), line(1, "free")].join("\r\n");
    const answer = await upload(server, text);
    assertEquals(answer.written, 3);
    assertEquals(answer.rejected, bad.length);
    assertEquals(
      answer.errors.map(({ line, code }: { line: number; code: string }) => `${line} ${code}`),
      ["2 malformed_json", "3 invalid", "4 invalid", "5 invalid", "6 invalid", "7 invalid"]
        .concat("8 line_too_long"),
    );
    assertEquals(answer.errors[4].message.split(":")[0], "/attributes/a/0");
    const { json } = await server.expect(200, "GET", "/v1/users/u1");
    assertEquals(json.attributes, { plan: "free", nth: 1 });
    assertEquals((await upload(server, "")).written, 0);
    const many = await upload(server, "x\n".repeat(250));
    assertEquals([many.rejected, many.errors.length], [250, 100]);
    const notUtf8 = new Uint8Array([0xff, 10]);
    assertEquals((await upload(server, notUtf8)).errors[0].code, "not_utf8");
  }));

Deno.test("people: thousands of lines, packed or in small pieces", () =>
  withServer(async (server) => {
    const text = range(3_000).map((nth) => line(nth)).join("\n");
    const packed = await upload(server, await gzip(text), { "content-encoding": "gzip" });
    assertEquals([packed.written, packed.rejected], [3_000, 0]);
    const bytes = new TextEncoder().encode(range(300).map((nth) => line(nth, "new")).join("\n"));
    const pieces = ReadableStream.from(
      range(Math.ceil(bytes.length / 7)).map((nth) => bytes.subarray(7 * nth, 7 * nth + 7)),
    );
    assertEquals((await upload(server, pieces)).written, 300);
    const plan = async (nth: number) =>
      (await server.expect(200, "GET", `/v1/users/u${nth}`)).json.attributes.plan;
    assertEquals([await plan(299), await plan(300), await plan(2_999)], ["new", "pro", "pro"]);
    const broken = await server.request("POST", "/v1/users/batch", {
      body: "no gzip",
      headers: { ...ndjson, "content-encoding": "gzip" },
    });
    assertProblem(broken, 400, "malformed_request");
    const json = await server.request("POST", "/v1/users/batch", { body: line(1) });
    assertProblem(json, 415, "unsupported_media_type");
  }));

Deno.test("people: a batch is repeated by its key", () =>
  withServer(async (server) => {
    const keyed = { "idempotency-key": "batch" };
    const first = await upload(server, `${line(1)}\nx`, keyed);
    await server.expect(200, "PUT", "/v1/users/u1", { body: { attributes: { plan: "later" } } });
    assertEquals(await upload(server, `${line(1)}\nx`, keyed), first);
    const { json } = await server.expect(200, "GET", "/v1/users/u1");
    assertEquals(json.attributes.plan, "later");
    const other = await server.request("POST", "/v1/users/batch", {
      body: line(2),
      headers: { ...ndjson, ...keyed },
    });
    assertProblem(other, 422, "idempotency_key_reused");
  }));

Deno.test("people: a device is linked to a user, by PUT and by lines", () =>
  withServer(async (server) => {
    const { identities, models, tail } = server.placard.engine;
    const userOf = async (device: string) => {
      await tail.readOwnWrites();
      return models.subjects.model.userOf((await identities.find("device", device))!);
    };
    await server.expect(200, "PUT", "/v1/devices/d1", { body: { attributes: {}, userId: "u1" } });
    assertEquals(await userOf("d1"), await identities.find("user", "u1"));
    const lines = [
      { deviceId: "d1", attributes: { model: "X" } },
      { deviceId: "d2", attributes: {}, userId: "u2" },
      { deviceId: "d2", attributes: { model: "Y" } },
    ].map((one) => JSON.stringify(one)).join("\n");
    const { json } = await server.expect(200, "POST", "/v1/devices/batch", {
      body: lines,
      headers: ndjson,
    });
    assertEquals([json.written, json.rejected], [3, 0]);
    assertEquals(await userOf("d1"), await identities.find("user", "u1"));
    assertEquals(await userOf("d2"), await identities.find("user", "u2"));
    await server.expect(204, "DELETE", "/v1/users/u2");
    assertEquals(await userOf("d2"), 0);
  }));

/** Every key and value of the store as one text, bytes as they are. */
async function everything(kv: Deno.Kv): Promise<string> {
  const text = new TextDecoder("latin1");
  const parts: string[] = [];
  const walk = (value: unknown) => {
    if (value instanceof Uint8Array) parts.push(text.decode(value));
    else if (value !== null && typeof value === "object") {
      for (const [name, member] of Object.entries(value)) {
        parts.push(name);
        walk(member);
      }
    } else parts.push(String(value));
  };
  for await (const { key, value } of kv.list({ prefix: [] })) {
    key.forEach(walk);
    walk(value);
  }
  return parts.join("\n");
}

Deno.test("people: forgetting leaves no trace, and the counts as they were", () =>
  withServer(async (server) => {
    const campaignId = await server.campaignIn("posting");
    const interactions = ["person-to-forget", "somebody-else"].flatMap((who, nth) =>
      range(3).map((n) => ({
        id: `i${nth}-${n}`,
        kind: n === 0 ? "click" : "impression",
        campaignId,
        platform: "web",
        deviceId: `device-of-${who}`,
        userId: who,
        occurredAt: new Date(server.nowMs()).toISOString(),
      }))
    );
    await server.expect(202, "POST", "/v1/interactions", {
      role: "sdk",
      body: { interactions },
      headers: { "idempotency-key": "k" },
    });
    for (const who of ["person-to-forget", "somebody-else"]) {
      const attributes = { city: `city-of-${who}` };
      await server.expect(200, "PUT", `/v1/users/${who}`, { body: { attributes } });
      await server.expect(200, "PUT", `/v1/devices/device-of-${who}`, {
        body: { attributes, userId: who },
      });
    }
    const kpis = async () =>
      (await server.expect(200, "GET", `/v1/campaigns/${campaignId}/kpi`)).text;
    const before = await kpis();
    assert((await everything(server.kv)).includes("city-of-person-to-forget"));
    const headers = { "idempotency-key": "forget" };
    const paths = ["/v1/users/person-to-forget", "/v1/devices/device-of-person-to-forget"];
    for (const path of paths) {
      const first = await server.expect(204, "DELETE", path, { headers });
      const again = await server.expect(204, "DELETE", path, { headers });
      assertEquals(again.position, first.position);
      assertProblem(await server.request("DELETE", path), 404, "not_found");
      assertProblem(await server.request("GET", path), 404, "not_found");
    }
    await server.placard.engine.projector.flush();
    const left = await everything(server.kv);
    assert(!left.includes("person-to-forget"));
    assert(left.includes("city-of-somebody-else"));
    assertEquals(await kpis(), before);
    const { identities, models } = server.placard.engine;
    const { faults } = await fsck(
      server.kv,
      Object.values(mountedModels(server.kv)).map(({ create }) => create),
    );
    assertEquals(faults, []);
    // Whoever comes back is somebody new.
    await server.expect(200, "PUT", paths[0]!, { body: { attributes: {} } });
    const number = await identities.find("user", "person-to-forget");
    assertEquals(number, await identities.highest("user"));
    assert(!models.subjects.model.isForgotten("user", number!));
    assertEquals((await server.expect(200, "GET", paths[0]!)).json.attributes, {});
  }));
