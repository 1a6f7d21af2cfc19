/** Bodies that are too large, malformed or of another media type: 400, 413, 415 before any rule. */
import { assert, assertEquals } from "@std/assert";
import { operationsOf } from "../support/conformity.ts";
import { assertProblem, type TestServer, withServer } from "../support/server.ts";

/** Every operation with a body of JSON, its `{id}` filled in with a campaign that is there. */
async function withBody(server: TestServer) {
  const all = await withAnyBody(server);
  return all.filter(({ mediaTypes }) => mediaTypes.includes("application/json"));
}

/** The same, uploads line by line among them. */
async function withAnyBody({ document, draft }: TestServer) {
  const id = await draft();
  return operationsOf(document)
    .filter(({ operation }) => operation.requestBody)
    .map(({ method, path, operation }) => ({
      method: method.toUpperCase(),
      path: path.replace("{id}", id),
      required: operation.requestBody.required as boolean,
      mediaTypes: Object.keys(operation.requestBody.content),
    }));
}

const utf8 = new TextEncoder();

function isJson(body: string | Uint8Array): boolean {
  try {
    return typeof body === "string" && JSON.parse(body) !== undefined;
  } catch {
    return false;
  }
}

Deno.test("what is not JSON, or JSON that nobody can hold, is 400", () =>
  withServer(async (server) => {
    const before = await server.end();
    const deep = (depth: number) => "[".repeat(depth) + "]".repeat(depth);
    const bodies: (string | Uint8Array)[] = [
      "{",
      "nul",
      "{'a': 1}",
      '{"a": 1,}',
      '{"a": NaN}',
      "\u0000",
    ]
      .concat(['{"name": "a"} {}', '{"a": "\n"}', "{}x", '{"name": "\\ud800"}', '{"\\udc00": 1}'])
      .concat([`{"content": ${deep(100)}}`, deep(20_000), `{"a":`.repeat(10_000)]);
    const faulty = [
      utf8.encode('{"name": "'),
      Uint8Array.of(0xff, 0xfe),
      Uint8Array.of(0xc0, 0xaf),
      Uint8Array.of(0xed, 0xa0, 0x80),
      Uint8Array.of(0xf0, 0x9f),
    ];
    bodies.push(...faulty);
    const idempotent = { "idempotency-key": "k" };
    for (const { method, path } of await withBody(server)) {
      for (const body of bodies) {
        for (const headers of [{}, idempotent]) {
          const answer = await server.request(method, path, { body, headers });
          const told = typeof body === "string" ? body.slice(0, 40) : body;
          // There it is no command: what JSON can read is judged by its schema.
          const judged = path === "/v1/interactions" && isJson(body) && answer.status === 422;
          if (!judged) assertEquals(answer.status, 400, `${method} ${path} ${told}`);
        }
      }
    }
    assertEquals((await server.request("GET", "/v1/campaigns")).json.items.length, 1);
    assert(await server.end() > before, "only the draft was stored");
  }));

Deno.test("an empty body is malformed where a body is required, and {} where it is optional", () =>
  withServer(async (server) => {
    for (const { method, path, required } of await withBody(server)) {
      const answer = await server.request(method, path, { body: "" });
      if (required) assertProblem(answer, 400, "malformed_json");
      else assert(answer.status !== 400 && answer.status !== 415 && answer.status !== 422, path);
      const none = await server.request(method, path);
      assert(required ? [400, 415].includes(none.status) : none.status !== 400, path);
    }
  }));

Deno.test("another media type is 415, which names those that are taken", () =>
  withServer(async (server) => {
    for (const { method, path, mediaTypes } of await withAnyBody(server)) {
      for (const other of ["text/plain", "application/x-www-form-urlencoded", "json", "", "*/*"]) {
        const headers = { "content-type": other };
        const answer = await server.request(method, path, { body: "{}", headers });
        assertProblem(answer, 415, "unsupported_media_type");
        for (const one of mediaTypes) assert(answer.json.detail.includes(one), answer.text);
      }
      for (const one of mediaTypes) {
        const headers = { "content-type": `${one.toUpperCase()} ; charset=utf-8` };
        const answer = await server.request(method, path, { body: "{}", headers });
        assert(answer.status !== 415 && answer.status !== 400, `${path}: ${answer.text}`);
      }
    }
  }));

Deno.test("PATCH takes application/merge-patch+json and application/json", () =>
  withServer(async ({ draft, expect }) => {
    const id = await draft();
    for (const mediaType of ["application/merge-patch+json", "application/json"]) {
      const options = { body: { name: mediaType }, headers: { "content-type": mediaType } };
      const answer = await expect(200, "PATCH", `/v1/campaigns/${id}`, options);
      assertEquals(answer.json.name, mediaType);
      await expect(200, "PATCH", "/v1/workspace", { ...options, body: { activeLimit: 9 } });
    }
  }));

Deno.test("a body that is too large is 413, declared or streamed", () =>
  withServer(async (server) => {
    const before = await server.end();
    for (const { method, path } of await withBody(server)) {
      const bytes = path === "/v1/interactions" ? 2 * 1024 * 1024 : 128 * 1024;
      const text = `{"name": "${"x".repeat(bytes)}"}`;
      const headers = { "content-length": String(text.length) };
      const declared = await server.request(method, path, { body: text, headers });
      assertProblem(declared, 413, "body_too_large");
      let sent = 0;
      const endless = new ReadableStream<Uint8Array>({
        pull(controller) {
          sent += 65_536;
          controller.enqueue(new Uint8Array(65_536).fill(0x20));
        },
      });
      const streamed = await server.request(method, path, { body: endless });
      assertProblem(streamed, 413, "body_too_large");
      assert(sent < bytes + 10 * 65_536, `${sent} bytes of an endless body were read`);
    }
    assert(await server.end() > before);
  }));

Deno.test("settings of more than 24 KiB are 413 settings_too_large", () =>
  withServer(async ({ settings, draft, request, end }) => {
    const id = await draft();
    const before = await end();
    const variant = (key: string) => ({ key, weight: 1, content: { body: "€".repeat(500) } });
    const overrides = Object.fromEntries(
      [
        "de",
        "fr",
        "ko",
        "ja",
        "it",
        "es",
        "nl",
        "pt",
        "sv",
        "fi",
        "da",
        "pl",
        "cs",
        "el",
        "tr",
        "uk",
      ]
        .map((locale) => [locale, { body: "€".repeat(500) }]),
    );
    const body = settings({
      content: { title: "Hi", locales: { default: "en", overrides } },
      variants: ["a", "b", "c", "d", "e"].map(variant),
    });
    assert(utf8.encode(JSON.stringify(body)).length > 24 * 1024);
    assertProblem(await request("POST", "/v1/campaigns", { body }), 413, "settings_too_large");
    const patched = await request("PATCH", `/v1/campaigns/${id}`, { body });
    assertProblem(patched, 413, "settings_too_large");
    assertEquals(await end(), before);
  }));

Deno.test("numbers beyond a double and long lists are answered, not failed on", () =>
  withServer(async (server) => {
    const zeros = `[${"0,".repeat(60_000)}0]`;
    for (const { method, path } of await withBody(server)) {
      for (const body of ['{"priority": 1e400}', `{"labels": ${zeros}}`, zeros, "1e400", "null"]) {
        for (const headers of [{}, { "idempotency-key": "k" }]) {
          const answer = await server.request(method, path, {
            body,
            headers: headers as Record<string, string>,
          });
          assert([400, 413, 422].includes(answer.status), `${method} ${path}: ${answer.text}`);
        }
      }
    }
  }));
