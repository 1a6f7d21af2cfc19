/** Health, readiness, metrics, and the reference that needs no other host. */
import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { withServer } from "../support/server.ts";

Deno.test("healthz and readyz answer without a key", () =>
  withServer(async ({ expect, draft, placard }) => {
    await draft();
    assertEquals((await expect(200, "GET", "/healthz", { role: null })).json, { status: "alive" });
    const { json } = await expect(200, "GET", "/readyz", { role: null });
    assertEquals([json.ready, json.store], [true, { reachable: true }]);
    const names = json.projections.map(({ name }: { name: string }) => name);
    assertEquals(names.length, placard.engine.projector.mounted.length);
    for (const one of json.projections) {
      assert(one.running, one.name);
      assert(one.checkpoint <= one.position);
    }
  }));

Deno.test("metrics are in the text format of Prometheus and count requests", () =>
  withServer(async ({ expect, request }) => {
    await expect(200, "GET", "/v1/campaigns");
    await expect(404, "GET", "/v1/campaigns/none");
    await request("POST", "/v1/campaigns", { body: "{" });
    const { text, headers } = await expect(200, "GET", "/metrics", { role: null });
    assertMatch(headers.get("content-type")!, /^text\/plain; version=0\.0\.4/);
    for (const status of [200, 404]) {
      assertMatch(
        text,
        new RegExp(`placard_http_requests_total{method="GET",status="${status}"} \\d`),
      );
    }
    assertStringIncludes(text, 'placard_http_requests_total{method="POST",status="400"} 1');
    for (const line of text.trim().split("\n")) {
      if (line !== "") assertMatch(line, /^(# (HELP|TYPE) .+|[a-z_]+(\{[^{}]*\})? -?[\d.e+-]+)$/);
    }
  }));

Deno.test("methods that callers invent make no new series", () =>
  withServer(async ({ request, expect }) => {
    for (let index = 0; index < 20; index++) await request(`M${index}`, "/healthz");
    const { text } = await expect(200, "GET", "/metrics");
    assertEquals(text.match(/method="M\d+"/g), null);
    assertMatch(text, /method="OTHER",status="405"} 20/);
  }));

Deno.test("the reference page loads nothing from another host", () =>
  withServer(async ({ expect }) => {
    const page = await expect(200, "GET", "/docs", { role: null });
    assertMatch(page.headers.get("content-type")!, /^text\/html/);
    assertEquals(page.text.match(/(https?:)?\/\/[a-z0-9.-]+/gi), null);
    assertStringIncludes(page.headers.get("content-security-policy")!, "default-src 'self'");
    const links = [...page.text.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link]) => link!);
    assert(links.length >= 3);
    for (const link of links) {
      const { text } = await expect(200, "GET", link, { role: null });
      assert(text.length > 0, link);
    }
    const css = (await expect(200, "GET", "/docs/swagger-ui.css")).text;
    assertEquals(css.match(/(@import|url\(\s*["']?(https?:)?\/\/)/g), null);
    const start = (await expect(200, "GET", "/docs/start.js")).text;
    assertStringIncludes(start, "/openapi.json");
    assertEquals(start.match(/https?:/g), null);
  }));

Deno.test("a query that nobody knows is answered as the document says, here too", () =>
  withServer(async ({ request }) => {
    for (const path of ["/healthz", "/readyz", "/metrics", "/docs", "/openapi.json"]) {
      const { status } = await request("GET", `${path}?v=1`, { role: null });
      assert([200, 422].includes(status), `${path} → ${status}`);
    }
  }));

Deno.test("the type of a problem leads to a page of this server", () =>
  withServer(async ({ request, expect }) => {
    const { json } = await request("GET", "/v1/nothing");
    const { pathname } = new URL(json.type, "http://localhost/");
    await expect(200, "GET", pathname, { role: null });
  }));
