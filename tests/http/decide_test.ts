/** Decide: the one message to show now, by the rule that a client decides by. */
import { assertEquals } from "@std/assert";
import { assertProblem, type TestServer, withServer } from "../support/server.ts";
import { item, send } from "./reported.ts";

const decide = async ({ expect }: TestServer, more: Record<string, unknown> = {}) => {
  const body = { platform: "web", deviceId: "d1", ...more };
  const { json } = await expect(200, "POST", "/v1/delivery/decide", { role: "sdk", body });
  return json.message;
};
const idOf = async (server: TestServer, more?: Record<string, unknown>) =>
  (await decide(server, more))?.campaignId ?? null;

const onEvent = (conditions: unknown[] = []) => ({
  trigger: { kind: "event", event: "cart", conditions: { and: conditions } },
});

Deno.test("each occasion has its own messages, the first by priority is shown", () =>
  withServer(async (server) => {
    assertEquals(await idOf(server), null);
    const start = await server.campaignIn("posting", { priority: 10 });
    const cart = await server.campaignIn("posting", onEvent());
    const dear = await server.campaignIn("posting", {
      ...onEvent([{ ">": [{ var: "price" }, 100] }]),
      priority: 90,
    });
    const help = await server.campaignIn("posting", {
      trigger: { kind: "self_serve", key: "help" },
    });
    assertEquals(await idOf(server), start);
    assertEquals(await idOf(server, { event: "cart" }), cart);
    assertEquals(await idOf(server, { event: "cart", properties: { price: 101 } }), dear);
    assertEquals(await idOf(server, { event: "cart", properties: { price: "99" } }), cart);
    assertEquals(await idOf(server, { event: "other" }), null);
    assertEquals(await idOf(server, { key: "help" }), help);
    assertEquals(await idOf(server, { key: "other" }), null);
  }));

Deno.test("it is the message that a sync has, and what is used up makes room for the next", () =>
  withServer(async (server) => {
    const caps = { exposure: { caps: [{ per: "total", by: "device", max: 1 }] } };
    const first = await server.campaignIn("posting", { ...caps, priority: 60 });
    const second = await server.campaignIn("posting");
    const { json } = await server.expect(200, "GET", "/v1/delivery?platform=web&deviceId=d1");
    assertEquals(await decide(server), json.messages[0]);
    assertEquals(json.messages.map((one: { campaignId: string }) => one.campaignId), [
      first,
      second,
    ]);
    await send(server, [item(server, first)]);
    assertEquals(await idOf(server), second);
    assertEquals(await idOf(server, { deviceId: "d2" }), first);
  }));

Deno.test("a session keeps its revision here too", () =>
  withServer(async (server) => {
    const id = await server.campaignIn("posting");
    const { session } =
      (await server.expect(200, "GET", "/v1/delivery?platform=web&deviceId=d1")).json;
    await server.expect(200, "PATCH", `/v1/campaigns/${id}`, { body: { content: { title: "2" } } });
    assertEquals((await decide(server, { session })).revision, 1);
    assertEquals((await decide(server)).revision, 2);
  }));

Deno.test("bad questions say where", () =>
  withServer(async ({ request }) => {
    const ask = (body: unknown) => request("POST", "/v1/delivery/decide", { role: "sdk", body });
    const good = { platform: "web", deviceId: "d" };
    for (
      const more of [
        { event: "a", key: "b" },
        { event: "" },
        { properties: { a: { b: 1 } } },
        { properties: Object.fromEntries(Array.from({ length: 51 }, (_, i) => [`p${i}`, 1])) },
        { colour: "red" },
        { platform: "windows" },
      ]
    ) assertProblem(await ask({ ...good, ...more }), 422, "invalid");
    assertProblem(await ask({ ...good, session: "x" }), 422, "invalid_session");
  }));
