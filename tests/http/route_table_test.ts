/** The table of routes finds what Hono's own router finds. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { TrieRouter } from "hono/router/trie-router";
import { RouteTable } from "../../src/http/route_table.ts";
import { law } from "../support/laws.ts";

const paths = [
  ["GET", "/healthz"],
  ["GET", "/docs"],
  ["GET", "/docs/start.js"],
  ["GET", "/v1/things"],
  ["POST", "/v1/things"],
  ["POST", "/v1/things/preview"],
  ["GET", "/v1/things/:id"],
  ["PATCH", "/v1/things/:id"],
  ["POST", "/v1/things/:id/stop"],
  ["POST", "/v1/things/:id/test-stop"],
  ["GET", "/v1/others/:name"],
  ["GET", "/v1/tile/:level/:a"],
  ["GET", "/v1/tile/:level/:a/:b"],
] as const;

Deno.test("routes: the same handlers and parameters as Hono's own router, whatever is asked", () => {
  const ours = new RouteTable<string>();
  const hono = new TrieRouter<string>();
  for (const [method, path] of paths) {
    for (const router of [ours, hono]) router.add(method, path, `${method} ${path}`);
  }
  const step = fc.constantFrom(
    ...[
      "v1",
      "docs",
      "start.js",
      "healthz",
      "things",
      "others",
      "tile",
      "preview",
      "stop",
      "test-stop",
    ],
    ...["", "x", "cmp_1", ":id", "%2F", "..", "constructor", "__proto__"],
  );
  const path = fc.array(step, { maxLength: 5 }).map((steps) => `/${steps.join("/")}`);
  const known = fc.constantFrom(...paths).map(([, known]) => known.replace(/:\w+/g, "x"));
  const method = fc.constantFrom("GET", "POST", "PATCH", "DELETE");
  law(fc.tuple(method, fc.oneof(path, known)), ([method, path]) => {
    const [expected] = hono.match(method, path);
    const [found] = ours.match(method, path);
    assertEquals(
      found.map(([handler, parameters]) => [handler, { ...parameters }]),
      expected.map(([handler, parameters]) => [handler, { ...parameters as object }]),
    );
  }, 2_000);
});
