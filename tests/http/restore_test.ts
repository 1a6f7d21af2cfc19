/** Restoring an earlier content revision: a new edit, judged and recorded as any other. */
import { assertEquals } from "@std/assert";
import { assertProblem, faultsOf, type TestServer, withServer } from "../support/server.ts";

/** Posts a campaign and edits it; gives its path and the campaign as it was with each revision. */
async function edited(server: TestServer, patches: readonly unknown[]) {
  const path = `/v1/campaigns/${await server.campaignIn("posting", { priority: 10 })}`;
  const revisions = [(await server.expect(200, "GET", path)).json];
  for (const body of patches) {
    revisions.push((await server.expect(200, "PATCH", path, { body })).json);
  }
  return { path, revisions };
}

// deno-lint-ignore no-explicit-any -- a campaign
function delivered({ type, content, variants, trigger, priority, exposure }: any) {
  return { type, content, variants, trigger, priority, exposure };
}

const patches = [
  { content: { body: "Second", background: { color: "#00FF00" } } },
  {
    content: {
      body: "Third",
      buttons: [{ elementId: "ok", label: "OK", action: { type: "close" } }],
    },
    variants: [{ key: "b", weight: 50, content: { body: "B" } }],
    priority: 90,
    exposure: { caps: [{ per: "day", by: "user", max: 2 }] },
  },
];

Deno.test("what clients receive becomes what it was, as a new revision with actor and reason", () =>
  withServer(async (server) => {
    const { expect } = server;
    const { path, revisions } = await edited(server, patches);
    await expect(200, "PATCH", path, { body: { name: "New name", labels: ["kept"] } });
    assertEquals(revisions.map(({ contentRevision }) => contentRevision), [1, 2, 3]);
    const body = { contentRevision: 1, reason: "The third was wrong" };
    const restored = await expect(200, "POST", `${path}/restore`, { body });
    assertEquals(delivered(restored.json), delivered(revisions[0]));
    const { name, labels, contentRevision, status } = restored.json;
    assertEquals(
      [name, labels, contentRevision, status],
      ["New name", ["kept"], 4, "posting_reflecting_modifications"],
    );
    const { items } = (await expect(200, "GET", `${path}/history`)).json;
    const { type, actor, reason, changes, position } = items.at(-1);
    assertEquals(
      [type, actor, reason, position],
      ["campaign_edited", "key:preset-operator", body.reason, restored.position],
    );
    const paths = changes.map(({ path }: { path: string }) => path).sort();
    assertEquals(paths.filter((one: string) => !one.startsWith("/content/")), [
      "/contentRevision",
      "/exposure/caps",
      "/priority",
      "/variants",
    ]);
    for (const revision of [3, 2, 4, 3]) {
      const body = { contentRevision: revision };
      const { json } = await expect(200, "POST", `${path}/restore`, { body });
      const wanted = revision === 4 ? revisions[0] : revisions[revision - 1];
      assertEquals(delivered(json), delivered(wanted));
    }
    assertEquals((await expect(200, "GET", path)).json.contentRevision, 8);
  }));

Deno.test("restoring the current revision changes nothing, an unknown one is refused", () =>
  withServer(async (server) => {
    const { expect, request } = server;
    const { path } = await edited(server, patches);
    const restore = (body: unknown, headers = {}) =>
      request("POST", `${path}/restore`, { body, headers });
    const before = (await expect(200, "GET", path)).json;
    assertEquals((await restore({ contentRevision: 3 })).json, before);
    for (const contentRevision of [4, 1_000_000]) {
      const answer = await restore({ contentRevision });
      assertProblem(answer, 422, "invalid");
      assertEquals(faultsOf(answer), ["/contentRevision unknown_revision"]);
    }
    assertEquals(faultsOf(await restore({})), ["/contentRevision required"]);
    assertEquals(faultsOf(await restore({ contentRevision: 0 })), [
      "/contentRevision out_of_range",
    ]);
    assertProblem(
      await restore({ contentRevision: 1 }, { "if-match": '"1"' }),
      412,
      "version_mismatch",
    );
    assertEquals((await expect(200, "GET", path)).json, before);
    const unknown = { body: { contentRevision: 1 } };
    assertProblem(await request("POST", "/v1/campaigns/cmp_x/restore", unknown), 404, "not_found");
  }));

Deno.test("a restore is refused where the edit would be", () =>
  withServer(async (server) => {
    const { expect, request } = server;
    const { path } = await edited(server, patches);
    await expect(200, "POST", `${path}/end`);
    const body = { contentRevision: 1 };
    assertProblem(await request("POST", `${path}/restore`, { body }), 409, "campaign_ended");
  }));

Deno.test("a draft has one revision, which is what it is now", () =>
  withServer(async ({ draft, expect }) => {
    const path = `/v1/campaigns/${await draft()}`;
    const { json } = await expect(200, "PATCH", path, { body: { priority: 7 } });
    const body = { contentRevision: 1 };
    assertEquals((await expect(200, "POST", `${path}/restore`, { body })).json, json);
  }));

Deno.test("a restore with the same key is done once", () =>
  withServer(async (server) => {
    const { path } = await edited(server, patches);
    const send = () =>
      server.expect(200, "POST", `${path}/restore`, {
        body: { contentRevision: 1 },
        headers: { "idempotency-key": "k" },
      });
    const first = await send();
    await server.expect(200, "PATCH", path, { body: { priority: 1 } });
    const again = await send();
    assertEquals([again.json, again.position], [first.json, first.position]);
    assertEquals((await server.expect(200, "GET", path)).json.priority, 1);
  }));

Deno.test("revisions that sessions hold no more can still be restored", () =>
  withServer(async (server) => {
    const many = Array.from(
      { length: 120 },
      (_, index) => ({ content: { body: `Text ${index}` } }),
    );
    const { path, revisions } = await edited(server, many);
    for (const contentRevision of [1, 2, 15]) {
      const body = { contentRevision };
      const { json } = await server.expect(200, "POST", `${path}/restore`, { body });
      assertEquals(json.content, revisions[contentRevision - 1].content);
    }
  }, { checkedShare: 20 }));
