/** Idempotency-Key: a success is given again, a refusal is decided anew, a key has a scope. */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import {
  type Answer,
  assertProblem,
  hourMs,
  openTestServer,
  presetKeys,
  withServer,
} from "../support/server.ts";

const key = (text: string) => ({ "idempotency-key": text });

function same(again: Answer, first: Answer): void {
  assertEquals([again.status, again.text], [first.status, first.text]);
  for (const name of ["etag", "location", "placard-position", "content-type"]) {
    assertEquals(again.headers.get(name), first.headers.get(name), name);
  }
}

Deno.test("a repeated command gets the first answer and appends nothing", () =>
  withServer(async ({ settings, expect, request, end, advance }) => {
    const headers = key("make");
    const body = settings();
    const first = await expect(201, "POST", "/v1/campaigns", { body, headers });
    const path = `/v1/campaigns/${first.json.id}`;
    await expect(200, "PATCH", path, { body: { name: "Changed since" } });
    const steps: [string, string, unknown?][] = [
      ["PATCH", path, { priority: 1 }],
      ["POST", `${path}/copy`, { name: "Copy" }],
      ["POST", `${path}/activate`],
      ["POST", `${path}/stop`, { reason: "why" }],
      ["POST", `${path}/restart`],
      ["POST", `${path}/end`, {}],
      ["PATCH", "/v1/workspace", { activeLimit: 7 }],
    ];
    const answers: Answer[] = [];
    for (const [method, url, body] of steps) {
      answers.push(await request(method, url, { body, headers }));
      assert(answers.at(-1)!.status < 300, answers.at(-1)!.text);
    }
    const before = await end();
    advance(hourMs);
    same(await request("POST", "/v1/campaigns", { body, headers }), first);
    for (const [index, [method, url, body]] of steps.entries()) {
      same(await request(method, url, { body, headers }), answers[index]!);
    }
    assertEquals(await end(), before);
  }));

Deno.test("a repeated delete is 204 again, without the key 404", () =>
  withServer(async ({ draft, expect }) => {
    const path = `/v1/campaigns/${await draft()}`;
    const first = await expect(204, "DELETE", path, { headers: key("k") });
    same(await expect(204, "DELETE", path, { headers: key("k") }), first);
    await expect(404, "DELETE", path);
  }));

Deno.test("the same value spelled otherwise is the same body", () =>
  withServer(async ({ expect }) => {
    const headers = key("k");
    const url = "/v1/campaigns";
    const first = await expect(201, "POST", url, {
      body: '{"name": "A", "type": "modal_text", "priority": 10}',
      headers,
    });
    same(
      await expect(201, "POST", url, {
        body: ' {"priority": 1e1, "type":"modal_text",\n"name": "\\u0041"}',
        headers,
      }),
      first,
    );
  }));

Deno.test("a key with another body is 422", () =>
  withServer(async ({ settings, draft, expect, request, end }) => {
    const headers = key("k");
    await expect(201, "POST", "/v1/campaigns", { body: settings(), headers });
    const path = `/v1/campaigns/${await draft()}`;
    await expect(200, "PATCH", path, { body: { name: "B" }, headers });
    await expect(201, "POST", `${path}/copy`, { headers });
    const before = await end();
    const other: [string, string, unknown][] = [
      ["POST", "/v1/campaigns", settings({ name: "B" })],
      ["PATCH", path, { name: "C" }],
      ["POST", `${path}/copy`, { name: "D" }],
    ];
    for (const [method, url, body] of other) {
      const answer = await request(method, url, { body, headers });
      assertProblem(answer, 422, "idempotency_key_reused");
    }
    assertEquals(await end(), before);
  }));

Deno.test("a refusal is not remembered but decided anew", () =>
  withServer(async ({ draft, expect, request, end }) => {
    const headers = key("k");
    const path = `/v1/campaigns/${await draft({ platforms: ["ios"] })}`;
    const before = await end();
    const refused = await request("POST", `${path}/activate`, { headers });
    assertProblem(refused, 409, "platform_not_set_up");
    const invalid = await request("PATCH", path, { body: { priority: 999 }, headers });
    assertProblem(invalid, 422, "invalid");
    const stale = { ...headers, "if-match": '"9"' };
    const mismatch = await request("PATCH", path, { body: { priority: 9 }, headers: stale });
    assertProblem(mismatch, 412, "version_mismatch");
    assertEquals(await end(), before);
    await expect(200, "PATCH", path, { body: { platforms: ["web"] }, headers });
    const { json } = await expect(200, "POST", `${path}/activate`, { headers });
    assertEquals(json.status, "posting");
  }));

Deno.test("a key's scope is the API key, the method and the path", () =>
  withServer(async ({ settings, draft, expect }) => {
    const headers = key("k");
    const secret =
      (await expect(201, "POST", "/v1/keys", { body: { name: "B", role: "operator" } })).json
        .secret;
    const body = settings();
    const first = await expect(201, "POST", "/v1/campaigns", { body, headers });
    const asOther = { ...headers, authorization: `Bearer ${secret}` };
    const other = await expect(201, "POST", "/v1/campaigns", { body, headers: asOther });
    assertNotEquals(other.json.id, first.json.id);
    const [a, b] = [`/v1/campaigns/${await draft()}`, `/v1/campaigns/${await draft()}`];
    for (const path of [a, b]) {
      await expect(200, "PATCH", path, { body: { name: path.slice(-8) }, headers });
      await expect(200, "POST", `${path}/activate`, { headers });
      await expect(200, "POST", `${path}/stop`, { headers });
      assertEquals((await expect(200, "GET", path)).json.status, "stopped");
    }
  }));

Deno.test("concurrent duplicates append one event and get one answer", () =>
  withServer(async ({ settings, expect, request }) => {
    const body = settings();
    const answers = await Promise.all(
      Array.from(
        { length: 40 },
        () => request("POST", "/v1/campaigns", { body, headers: key("k") }),
      ),
    );
    for (const answer of answers) same(answer, answers[0]!);
    assertEquals((await expect(200, "GET", "/v1/campaigns")).json.items.length, 1);
    const path = `/v1/campaigns/${answers[0]!.json.id}`;
    await Promise.all(
      Array.from(
        { length: 20 },
        (_, index) =>
          request("POST", `${path}/copy`, { headers: key(`copy ${index % 4}`.replace(" ", "-")) }),
      ),
    );
    assertEquals((await expect(200, "GET", "/v1/campaigns")).json.items.length, 5);
  }));

Deno.test("a key is 1 to 255 printable characters", () =>
  withServer(async ({ settings, request }) => {
    const body = settings();
    for (const bad of ["", "a b", "x".repeat(256), "é", "x".repeat(10_000)]) {
      const answer = await request("POST", "/v1/campaigns", { body, headers: key(bad) });
      assertProblem(answer, 400, "malformed_request");
    }
    for (const good of ["!", "x".repeat(255), '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "~{}"]) {
      const answer = await request("POST", "/v1/campaigns", { body, headers: key(good) });
      assertEquals(answer.status, 201, answer.text);
    }
  }));

Deno.test("answers are remembered across a restart", async () => {
  const kv = await Deno.openKv(":memory:");
  const headers = { ...key("k"), authorization: `Bearer ${presetKeys.operator}` };
  const body = { name: "A", type: "modal_text" };
  const before = await openTestServer({ kv });
  const first = await before.expect(201, "POST", "/v1/campaigns", { body, headers });
  await before.close();
  const after = await openTestServer({ kv });
  same(await after.expect(201, "POST", "/v1/campaigns", { body, headers }), first);
  assertEquals((await after.expect(200, "GET", "/v1/campaigns")).json.items.length, 1);
  await after.close();
  kv.close();
});
