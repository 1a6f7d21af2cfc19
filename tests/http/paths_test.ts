/** Unknown paths and methods: 404 and 405 as problems, told for every path of the document. */
import { assert, assertEquals } from "@std/assert";
import { operationFor, operationsOf } from "../support/conformity.ts";
import { assertProblem, withServer } from "../support/server.ts";

Deno.test("an unknown path is 404, whatever the method", () =>
  withServer(async ({ request }) => {
    const unknown = ["/", "/v1", "/v1/", "/v1/nothing", "/v2/campaigns", "/v1/campaigns/x/nothing"]
      .concat(["/v1/campaigns/x/activate/y", "/openapi.jsonx", "/openapiXjson", "/sdkXjs"])
      .concat(["/docs/../etc/passwd", "/v1/%E0%A4%A", "/V1/CAMPAIGNS"]);
    for (const path of unknown) {
      for (const method of ["GET", "POST", "PATCH", "PUT", "DELETE", "OPTIONS"]) {
        const answer = await request(method, path);
        assert([404, 405].includes(answer.status), `${method} ${path} → ${answer.status}`);
      }
      assertProblem(await request("GET", path), 404, "not_found");
    }
  }));

Deno.test("an unknown method on a known path is 405 with those that it takes", () =>
  withServer(async ({ document, request }) => {
    const byPath = new Map<string, string[]>();
    for (const { method, path } of operationsOf(document)) {
      byPath.set(path, [...byPath.get(path) ?? [], method.toUpperCase()]);
    }
    for (const [path, known] of byPath) {
      for (const method of ["GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "REPORT"]) {
        // A path with an id may look the same: a user may be called "batch".
        if (operationFor(document, method, path.replace("{id}", "x"))) continue;
        const answer = await request(method, path.replace("{id}", "x"));
        assertProblem(answer, 405, "method_not_allowed");
        const allowed = answer.headers.get("allow")!.split(/,\s*/);
        for (const one of known) assert(allowed.includes(one), `${path}: ${allowed}`);
        assert(!allowed.includes(method), path);
      }
    }
  }));

Deno.test("every route with an id answers 404 for one that is not there", () =>
  withServer(async ({ document, request, end }) => {
    const before = await end();
    const ids = ["nothing", "cmp_", "__proto__", "constructor", "toString", "hasOwnProperty"]
      .concat(["%00", "a%2Fb", "%F0%9F%98%80", "..%2f", "x".repeat(5_000), "0", "*", "cmp_*"]);
    for (const { method, path, operation } of operationsOf(document)) {
      // What is put is there afterwards.
      if (!path.includes("{id}") || method === "put") continue;
      const lines = "application/x-ndjson" in (operation.requestBody?.content ?? {});
      for (const id of ids) {
        const body = lines
          ? { headers: { "content-type": "application/x-ndjson" } }
          : method === "patch"
          ? { body: { name: "New" } }
          : {};
        const answer = await request(method.toUpperCase(), path.replace("{id}", id), body);
        assertEquals(answer.status, 404, `${method} ${path} ${id.slice(0, 20)}: ${answer.text}`);
        assertEquals(answer.json.code, "not_found");
      }
    }
    assertEquals(await end(), before);
  }));

Deno.test("HEAD answers as GET does, without the body", () =>
  withServer(async ({ placard, document, draft }) => {
    const id = await draft();
    const authorization = "Bearer operator-key-of-the-http-tests-0123456789";
    for (const { method, path } of operationsOf(document)) {
      if (method !== "get" || path.startsWith("/v1/delivery")) continue;
      const url = path.replace("{id}", id);
      const [get, head] = await Promise.all(
        ["GET", "HEAD"].map((method) =>
          placard.app.request(url, { method, headers: { authorization } })
        ),
      );
      await get!.body?.cancel();
      assertEquals(head!.status, get!.status, path);
      assertEquals(await head!.text(), "", path);
      assertEquals(head!.headers.get("etag"), get!.headers.get("etag"), path);
    }
  }));
