/** Sessions: people already in the app keep what they saw until they start it anew. */
import { assert, assertEquals } from "@std/assert";
import { assertProblem, openTestServer, type TestServer, withServer } from "../support/server.ts";

const url = "/v1/delivery?platform=web&deviceId=d1";

interface Sync {
  readonly session: string;
  /** "title of campaign", by its id. */
  readonly titles: Record<string, string>;
  readonly revisions: Record<string, number>;
}

/** What a client with this token is told; without one it starts a session. */
async function sync({ expect }: TestServer, token?: string): Promise<Sync> {
  const query = token === undefined ? "" : `&session=${encodeURIComponent(token)}`;
  const { json } = await expect(200, "GET", url + query, { role: "sdk" });
  const sync: Sync = { session: json.session, titles: {}, revisions: {} };
  for (const { campaignId, revision, content } of json.messages) {
    sync.titles[campaignId] = content.title;
    sync.revisions[campaignId] = revision;
  }
  return sync;
}

const rename = ({ expect }: TestServer, id: string, title: string) =>
  expect(200, "PATCH", `/v1/campaigns/${id}`, { body: { content: { title } } });

Deno.test("a session keeps its revision after an edit, a new one gets the new revision", () =>
  withServer(async (server) => {
    const id = await server.campaignIn("posting");
    const old = await sync(server);
    assertEquals([old.titles[id], old.revisions[id]], ["Hello", 1]);
    await rename(server, id, "Second");
    const middle = await sync(server);
    await rename(server, id, "Third");
    assertEquals((await sync(server, old.session)).titles[id], "Hello");
    assertEquals((await sync(server, middle.session)).titles[id], "Second");
    const fresh = await sync(server);
    assertEquals([fresh.titles[id], fresh.revisions[id]], ["Third", 3]);
    const again = await sync(server, (await sync(server, old.session)).session);
    assertEquals(again.titles[id], "Hello", "the token that came back holds the same");
  }));

Deno.test("a campaign posted later comes in its latest revision, kept by the newest token", () =>
  withServer(async (server) => {
    const start = await sync(server);
    const id = await server.campaignIn("posting");
    await rename(server, id, "Second");
    const first = await sync(server, start.session);
    assertEquals(first.titles[id], "Second");
    await rename(server, id, "Third");
    assertEquals((await sync(server, first.session)).titles[id], "Second");
    assertEquals((await sync(server, start.session)).titles[id], "Third", "the older token");
    const other = await server.campaignIn("posting");
    const second = await sync(server, first.session);
    await rename(server, other, "Other");
    const { titles } = await sync(server, second.session);
    assertEquals(titles, { [id]: "Second", [other]: "Hello" });
  }));

Deno.test("stop reaches open sessions; a restart shows the revision that they had", () =>
  withServer(async (server) => {
    const id = await server.campaignIn("posting");
    const { session } = await sync(server);
    await rename(server, id, "Second");
    await server.expect(200, "POST", `/v1/campaigns/${id}/stop`);
    assertEquals((await sync(server, session)).titles, {});
    await server.expect(200, "POST", `/v1/campaigns/${id}/restart`);
    assertEquals((await sync(server, session)).titles, { [id]: "Hello" });
  }));

Deno.test("what is not delivered makes no new revision", () =>
  withServer(async (server) => {
    const id = await server.campaignIn("posting");
    const body = {
      name: "Other",
      description: "Other",
      labels: ["x"],
      kpiEvents: [{ name: "buy" }],
    };
    const { json } = await server.expect(200, "PATCH", `/v1/campaigns/${id}`, { body });
    assertEquals([json.contentRevision, (await sync(server)).revisions[id]], [1, 1]);
  }));

Deno.test("a session outlives a restart of the server", async () => {
  const kv = await Deno.openKv(":memory:");
  const before = await openTestServer({ kv });
  const id = await before.campaignIn("posting");
  const { session } = await sync(before);
  await rename(before, id, "Second");
  await before.close();
  const after = await openTestServer({ kv });
  assertEquals((await sync(after, session)).titles[id], "Hello");
  assertEquals((await sync(after)).titles[id], "Second");
  await after.close();
  kv.close();
});

Deno.test("an answer within a session has its own validator", () =>
  withServer(async (server) => {
    const id = await server.campaignIn("posting");
    const { session } = await sync(server);
    const path = `${url}&session=${session}`;
    const etag = (await server.expect(200, "GET", path)).headers.get("etag")!;
    await rename(server, id, "Second");
    const headers = { "if-none-match": etag };
    assertEquals((await server.request("GET", path, { headers })).status, 304);
    assertEquals((await server.request("GET", url, { headers })).status, 200);
  }));

Deno.test("a token stays valid however many campaigns were posted during its session", () =>
  withServer(async (server) => {
    await server.expect(200, "PATCH", "/v1/workspace", { body: { activeLimit: 1_000 } });
    let { session } = await sync(server);
    for (let round = 0; round < 4; round++) {
      await Promise.all(Array.from({ length: 40 }, () => server.campaignIn("posting")));
      const next = await sync(server, session);
      assertEquals(Object.keys(next.titles).length, 40 * (round + 1));
      session = next.session;
    }
  }));

Deno.test("a token that is none is 422 invalid_session", () =>
  withServer(async (server) => {
    const made = (value: unknown) => btoa(JSON.stringify(value)).replaceAll("=", "");
    const escaped = (json: string) => btoa(json).replaceAll("=", "");
    const bad = ["x", "%00", "e30", made(null), made([]), made([1, "", 0, []]), made([2, 5, 0, []])]
      .concat([made([2, "", 0, {}]), made([2, "", 0, [["a"]]]), made([2, "", 0, [["a", "b"]]])])
      .concat([made([2, "", 0, [["a", 1.5]]]), escaped('[2,"\\u4e00",0,[]]')])
      .concat([escaped('[2,"",0,[["\\u4e00",1]]]'), escaped('[2,"\\ud800",0,[]]')]);
    for (const token of bad) {
      const path = `${url}&session=${encodeURIComponent(token)}`;
      assertProblem(await server.request("GET", path, { role: "sdk" }), 422, "invalid_session");
    }
    const { session } = await sync(server);
    const cut = `${url}&session=${session.slice(0, -5)}`;
    assertProblem(await server.request("GET", cut, { role: "sdk" }), 422, "invalid_session");
    assert((await server.request("GET", `${url}&session=${"A".repeat(9_000)}`)).status === 422);
  }));
