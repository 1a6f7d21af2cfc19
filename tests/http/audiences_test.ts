/** Audiences over HTTP: make, list, read, edit, delete, and what campaigns make of them. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { assertProblem, dayMs, faultsOf, type TestServer, withServer } from "../support/server.ts";

const seoul = { "==": [{ var: "user.city" }, "Seoul"] };
const busan = { "==": [{ var: "user.city" }, "Busan"] };

async function make(
  server: TestServer,
  kind: "rule" | "list" = "list",
  name = "n",
): Promise<string> {
  const body = { name, kind, ...(kind === "rule" ? { rule: seoul } : {}) };
  return (await server.expect(201, "POST", "/v1/audiences", { body })).json.id;
}

const to = (audienceId: string, excludeAudienceId: string | null = null) => ({
  audience: { kind: "audience", audienceId, excludeAudienceId },
});

Deno.test("an audience is made, read, edited and deleted", () =>
  withServer(async (server) => {
    const { expect } = server;
    const body = { name: "Seoul", kind: "rule", rule: seoul };
    const made = await expect(201, "POST", "/v1/audiences", { body });
    const { id } = made.json;
    const path = `/v1/audiences/${id}`;
    assertMatch(id, /^aud_/);
    assertEquals([made.headers.get("location"), made.headers.get("etag")], [path, '"1"']);
    const at = new Date(server.nowMs()).toISOString();
    const expected = {
      ...body,
      id,
      version: 1,
      size: null,
      usedBy: [],
      createdAt: at,
      updatedAt: at,
    };
    assertEquals(made.json, expected);
    const read = await expect(200, "GET", path, { role: "auditor" });
    assertEquals([read.json, read.headers.get("etag")], [expected, '"1"']);
    server.advance(1_000);
    const edited = await expect(200, "PATCH", path, { body: { rule: busan } });
    const updatedAt = new Date(server.nowMs()).toISOString();
    assertEquals(edited.json, { ...expected, rule: busan, version: 2, updatedAt });
    assertEquals((await expect(200, "GET", path)).json, edited.json);
    const unchanged = await expect(200, "PATCH", path, { body: { name: "Seoul", rule: busan } });
    assertEquals(unchanged.json, edited.json);
    await expect(204, "DELETE", path);
    for (const [method, more] of [["GET", {}], ["PATCH", { body: {} }], ["DELETE", {}]] as const) {
      await expect(404, method, path, more);
    }
    assertEquals((await expect(200, "GET", "/v1/audiences")).json, { items: [], nextCursor: null });
  }));

Deno.test("what is wrong with an audience is 422 and says where", () =>
  withServer(async (server) => {
    const { request, end } = server;
    const [byRule, list] = [await make(server, "rule"), await make(server)];
    const before = await end();
    const wrong: [method: string, path: string, body: unknown, faults: string[]][] = [
      ["POST", "", {}, ["/name required", "/kind required"]],
      ["POST", "", { name: " ", kind: "list" }, ["/name too_short"]],
      ["POST", "", { name: "n".repeat(101), kind: "list" }, ["/name too_long"]],
      ["POST", "", { name: "n", kind: "all" }, ["/kind invalid_value"]],
      ["POST", "", { name: "n", kind: "rule" }, ["/rule required"]],
      ["POST", "", { name: "n", kind: "rule", rule: null }, ["/rule required"]],
      ["POST", "", { name: "n", kind: "rule", rule: true }, ["/rule invalid_rule"]],
      ["POST", "", { name: "n", kind: "rule", rule: [seoul] }, ["/rule invalid_rule"]],
      ["POST", "", { name: "n", kind: "rule", rule: { var: "city" } }, ["/rule/var invalid_rule"]],
      ["POST", "", { name: "n", kind: "list", rule: seoul }, ["/rule forbidden"]],
      ["POST", "", { name: "n", kind: "list", size: 3 }, ["/size unknown_field"]],
      ["PATCH", `/${byRule}`, { name: null }, ["/name invalid_type"]],
      ["PATCH", `/${byRule}`, { rule: null }, ["/rule required"]],
      ["PATCH", `/${byRule}`, { kind: "list" }, ["/kind invalid_value"]],
      ["PATCH", `/${byRule}`, { rule: { eval: "1" } }, ["/rule/eval unknown_operator"]],
      ["PATCH", `/${list}`, { rule: seoul }, ["/rule forbidden"]],
      ["PATCH", `/${list}`, { members: [] }, ["/members unknown_field"]],
    ];
    for (const [method, path, body, faults] of wrong) {
      const answer = await request(method, `/v1/audiences${path}`, { body });
      assertProblem(answer, 422, "invalid");
      assertEquals(faultsOf(answer), faults, `${method} ${JSON.stringify(body).slice(0, 80)}`);
    }
    assertEquals(await end(), before);
  }));

Deno.test("operators change audiences, auditors only read them", () =>
  withServer(async (server) => {
    const path = `/v1/audiences/${await make(server)}`;
    for (const role of ["auditor", "sdk"] as const) {
      await server.expect(403, "POST", "/v1/audiences", { role, body: {} });
      await server.expect(403, "PATCH", path, { role, body: {} });
      await server.expect(403, "DELETE", path, { role });
      await server.expect(403, "POST", `${path}/members`, { role, body: "" });
    }
    await server.expect(200, "GET", path, { role: "auditor" });
    await server.expect(200, "GET", "/v1/audiences", { role: "auditor" });
    await server.expect(403, "GET", path, { role: "sdk" });
    await server.expect(403, "GET", "/v1/audiences", { role: "sdk" });
  }));

Deno.test("an If-Match that is old is 412 and tells what happened since", () =>
  withServer(async (server) => {
    const path = `/v1/audiences/${await make(server)}`;
    await server.expect(200, "PATCH", path, { body: { name: "m" } });
    for (const method of ["PATCH", "DELETE"]) {
      const body = method === "PATCH" ? { body: { name: "o" } } : {};
      const old = await server.request(method, path, { ...body, headers: { "if-match": '"1"' } });
      assertProblem(old, 412, "version_mismatch");
      assertEquals([old.json.currentVersion, old.json.eventsSince], [2, ["audience_edited"]]);
    }
    await server.expect(204, "DELETE", path, { headers: { "if-match": '"2"' } });
  }));

Deno.test("an Idempotency-Key makes one audience of two requests", () =>
  withServer(async ({ expect }) => {
    const options = { body: { name: "n", kind: "list" }, headers: { "idempotency-key": "k" } };
    const first = await expect(201, "POST", "/v1/audiences", options);
    const again = await expect(201, "POST", "/v1/audiences", options);
    assertEquals([again.text, again.position], [first.text, first.position]);
    assertEquals((await expect(200, "GET", "/v1/audiences")).json.items.length, 1);
  }));

Deno.test("the list comes in pages that neither repeat nor skip", () =>
  withServer(async (server) => {
    const ids: string[] = [];
    for (let nth = 0; nth < 7; nth++) {
      ids.push(await make(server));
      if (nth % 2 === 0) server.advance(1);
    }
    const seen: string[] = [];
    for (let cursor = ""; cursor !== null;) {
      const query = cursor === "" ? "" : `&cursor=${cursor}`;
      const { json } = await server.expect(200, "GET", `/v1/audiences?limit=3${query}`);
      seen.push(...json.items.map(({ id }: { id: string }) => id));
      cursor = json.nextCursor;
      await make(server);
    }
    assertEquals(seen.toSorted(), ids.toSorted());
    await server.expect(422, "GET", "/v1/audiences?limit=0");
    await server.expect(422, "GET", "/v1/audiences?cursor=x");
    await server.expect(422, "GET", "/v1/audiences?colour=red");
  }));

Deno.test("a campaign names an audience that exists, and the audience knows its campaigns", () =>
  withServer(async (server) => {
    const { expect, request, draft } = server;
    const [target, excluded] = [await make(server), await make(server)];
    const body = server.settings(to("aud_nothing", "aud_none"));
    const unknown = await request("POST", "/v1/campaigns", { body });
    assertProblem(unknown, 422, "invalid");
    assertEquals(faultsOf(unknown), [
      "/audience/audienceId unknown_audience",
      "/audience/excludeAudienceId unknown_audience",
    ]);
    const id = await draft(to(target, excluded));
    const patched = await request("PATCH", `/v1/campaigns/${id}`, { body: to("aud_nothing") });
    assertEquals(faultsOf(patched), ["/audience/audienceId unknown_audience"]);
    const usedBy = async (one: string) =>
      (await expect(200, "GET", `/v1/audiences/${one}`)).json.usedBy;
    assertEquals([await usedBy(target), await usedBy(excluded)], [[id], [id]]);
    const { items } = (await expect(200, "GET", "/v1/audiences")).json;
    assertEquals(items.map((one: { usedBy: string[] }) => one.usedBy), [[id], [id]]);
    const { json } = await expect(200, "PATCH", `/v1/audiences/${target}`, { body: { name: "m" } });
    assertEquals(json.usedBy, [id]);
    await expect(204, "DELETE", `/v1/campaigns/${id}`);
    assertEquals(await usedBy(target), []);
  }));

Deno.test("an audience that an active campaign names is not deleted, to show to it or to leave it out", () =>
  withServer(async (server) => {
    const { expect, request, campaignIn } = server;
    for (const status of ["waiting_to_post", "preparing_to_publish"] as const) {
      const [target, excluded] = [await make(server), await make(server)];
      const id = await campaignIn(status, to(target, excluded));
      for (const audience of [target, excluded]) {
        const refused = await request("DELETE", `/v1/audiences/${audience}`);
        assertProblem(refused, 409, "audience_in_use");
        assert(refused.json.detail.includes(id), refused.text);
      }
      await expect(200, "POST", `/v1/campaigns/${id}/stop`);
      await expect(204, "DELETE", `/v1/audiences/${target}`);
      await expect(204, "DELETE", `/v1/audiences/${excluded}`);
      assertProblem(
        await request("POST", `/v1/campaigns/${id}/restart`),
        409,
        "campaign_incomplete",
      );
      // It may still be edited, and is complete again with another audience.
      await expect(200, "PATCH", `/v1/campaigns/${id}`, { body: { name: "Edited" } });
      const body = { audience: { audienceId: await make(server), excludeAudienceId: null } };
      const cured = await expect(200, "PATCH", `/v1/campaigns/${id}`, { body });
      assertEquals(cured.json.missing, []);
      await expect(200, "POST", `/v1/campaigns/${id}/restart`);
    }
  }));

Deno.test("a campaign whose end has passed stands in nobody's way", () =>
  withServer(async (server) => {
    const audience = await make(server);
    const id = await server.campaignIn("waiting_to_post", to(audience));
    server.advance(15 * dayMs);
    // Nobody has looked since it ended.
    await server.expect(204, "DELETE", `/v1/audiences/${audience}`);
    const status = (await server.expect(200, "GET", `/v1/campaigns/${id}/status`)).json.status;
    assertEquals(status, "ended");
  }));

Deno.test("a draft whose audience is gone says what is missing, and is not activated", () =>
  withServer(async (server) => {
    const { expect, request } = server;
    const [target, excluded] = [await make(server), await make(server)];
    const id = await server.draft(to(target, excluded));
    const path = `/v1/campaigns/${id}`;
    assertEquals((await expect(200, "GET", path)).json.missing, []);
    await expect(204, "DELETE", `/v1/audiences/${target}`);
    await expect(204, "DELETE", `/v1/audiences/${excluded}`);
    const missing = ["/audience/audienceId", "/audience/excludeAudienceId"];
    assertEquals((await expect(200, "GET", path)).json.missing, missing);
    const { items } = (await expect(200, "GET", "/v1/campaigns")).json;
    assertEquals(items[0].missing, missing);
    const edited = await expect(200, "PATCH", path, { body: { name: "Edited" } });
    assertEquals(edited.json.missing, missing);
    const copy = await expect(201, "POST", `${path}/copy`);
    assertEquals(copy.json.missing.slice(-2), missing);
    const refused = await request("POST", `${path}/activate`);
    assertProblem(refused, 409, "campaign_incomplete");
    assert(refused.json.detail.includes("/audience/audienceId"), refused.text);
    const all = await expect(200, "PATCH", path, {
      body: { audience: { kind: "all", excludeAudienceId: null } },
    });
    assertEquals(all.json.missing, []);
    await expect(200, "POST", `${path}/activate`);
  }));
