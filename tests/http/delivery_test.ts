/** Delivery: what is shown now, in which order, with a validator. */
import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { campaignStatuses } from "../../events/campaign_events.ts";
import { assertProblem, faultsOf, type TestServer, withServer } from "../support/server.ts";

const url = "/v1/delivery?platform=web&deviceId=d1";

async function shown({ expect }: TestServer, path = url): Promise<string[]> {
  const { json } = await expect(200, "GET", path, { role: "sdk" });
  return json.messages.map(({ campaignId }: { campaignId: string }) => campaignId);
}

Deno.test("only posting campaigns are shown, and those that reflect an edit", () =>
  withServer(async (server) => {
    const live: string[] = [];
    for (const status of campaignStatuses) {
      const id = await server.campaignIn(status);
      if (status.startsWith("posting")) live.push(id);
    }
    assertEquals((await shown(server)).toSorted(), live.toSorted());
    const query = campaignStatuses.map((_, index) => `campaignId=none${index}`)
      .concat(live.map((id) => `campaignId=${id}`)).join("&");
    const { json } = await server.expect(200, "GET", `/v1/delivery/status?${query}`, {
      role: "sdk",
    });
    assertEquals(json.active, live);
  }));

Deno.test("a message has what a client needs to show it", () =>
  withServer(async ({ campaignIn, expect }) => {
    const id = await campaignIn("posting", {
      content: {
        images: { portrait: { url: "https://cdn.example/a.png" } },
        imageAction: { type: "weblink", url: "https://shop.example/" },
        title: "Hi",
        buttons: [{ elementId: "buy", label: "Buy", action: { type: "close" } }],
      },
      trigger: { kind: "event", event: "cart", delaySeconds: 3 },
      priority: 70,
      exposure: { caps: [{ per: "day", by: "user", max: 2 }] },
    }, "modal_image_text");
    const { json, headers } = await expect(200, "GET", url, { role: "sdk" });
    assertEquals([json.messages.length, json.statusCheckSeconds], [1, 60]);
    const { content, trigger, caps, ...rest } = json.messages[0];
    assertEquals(rest, {
      campaignId: id,
      revision: 1,
      type: "modal_image_text",
      priority: 70,
      elementIds: ["image", "buy"],
    });
    assertEquals([content.title, content.images.portrait.alt], ["Hi", ""]);
    assertEquals([trigger.event, trigger.delaySeconds], ["cart", 3]);
    assertEquals(caps, {
      limits: [{ per: "day", by: "user", max: 2, remaining: 2 }],
      remaining: 2,
    });
    assert(headers.get("cache-control")!.includes("private"));
  }));

Deno.test("highest priority first; then more conditions, later change of settings, id", () =>
  withServer(async (server) => {
    const { campaignIn, expect, advance } = server;
    const condition = { ">": [{ var: "price" }, 100] };
    const event = { kind: "event", event: "e" };
    const two = { ...event, conditions: { and: [condition, { "==": [{ var: "a" }, 1] }] } };
    const one = { ...event, conditions: { and: [condition] } };
    const first = await campaignIn("posting", { priority: 50 });
    const second = await campaignIn("posting", { priority: 50 });
    assertEquals(await shown(server), [first, second], "the same instant: by id");
    advance(1);
    const low = await campaignIn("posting", { priority: 0 });
    const high = await campaignIn("posting", { priority: 100 });
    const withOne = await campaignIn("posting", { priority: 50, trigger: one });
    const withTwo = await campaignIn("posting", { priority: 50, trigger: two });
    assertEquals(await shown(server), [high, withTwo, withOne, first, second, low]);
    advance(1);
    await expect(200, "PATCH", `/v1/campaigns/${second}`, { body: { description: "Newer" } });
    assertEquals(await shown(server), [high, withTwo, withOne, second, first, low]);
    await expect(200, "POST", `/v1/campaigns/${first}/stop`);
    await expect(200, "POST", `/v1/campaigns/${first}/restart`);
    assertEquals(await shown(server), [high, withTwo, withOne, second, first, low]);
    await expect(200, "PATCH", `/v1/campaigns/${low}`, { body: { priority: 99 } });
    assertEquals((await shown(server))[1], low);
  }));

Deno.test("a platform gets its own campaigns", () =>
  withServer(async (server) => {
    await server.expect(200, "PATCH", "/v1/workspace", { body: { platforms: ["web", "ios"] } });
    const both = await server.campaignIn("posting", { platforms: ["web", "ios"] });
    const web = await server.campaignIn("posting", { platforms: ["web"] });
    const on = (platform: string) => shown(server, url.replace("web", platform));
    assertEquals(await on("web"), [both, web]);
    assertEquals(await on("ios"), [both]);
    assertEquals(await on("android"), []);
  }));

Deno.test("an unchanged answer is a 304; whatever changes it changes the ETag", () =>
  withServer(async ({ campaignIn, draft, expect, request }) => {
    const id = await campaignIn("posting");
    const seen = new Set<string>();
    let session = "";
    const check = async () => {
      const path = `${url}${session}`;
      const { headers, json } = await expect(200, "GET", path, { role: "sdk" });
      const etag = headers.get("etag")!;
      assert(/^"[^"]+"$/.test(etag), etag);
      for (const value of [etag, `W/${etag}`, `"x", ${etag}`, "*"]) {
        const answer = await request("GET", path, {
          role: "sdk",
          headers: { "if-none-match": value },
        });
        assertEquals([answer.status, answer.text], [304, ""], value);
        assertEquals(answer.headers.get("etag"), etag);
      }
      const other = { "if-none-match": '"other"' };
      await expect(200, "GET", path, { role: "sdk", headers: other });
      session = `&session=${json.session}`;
      return etag;
    };
    seen.add(await check());
    session = "";
    assertEquals(await check(), [...seen][0], "nothing has changed");
    await draft();
    assertEquals((await check()).length > 0, true);
    session = "";
    for (const command of ["stop", "restart", "end"]) {
      await expect(200, "POST", `/v1/campaigns/${id}/${command}`);
      const etag = await check();
      assert(!seen.has(etag), command);
      seen.add(etag);
      session = "";
    }
  }));

Deno.test("what is stopped or ended is gone at once, by a command or by the clock", () =>
  withServer(async (server) => {
    const { campaignIn, expect, advance } = server;
    const ids = [await campaignIn("posting"), await campaignIn("posting")];
    const third = await campaignIn("posting");
    const status = `/v1/delivery/status?${
      [...ids, third].map((id) => `campaignId=${id}`).join("&")
    }`;
    const active = async () => (await expect(200, "GET", status, { role: "sdk" })).json.active;
    assertEquals(await active(), [...ids, third]);
    await expect(200, "POST", `/v1/campaigns/${ids[0]}/stop`);
    await expect(200, "POST", `/v1/campaigns/${ids[1]}/end`);
    assertEquals([await shown(server), await active()], [[third], [third]]);
    advance(14 * 24 * 3_600_000);
    assertEquals([await shown(server), await active()], [[], []]);
  }));

Deno.test("a campaign whose start has just come is shown", () =>
  withServer(async (server) => {
    const id = await server.campaignIn("waiting_to_post");
    const before = await server.expect(200, "GET", url);
    server.advance(2 * 3_600_000 - 1);
    assertEquals(await shown(server), []);
    server.advance(1);
    assertEquals(await shown(server), [id]);
    const after = await server.expect(200, "GET", url);
    assertNotEquals(after.headers.get("etag"), before.headers.get("etag"));
  }));

Deno.test("a query of delivery that is wrong is 422 and says where", () =>
  withServer(async ({ request }) => {
    const wrong: [string, string][] = [
      ["/v1/delivery?platform=web", "/deviceId required"],
      ["/v1/delivery?deviceId=d", "/platform required"],
      ["/v1/delivery?platform=windows&deviceId=d", "/platform invalid_value"],
      ["/v1/delivery?platform=web&deviceId=", "/deviceId too_short"],
      ["/v1/delivery?platform=web&deviceId=a%00b", "/deviceId invalid_format"],
      [`${url}&deviceId=d2`, "/deviceId duplicate"],
      [`${url}&userId=${"x".repeat(257)}`, "/userId too_long"],
      [`${url}&colour=red`, "/colour unknown_field"],
      ["/v1/delivery/status", "/campaignId required"],
    ];
    for (const [path, fault] of wrong) {
      const answer = await request("GET", path, { role: "sdk" });
      assertProblem(answer, 422, "invalid");
      assert(faultsOf(answer).includes(fault), `${path}: ${faultsOf(answer)}`);
    }
  }));
