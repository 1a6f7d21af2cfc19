/** The list of campaigns: filters, search, sorts, counts. */
import { assertEquals } from "@std/assert";
import { campaignStatuses } from "../../events/campaign_events.ts";
import { messageTypes } from "../../events/campaign_settings.ts";
import {
  assertProblem,
  faultsOf,
  minuteMs,
  type TestServer,
  withServer,
} from "../support/server.ts";

async function names({ expect }: TestServer, query = ""): Promise<string[]> {
  const { json } = await expect(200, "GET", `/v1/campaigns${query}`);
  return json.items.map((campaign: { name: string }) => campaign.name);
}

Deno.test("an empty workspace has an empty list", () =>
  withServer(async ({ expect }) => {
    const { json } = await expect(200, "GET", "/v1/campaigns");
    assertEquals(json, {
      items: [],
      nextCursor: null,
      activeCount: 0,
      activeLimit: 30,
      countsByStatus: Object.fromEntries(campaignStatuses.map((status) => [status, 0])),
    });
  }));

Deno.test("status filters, also by several; counts are of all whatever the filter", () =>
  withServer(async (server) => {
    for (const status of campaignStatuses) await server.campaignIn(status, { name: status });
    for (const status of campaignStatuses) {
      assertEquals(await names(server, `?status=${status}`), [status]);
    }
    const both = await names(server, "?status=writing&status=ended&sort=name");
    assertEquals(both, ["ended", "writing"]);
    const { json } = await server.expect(200, "GET", "/v1/campaigns?status=ended&limit=1");
    assertEquals(json.countsByStatus, Object.fromEntries(campaignStatuses.map((one) => [one, 1])));
    assertEquals(json.activeCount, 4);
  }));

Deno.test("an item is what a read of one campaign gives", () =>
  withServer(async ({ campaignIn, expect }) => {
    for (const status of campaignStatuses) await campaignIn(status);
    const { json } = await expect(200, "GET", "/v1/campaigns");
    assertEquals(json.items.length, campaignStatuses.length);
    for (const item of json.items) {
      assertEquals((await expect(200, "GET", `/v1/campaigns/${item.id}`)).json, item);
    }
  }));

Deno.test("no list shows a status that the clock has left", () =>
  withServer(async (server) => {
    await server.campaignIn("waiting_to_post", { name: "A" });
    server.advance(60 * minuteMs);
    assertEquals(await names(server, "?status=preparing_to_publish"), ["A"]);
    assertEquals(await names(server, "?status=waiting_to_post"), []);
    server.advance(60 * minuteMs);
    assertEquals(await names(server, "?status=posting"), ["A"]);
  }));

Deno.test("type and platform filter, and all filters together", () =>
  withServer(async (server) => {
    for (const type of messageTypes) await server.draft({ name: type }, type);
    for (const type of messageTypes) assertEquals(await names(server, `?type=${type}`), [type]);
    await server.draft({ name: "Both", platforms: ["android", "ios"] });
    await server.expect(201, "POST", "/v1/campaigns", {
      body: { name: "None", type: "modal_text" },
    });
    assertEquals(await names(server, "?platform=ios"), ["Both"]);
    assertEquals(await names(server, "?platform=android"), ["Both"]);
    assertEquals((await names(server, "?platform=web")).length, messageTypes.length);
    const query = "?status=writing&type=modal_text&platform=ios&q=bot";
    assertEquals(await names(server, query), ["Both"]);
    assertEquals(await names(server, query.replace("ios", "web")), []);
  }));

Deno.test("q finds part of a name, whatever the case, and is no pattern", () =>
  withServer(async (server) => {
    for (const name of ["Spring Sale", "SALE 50%", "Ünïcode", "안녕하세요", "a_b.*c"]) {
      await server.draft({ name });
    }
    const found = (q: string) => names(server, `?sort=name&q=${encodeURIComponent(q)}`);
    assertEquals(await found("sale"), ["SALE 50%", "Spring Sale"]);
    assertEquals(await found("ÜNÏ"), ["Ünïcode"]);
    assertEquals(await found("녕하"), ["안녕하세요"]);
    assertEquals(await found(".*"), ["a_b.*c"]);
    assertEquals(await found("%"), ["SALE 50%"]);
    assertEquals(await found("nothing"), []);
    assertEquals((await found("")).length, 5);
  }));

Deno.test("sorts go up and down; ties have an order too", () =>
  withServer(async (server) => {
    const { expect, draft, settings, advance } = server;
    const starts = ["2026-05-03", "2026-05-01", "2026-05-02"];
    const ids: string[] = [];
    for (const [index, day] of starts.entries()) {
      const schedule = { ...settings().schedule, startAt: `${day}T00:00:00.000Z` };
      schedule.endAt = "2026-06-01T00:00:00.000Z";
      ids.push(await draft({ name: ["b", "C", "a"][index], schedule }));
      advance(1);
    }
    await expect(200, "PATCH", `/v1/campaigns/${ids[0]}`, { body: { priority: 1 } });
    const expected = {
      createdAt: ["b", "C", "a"],
      updatedAt: ["C", "a", "b"],
      startAt: ["C", "a", "b"],
    };
    for (const [sort, order] of Object.entries(expected)) {
      assertEquals(await names(server, `?sort=${sort}`), order, sort);
      assertEquals(await names(server, `?sort=-${sort}`), order.toReversed(), `-${sort}`);
    }
    const byName = await names(server, "?sort=name");
    assertEquals(await names(server, "?sort=-name"), byName.toReversed());
    assertEquals(await names(server), expected.createdAt.toReversed(), "the default");
    for (let index = 0; index < 5; index++) await draft({ name: "tie" });
    const ties = (await expect(200, "GET", "/v1/campaigns?sort=name&q=tie")).json.items;
    const down = (await expect(200, "GET", "/v1/campaigns?sort=-name&q=tie")).json.items;
    assertEquals(down, ties.toReversed());
  }));

Deno.test("a query that is wrong is 422 and says where", () =>
  withServer(async ({ request }) => {
    const wrong: [string, string][] = [
      ["limit=0", "/limit out_of_range"],
      ["limit=201", "/limit out_of_range"],
      ["limit=ten", "/limit invalid_type"],
      ["limit=1.5", "/limit invalid_type"],
      ["limit=", "/limit out_of_range"],
      ["limit=1&limit=2", "/limit duplicate"],
      ["status=active", "/status/0 invalid_value"],
      ["status=writing&status=x", "/status/1 invalid_value"],
      ["type=poster", "/type invalid_value"],
      ["platform=windows", "/platform invalid_value"],
      ["sort=priority", "/sort invalid_value"],
      ["sort=--name", "/sort invalid_value"],
      ["cursor=nonsense", "/cursor invalid_format"],
      ["cursor=", "/cursor invalid_format"],
      ["colour=red", "/colour unknown_field"],
      ["__proto__=1", "/__proto__ unknown_field"],
      ["constructor=1", "/constructor unknown_field"],
      [`q=${"x".repeat(201)}`, "/q too_long"],
    ];
    for (const [query, fault] of wrong) {
      const answer = await request("GET", `/v1/campaigns?${query}`);
      assertProblem(answer, 422, "invalid");
      assertEquals(faultsOf(answer), [fault], query);
    }
  }));
