/** The workspace's settings and its keys. */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { sha256Hex } from "../../src/event_store/mod.ts";
import { seed } from "../../src/seed.ts";
import { assertProblem, faultsOf, openTestServer, withServer } from "../support/server.ts";

Deno.test("a fresh workspace has web enabled, the environment's limit and zone", () =>
  withServer(async ({ expect }) => {
    const { json } = await expect(200, "GET", "/v1/workspace");
    const { version: _, ...settings } = json;
    assertEquals(settings, { platforms: ["web"], timeZone: "Asia/Seoul", activeLimit: 7 });
  }, { timeZone: "Asia/Seoul", activeLimit: 7 }));

Deno.test("what an operator has set wins over the environment, also after a restart", async () => {
  const kv = await Deno.openKv(":memory:");
  const first = await openTestServer({ kv, activeLimit: 5, timeZone: "UTC" });
  const changed = await first.expect(200, "PATCH", "/v1/workspace", { body: { activeLimit: 5 } });
  assertEquals((await first.expect(200, "GET", "/v1/workspace")).json, changed.json);
  await first.close();
  const second = await openTestServer({ kv, activeLimit: 9, timeZone: "Europe/Rome" });
  const { activeLimit, timeZone } = (await second.expect(200, "GET", "/v1/workspace")).json;
  assertEquals([activeLimit, timeZone], [5, "Europe/Rome"]);
  await second.close();
  kv.close();
});

Deno.test("a platform that is not enabled can be written but not activated", () =>
  withServer(async ({ draft, request, expect }) => {
    const id = await draft({ platforms: ["web", "ios"] });
    const refused = await request("POST", `/v1/campaigns/${id}/activate`);
    assertProblem(refused, 409, "platform_not_set_up");
    await expect(200, "PATCH", "/v1/workspace", { body: { platforms: ["web", "ios"] } });
    await expect(200, "POST", `/v1/campaigns/${id}/activate`);
    const add = { platforms: ["web", "ios", "android"] };
    const edited = await request("PATCH", `/v1/campaigns/${id}`, { body: add });
    assertProblem(edited, 409, "platform_not_set_up");
  }));

Deno.test("a workspace's setting that is wrong is 422 and says where", () =>
  withServer(async ({ request, end }) => {
    const before = await end();
    const wrong: [unknown, string][] = [
      [{ activeLimit: 0 }, "/activeLimit out_of_range"],
      [{ activeLimit: 1.5 }, "/activeLimit invalid_type"],
      [{ activeLimit: "30" }, "/activeLimit invalid_type"],
      [{ timeZone: "Mars/Olympus" }, "/timeZone invalid_value"],
      [{ timeZone: "+09:00" }, "/timeZone invalid_value"],
      [{ platforms: ["windows"] }, "/platforms/0 invalid_value"],
      [{ platforms: ["web", "web"] }, "/platforms invalid_value"],
      [{ colour: "red" }, "/colour unknown_field"],
      [{ version: 3 }, "/version unknown_field"],
    ];
    for (const [body, fault] of wrong) {
      const answer = await request("PATCH", "/v1/workspace", { body });
      assertProblem(answer, 422, "invalid");
      assertEquals(faultsOf(answer), [fault]);
    }
    assertEquals(await end(), before);
  }));

Deno.test("a key's secret is shown once, works at once, and stops when it is revoked", () =>
  withServer(async ({ expect, request }) => {
    const body = { name: "Web site", role: "sdk" };
    const created = await expect(201, "POST", "/v1/keys", { body });
    const { secret, ...key } = created.json;
    assert(typeof secret === "string" && secret.length >= 32);
    assertEquals([key.name, key.role], ["Web site", "sdk"]);
    assertEquals(created.headers.get("location"), `/v1/keys/${key.id}`);
    const list = await expect(200, "GET", "/v1/keys");
    assertEquals(list.json.items, [key]);
    assert(!list.text.includes(secret));
    const headers = { authorization: `Bearer ${secret}` };
    const sync = () => request("GET", "/v1/delivery?platform=web&deviceId=d", { headers });
    assertEquals((await sync()).status, 200);
    assertProblem(await request("GET", "/v1/campaigns", { headers }), 403, "forbidden");
    await expect(204, "DELETE", `/v1/keys/${key.id}`);
    assertProblem(await sync(), 401, "unauthorized");
    assertEquals((await expect(200, "GET", "/v1/keys")).json.items, []);
    await expect(404, "DELETE", `/v1/keys/${key.id}`);
  }));

Deno.test("a remembered answer has no secret, a new key another one", () =>
  withServer(async ({ expect }) => {
    const headers = { "idempotency-key": "k" };
    const body = { name: "Web site", role: "sdk" };
    const first = await expect(201, "POST", "/v1/keys", { body, headers });
    const again = await expect(201, "POST", "/v1/keys", { body, headers });
    assertEquals(again.json, { ...first.json, secret: null });
    assertEquals(again.position, first.position);
    assertEquals(again.headers.get("location"), first.headers.get("location"));
    assertEquals((await expect(200, "GET", "/v1/keys")).json.items.length, 1);
    const other = await expect(201, "POST", "/v1/keys", { body });
    assertNotEquals(other.json.secret, first.json.secret);
  }));

Deno.test("the secret is kept nowhere in the store, only its hash", () =>
  withServer(async ({ expect, kv }) => {
    const headers = { "idempotency-key": "k" };
    const body = { name: "Web site", role: "operator" };
    const { secret } = (await expect(201, "POST", "/v1/keys", { body, headers })).json;
    for await (const { key, value } of kv.list({ prefix: [] })) {
      const text = Deno.inspect([key, value], {
        depth: 20,
        iterableLimit: 1e6,
        strAbbreviateSize: 1e6,
      });
      const bytes = value instanceof Uint8Array ? new TextDecoder().decode(value) : "";
      assert(!text.includes(secret) && !bytes.includes(secret), text.slice(0, 200));
    }
  }));

Deno.test("a key that is wrong is 422", () =>
  withServer(async ({ request }) => {
    const wrong: [unknown, string][] = [
      [{ role: "sdk" }, "/name required"],
      [{ name: "A" }, "/role required"],
      [{ name: "A", role: "admin" }, "/role invalid_value"],
      [{ name: " ", role: "sdk" }, "/name too_short"],
      [{ name: "x".repeat(101), role: "sdk" }, "/name too_long"],
      [{ name: "A", role: "sdk", secret: "mine" }, "/secret unknown_field"],
    ];
    for (const [body, fault] of wrong) {
      const answer = await request("POST", "/v1/keys", { body });
      assertProblem(answer, 422, "invalid");
      assertEquals(faultsOf(answer), [fault]);
    }
  }));

Deno.test("without preset keys the first start makes one of each role, and only the first", async () => {
  const kv = await Deno.openKv(":memory:");
  const first = await openTestServer({ kv, presetKeys: {} });
  const { newKeys } = first.placard;
  assertEquals(Object.keys(newKeys).toSorted(), ["auditor", "operator", "sdk"]);
  const headers = { authorization: `Bearer ${newKeys.operator}` };
  await first.expect(200, "GET", "/v1/workspace", { headers });
  await first.close();
  const second = await openTestServer({ kv, presetKeys: {} });
  assertEquals(second.placard.newKeys, {});
  await second.expect(200, "GET", "/v1/workspace", { headers });
  await second.close();
  kv.close();
});

Deno.test("keys that a start makes are good as soon as it gives them", () =>
  withServer(async ({ placard }) => {
    const { activeLimit, timeZone } = placard.engine.models.workspace.model.row;
    const made = await seed(placard.engine, { presetKeys: {}, activeLimit, timeZone });
    const known = placard.engine.models.workspace.model.row.keys.map(({ secretHash }) =>
      secretHash
    );
    assertEquals(known, Object.values(made).map(sha256Hex));
  }));
