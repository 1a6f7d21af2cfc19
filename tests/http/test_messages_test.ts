/** Test messages: a draft on named devices, never counted. Previews: how it looks for somebody. */
import { assertEquals } from "@std/assert";
import { assertProblem, dayMs, type TestServer, withServer } from "../support/server.ts";
import { item, send } from "./reported.ts";

const sendTest = ({ expect }: TestServer, id: string, deviceIds: string[]) =>
  expect(202, "POST", `/v1/campaigns/${id}/test-messages`, { body: { deviceIds } });
const shown = async ({ expect }: TestServer, deviceId: string) =>
  (await expect(200, "GET", `/v1/delivery?platform=web&deviceId=${deviceId}`)).json.messages
    .map((one: { campaignId: string; test?: true; content: { title: string } }) => [
      one.campaignId,
      one.test ?? false,
      one.content.title,
    ]);

Deno.test("a draft is shown on the named devices, as it is at each sync, for a day", () =>
  withServer(async (server) => {
    const id = await server.draft({
      exposure: { caps: [{ per: "total", by: "device", max: 1 }] },
      audience: { kind: "all", controlPercent: 50 },
    });
    const { json } = await sendTest(server, id, ["d1", "d2", "d1"]);
    assertEquals(json.devices, 2);
    assertEquals(await shown(server, "d1"), [[id, true, "Hello"]]);
    assertEquals(await shown(server, "d3"), []);
    await server.expect(200, "PATCH", `/v1/campaigns/${id}`, { body: { content: { title: "B" } } });
    assertEquals(await shown(server, "d2"), [[id, true, "B"]]);
    server.advance(dayMs - 1);
    assertEquals((await shown(server, "d1")).length, 1);
    server.advance(1);
    assertEquals(await shown(server, "d1"), []);
  }));

Deno.test("nothing of a test is counted, and activation ends it", () =>
  withServer(async (server) => {
    const id = await server.draft();
    await sendTest(server, id, ["d1"]);
    assertEquals(await send(server, [item(server, id), item(server, id, { kind: "click" })]), [
      "not_posted",
      "not_posted",
    ]);
    const early = item(server, id);
    server.advance(1);
    await server.expect(200, "POST", `/v1/campaigns/${id}/activate`);
    assertEquals(await shown(server, "d1"), [[id, false, "Hello"]]);
    assertEquals(await send(server, [early]), ["not_posted"]);
    const { json } = await server.expect(200, "GET", `/v1/campaigns/${id}/kpi`);
    assertEquals([json.totalImpressions, json.totalClicks], [0, 0]);
  }));

Deno.test("among equals a test is first", () =>
  withServer(async (server) => {
    const draft = await server.draft();
    server.advance(1_000);
    const live = await server.campaignIn("posting");
    await sendTest(server, draft, ["d1"]);
    const order = async () => (await shown(server, "d1")).map(([id]: string[]) => id);
    assertEquals(await order(), [draft, live]);
    await server.expect(200, "PATCH", `/v1/campaigns/${live}`, { body: { priority: 51 } });
    assertEquals(await order(), [live, draft]);
  }));

Deno.test("only a draft that can be looked at is tested; explain tells of it", () =>
  withServer(async (server) => {
    const { request, campaignIn, draft, expect } = server;
    const test = (id: string, deviceIds: unknown = ["d1"]) =>
      request("POST", `/v1/campaigns/${id}/test-messages`, { body: { deviceIds } });
    assertProblem(await test(await campaignIn("posting")), 409, "already_active");
    assertProblem(await test(await campaignIn("waiting_to_post")), 409, "already_active");
    assertProblem(await test(await campaignIn("stopped")), 409, "not_writing");
    assertProblem(await test(await campaignIn("ended")), 409, "campaign_ended");
    assertProblem(await test("cmp_none"), 404, "not_found");
    const blank = (await expect(201, "POST", "/v1/campaigns", {
      body: { name: "n", type: "modal_text" },
    })).json.id;
    assertProblem(await test(blank), 409, "campaign_incomplete");
    const id = await draft({ schedule: {} });
    assertProblem(await test(id, []), 422, "invalid");
    assertEquals((await test(id)).status, 202);
    const explain = async (deviceId: string) => {
      const body = { campaignId: id, deviceId };
      const { json } = await expect(200, "POST", "/v1/delivery/explain", { body });
      return [json.shown, json.rules[0].rule];
    };
    assertEquals(await explain("d1"), [true, "test_message"]);
    assertEquals(await explain("d2"), [false, "status"]);
  }));

Deno.test("a preview has the variant, the locale and the attributes of somebody", () =>
  withServer(async ({ draft, expect, request }) => {
    const id = await draft({
      content: {
        title: "Hello {{ user.name | default: 'there' }}",
        locales: { default: "en", overrides: { pt: { title: "Olá" } } },
      },
      variants: [{
        key: "b",
        weight: 100,
        content: { title: "Hi {{ user.name | default: '?' }}" },
      }],
    });
    await expect(200, "PUT", "/v1/users/u1", { body: { attributes: { name: "Ada" } } });
    const preview = async (body: unknown) => {
      const { json } = await expect(200, "POST", `/v1/campaigns/${id}/preview`, { body });
      return [json.variant, json.content.title];
    };
    assertEquals(await preview({}), [null, "Hello there"]);
    assertEquals(await preview({ userId: "u1" }), ["b", "Hi Ada"]);
    assertEquals(await preview({ userId: "u1", variant: null }), [null, "Hello Ada"]);
    assertEquals(await preview({ userId: "none", variant: null, locale: "pt-BR" }), [null, "Olá"]);
    assertEquals(await preview({ locale: "pt_BR" }), [null, "Olá"]);
    assertEquals(await preview({ locale: "??" }), [null, "Hello there"]);
    const wrong = await request("POST", `/v1/campaigns/${id}/preview`, { body: { variant: "c" } });
    assertProblem(wrong, 422, "invalid");
  }));

Deno.test("delivery fills in the attributes of who is logged in, at once after they change", () =>
  withServer(async (server) => {
    const { expect } = server;
    await server.campaignIn("posting", {
      content: { title: "Hello {{ user.name | default: 'there' }}" },
    });
    const title = async (query = "") =>
      (await expect(200, "GET", `/v1/delivery?platform=web&deviceId=d1${query}`)).json
        .messages[0].content.title;
    assertEquals([await title(), await title("&userId=u1")], ["Hello there", "Hello there"]);
    await expect(200, "PUT", "/v1/users/u1", { body: { attributes: { name: "Ada" } } });
    assertEquals([await title(), await title("&userId=u1")], ["Hello there", "Hello Ada"]);
    await expect(200, "PUT", "/v1/users/u1", { body: { attributes: { name: "Eve" } } });
    assertEquals(await title("&userId=u1"), "Hello Eve");
    await expect(204, "DELETE", "/v1/users/u1");
    assertEquals(await title("&userId=u1"), "Hello there");
  }));
