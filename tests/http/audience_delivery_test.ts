/** From an audience to who is shown what: members, exclusions, log-in and log-out, and what-if. */
import { assertEquals } from "@std/assert";
import { until } from "../support/process.ts";
import { assertProblem, type TestServer, withServer } from "../support/server.ts";

const list = async ({ expect }: TestServer, members: Record<string, string>[]) => {
  const body = { name: "List", kind: "list" };
  const { id } = (await expect(201, "POST", "/v1/audiences", { body })).json;
  const lines = members.map((member) => JSON.stringify({ op: "add", ...member })).join("\n");
  await expect(200, "POST", `/v1/audiences/${id}/members`, {
    body: lines,
    headers: { "content-type": "application/x-ndjson" },
  });
  return id as string;
};

const posted = async (server: TestServer, audience: Record<string, unknown>, more = {}) => {
  const id = await server.draft({ audience, ...more });
  await server.expect(200, "POST", `/v1/campaigns/${id}/activate`);
  await until("it is posting", async () => {
    return (await server.expect(200, "GET", `/v1/campaigns/${id}`)).json.status === "posting";
  });
  return id;
};

const isShown = async ({ expect }: TestServer, id: string, who: string) => {
  const { json } = await expect(200, "GET", `/v1/delivery?platform=web&${who}`, { role: "sdk" });
  const { campaignId } =
    json.messages.find((one: { campaignId: string }) => one.campaignId === id) ?? {};
  const [deviceId, userId] = who.split("&").map((part) => part.split("=")[1]);
  const body = { campaignId: id, deviceId, userId, platform: "web" };
  const explained = (await expect(200, "POST", "/v1/delivery/explain", { body })).json;
  assertEquals(explained.shown, campaignId === id, `${who}: ${JSON.stringify(explained.rules)}`);
  return explained.shown;
};

Deno.test("a list reaches its users on every device, and its devices without a user", () =>
  withServer(async (server) => {
    const audienceId = await list(server, [{ userId: "u1" }, { deviceId: "d9" }]);
    const id = await posted(server, { kind: "audience", audienceId });
    const shown = (who: string) => isShown(server, id, who);
    assertEquals(await shown("deviceId=d1&userId=u1"), true);
    assertEquals(await shown("deviceId=d2&userId=u1"), true, "a second device");
    assertEquals(await shown("deviceId=d1"), false, "logged out");
    assertEquals(await shown("deviceId=d1&userId=u2"), false, "somebody else");
    assertEquals(await shown("deviceId=d9"), true);
    assertEquals(await shown("deviceId=d9&userId=u2"), false, "the member is the user then");
  }));

Deno.test("a snapshot is frozen: later changes of the audience touch no running campaign", () =>
  withServer(async (server) => {
    const audienceId = await list(server, [{ userId: "u1" }]);
    const id = await posted(server, { kind: "audience", audienceId });
    await server.expect(200, "POST", `/v1/audiences/${audienceId}/members`, {
      body: '{"op":"remove","userId":"u1"}\n{"op":"add","userId":"u2"}',
      headers: { "content-type": "application/x-ndjson" },
    });
    const both = async (campaignId: string) => [
      await isShown(server, campaignId, "deviceId=d&userId=u1"),
      await isShown(server, campaignId, "deviceId=d&userId=u2"),
    ];
    assertEquals(await both(id), [true, false]);
    const used = await server.request("DELETE", `/v1/audiences/${audienceId}`);
    assertProblem(used, 409, "audience_in_use");
    // A restart calculates it again.
    await server.expect(200, "POST", `/v1/campaigns/${id}/stop`);
    await server.expect(200, "POST", `/v1/campaigns/${id}/restart`);
    await until("it is posting again", async () => {
      return (await server.expect(200, "GET", `/v1/campaigns/${id}`)).json.status === "posting";
    });
    assertEquals(await both(id), [false, true]);
  }));

Deno.test("a rule and an exclusion: who matches the one and is not in the other", () =>
  withServer(async (server) => {
    for (const [user, tier] of [["a", "gold"], ["b", "gold"], ["c", "silver"]]) {
      await server.expect(200, "PUT", `/v1/users/${user}`, { body: { attributes: { tier } } });
    }
    const rule = { "==": [{ var: "user.tier" }, "gold"] };
    const gold = (await server.expect(201, "POST", "/v1/audiences", {
      body: { name: "Gold", kind: "rule", rule },
    })).json.id;
    const seenIt = await list(server, [{ userId: "b" }, { userId: "d" }]);
    const id = await posted(server, {
      kind: "audience",
      audienceId: gold,
      excludeAudienceId: seenIt,
    });
    const all = await posted(server, { kind: "all", excludeAudienceId: seenIt });
    const shown = async (campaignId: string) => {
      const found: string[] = [];
      for (const user of ["a", "b", "c", "d", "new"]) {
        if (await isShown(server, campaignId, `deviceId=d&userId=${user}`)) found.push(user);
      }
      return found;
    };
    assertEquals(await shown(id), ["a"]);
    assertEquals(await shown(all), ["a", "c", "new"]);
    const { json } = await server.expect(200, "GET", `/v1/campaigns/${id}/audience`);
    assertEquals([json.snapshot.size, json.preparation.state], [1, "frozen"]);
  }));

Deno.test("what if: whom a draft would reach, and what it would compete with", () =>
  withServer(async (server) => {
    const { draft, expect, request } = server;
    const members = (ids: string[]) => list(server, ids.map((userId) => ({ userId })));
    const five = await members(["a", "b", "c", "d", "e"]);
    const three = await members(["d", "e", "f"]);
    const one = await members(["e"]);
    const before = await posted(server, { kind: "audience", audienceId: three }, { priority: 60 });
    const after = await posted(server, { kind: "all" }, { priority: 40 });
    // None of these competes: another occasion, another time, another platform, not active.
    await posted(server, { kind: "all" }, { trigger: { kind: "event", event: "cart" } });
    await draft();
    const schedule = { startAt: "2027-01-01T00:00:00Z", endAt: "2027-02-01T00:00:00Z" };
    await expect(200, "POST", `/v1/campaigns/${await draft({ schedule })}/activate`);
    const id = await draft({
      audience: {
        kind: "audience",
        audienceId: five,
        excludeAudienceId: one,
        controlPercent: 10,
      },
    });
    const { json } = await expect(200, "POST", `/v1/campaigns/${id}/simulate`);
    assertEquals([json.reach, json.controlPercent, json.missing], [4, 10, []]);
    const told = json.competitors.map((
      { campaignId, isFirst, shared }: { campaignId: string; isFirst: boolean; shared: number },
    ) => [campaignId, isFirst, shared]);
    assertEquals(told, [[before, true, 1], [after, false, 4]]);
    const everybody = await expect(200, "POST", `/v1/campaigns/${await draft()}/simulate`);
    assertEquals(everybody.json.reach, null);
    assertEquals(everybody.json.competitors.map((c: { shared: number }) => c.shared), [3, null]);
    assertProblem(await request("POST", "/v1/campaigns/none/simulate"), 404, "not_found");
    // Nothing has happened to the draft.
    assertEquals((await expect(200, "GET", `/v1/campaigns/${id}`)).json.version, 1);
  }));
