/** The history: who changed what, when and why; of a deleted campaign too. */
import { assertEquals } from "@std/assert";
import { hourMs, withServer } from "../support/server.ts";

Deno.test("every step is told with its actor, reason and differences", () =>
  withServer(async ({ draft, expect, advance, nowMs }) => {
    const path = `/v1/campaigns/${await draft({ name: "Old", labels: ["a"] })}`;
    advance(1000);
    const body = { name: "New", labels: ["a", "b"], content: { body: "Text", title: null } };
    await expect(200, "PATCH", path, { body });
    await expect(200, "POST", `${path}/activate`);
    await expect(200, "PATCH", path, { body: { content: { title: "A title" } } });
    await expect(200, "POST", `${path}/stop`, { body: { reason: "A typing error 🙈" } });
    const { json, position } = await expect(200, "GET", `${path}/history`);
    assertEquals(json.nextCursor, null);
    const types = json.items.map(({ type }: { type: string }) => type);
    assertEquals(types, [
      "campaign_created",
      "campaign_edited",
      "campaign_activated",
      "campaign_preparing",
      "audience_frozen",
      "campaign_posted",
      "campaign_edited",
      "campaign_stopped",
    ]);
    const actors = json.items.map(({ actor }: { actor: string }) => actor);
    const operator = "key:preset-operator";
    assertEquals(actors, [
      operator,
      operator,
      operator,
      "clock",
      "clock",
      "clock",
      operator,
      operator,
    ]);
    const [created, edited, activated] = json.items;
    assertEquals(created.changes.find((one: { path: string }) => one.path === "/name"), {
      path: "/name",
      from: null,
      to: "Old",
    });
    assertEquals(edited.changes.toSorted(byPath), [
      { path: "/content/body", from: null, to: "Text" },
      { path: "/content/title", from: "Hello", to: null },
      { path: "/labels", from: ["a"], to: ["a", "b"] },
      { path: "/name", from: "Old", to: "New" },
    ]);
    assertEquals(edited.at, new Date(nowMs()).toISOString());
    assertEquals(activated.changes, [{ path: "/status", from: "writing", to: "waiting_to_post" }]);
    assertEquals(json.items[6].changes.toSorted(byPath), [
      { path: "/content/title", from: null, to: "A title" },
      { path: "/contentRevision", from: 1, to: 2 },
      { path: "/status", from: "posting", to: "posting_reflecting_modifications" },
    ]);
    const stopped = json.items.at(-1);
    assertEquals([stopped.reason, stopped.position], ["A typing error 🙈", position]);
    assertEquals(json.items.filter((one: { reason?: string }) => one.reason).length, 1);
    const versions = json.items.map(({ version }: { version: number }) => version);
    assertEquals(versions, [1, 2, 3, 4, 5, 6, 7, 8]);
  }));

Deno.test("a deleted campaign keeps its history", () =>
  withServer(async ({ draft, expect }) => {
    const path = `/v1/campaigns/${await draft()}`;
    await expect(204, "DELETE", path);
    const { items } = (await expect(200, "GET", `${path}/history`, { role: "auditor" })).json;
    const types = items.map(({ type }: { type: string }) => type);
    assertEquals(types, ["campaign_created", "campaign_deleted"]);
    await expect(404, "GET", "/v1/campaigns/cmp_never/history");
  }));

Deno.test("an actor is the key that was used", () =>
  withServer(async ({ draft, expect }) => {
    const body = { name: "Tool", role: "operator" };
    const { id, secret } = (await expect(201, "POST", "/v1/keys", { body })).json;
    const path = `/v1/campaigns/${await draft()}`;
    const headers = { authorization: `Bearer ${secret}` };
    await expect(200, "PATCH", path, { body: { name: "B" }, headers });
    const { items } = (await expect(200, "GET", `${path}/history`)).json;
    assertEquals(items[1].actor, `key:${id}`);
  }));

Deno.test("what the clock did comes at the time that somebody looked, never before", () =>
  withServer(async ({ campaignIn, expect, advance }) => {
    const path = `/v1/campaigns/${await campaignIn("waiting_to_post")}`;
    advance(5 * hourMs);
    await expect(200, "GET", path);
    const { items } = (await expect(200, "GET", `${path}/history`)).json;
    const times = items.map(({ at }: { at: string }) => at);
    assertEquals(times.toSorted(), times);
    assertEquals(items.at(-1).type, "campaign_posted");
  }));

function byPath(a: { path: string }, b: { path: string }): number {
  return a.path < b.path ? -1 : 1;
}
