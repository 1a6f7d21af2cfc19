/** Interactions: each judged alone, by when it happened. */
import { assertEquals } from "@std/assert";
import { dayMs, hourMs, minuteMs, withServer } from "../support/server.ts";
import { impressions, item, send, url } from "./reported.ts";

Deno.test("one bad item never spoils the others", () =>
  withServer(async (server) => {
    const id = await server.campaignIn("posting");
    const good = () => item(server, id);
    const { kind: _, ...noKind } = good();
    const bad = [null, 5, "x", [], {}, noKind, { ...good(), kind: "view" }, { ...good(), id: "" }]
      .concat([{ ...good(), platform: "windows" }, { ...good(), extra: 1 }])
      .concat([{ ...good(), occurredAt: "yesterday" }, { ...good(), occurredAt: 5 }])
      .concat([{ ...good(), occurredAt: "2026-04-01T09:00:60Z" }])
      .concat([{ ...good(), deviceId: "a\u0000b" }, { ...good(), revision: 0 }])
      .concat([{ ...good(), campaignId: undefined }, { ...good(), kind: "event" }])
      .concat([{ ...good(), kind: "hide", name: "1d" }, { ...good(), properties: { a: {} } }]);
    const items = bad.flatMap((one) => [one, good()]);
    const codes = await send(server, items);
    assertEquals(codes, bad.flatMap(() => ["invalid", ""]));
    const { json } = await server.expect(202, "POST", url, {
      body: { interactions: [{ ...good(), platform: "windows" }] },
    });
    assertEquals(json.rejected[0].pointer, "/platform");
    assertEquals(await impressions(server, id), bad.length);
  }));

Deno.test("numbers, surrogates and keys that nobody can hold spoil only their item", () =>
  withServer(async (server) => {
    const id = await server.campaignIn("posting");
    const text = (more: string) =>
      JSON.stringify(item(server, id)).replace('"kind"', `${more},"kind"`);
    const body = `{"interactions":[${
      [
        text('"revision":1e400'),
        text('"elementId":"\\ud800"'),
        text('"properties":{"a":1e400}'),
        text('"__proto__":{}'),
        text('"constructor":1'),
        JSON.stringify(item(server, id)),
      ].join(",")
    }]}`;
    const keys: Record<string, string>[] = [{}, { "idempotency-key": "k" }];
    for (const headers of keys) {
      const { json } = await server.expect(202, "POST", url, { body, headers });
      assertEquals(json.accepted, 1, JSON.stringify(json.rejected));
    }
    assertEquals(await impressions(server, id), 1);
  }));

Deno.test("codes at their exact edges: in_future, too_old, not_posted, unknown_campaign", () =>
  withServer(async (server) => {
    const id = await server.campaignIn("waiting_to_post");
    const postedMs = server.nowMs() + 2 * hourMs;
    const at = (ms: number) => item(server, id, { occurredAt: new Date(ms).toISOString() });
    assertEquals(await send(server, [at(server.nowMs())]), ["not_posted"]);
    server.advance(2 * hourMs);
    assertEquals(await send(server, [at(postedMs - 1), at(postedMs)]), ["not_posted", ""]);
    const ahead = server.nowMs() + 5 * minuteMs;
    assertEquals(await send(server, [at(ahead), at(ahead + 1)]), ["", "in_future"]);
    server.advance(7 * dayMs);
    assertEquals(await send(server, [at(postedMs), at(postedMs - 1)]), ["", "too_old"]);
    server.advance(1);
    assertEquals(await send(server, [at(postedMs), at(postedMs + 1)]), ["too_old", ""]);
    const draft = await server.campaignIn("writing");
    const deleted = await server.draft();
    await server.expect(204, "DELETE", `/v1/campaigns/${deleted}`);
    const codes = await send(
      server,
      [draft, deleted, "none", "__proto__"].map((id) => item(server, id)),
    );
    assertEquals(codes, ["not_posted", "unknown_campaign", "unknown_campaign", "unknown_campaign"]);
  }));

Deno.test("after_end: accepted until 7 days after the end, not from then on", () =>
  withServer(async (server) => {
    const [byClock, byCommand] = [
      await server.campaignIn("posting"),
      await server.campaignIn("ended"),
    ];
    const ends = [server.nowMs() + 14 * dayMs, server.nowMs()];
    for (const [index, id] of [byCommand, byClock].entries()) {
      const edgeMs = ends[1 - index]! + 7 * dayMs;
      server.advance(edgeMs - server.nowMs());
      const at = (ms: number) => item(server, id, { occurredAt: new Date(ms).toISOString() });
      assertEquals(await send(server, [at(edgeMs - 1), at(edgeMs)]), ["", "after_end"]);
    }
  }));

Deno.test("a stopped campaign's impressions are late after stop and interval; clicks always count", () =>
  withServer(async (server) => {
    const id = await server.campaignIn("posting");
    const stoppedMs = server.nowMs();
    await server.expect(200, "POST", `/v1/campaigns/${id}/stop`);
    server.advance(hourMs);
    const at = (ms: number, more = {}) =>
      item(server, id, { occurredAt: new Date(stoppedMs + ms).toISOString(), ...more });
    const click = { kind: "click", elementId: "buy" };
    const items = [at(0), at(59_999), at(60_000), at(60_001), at(120_000), at(120_000, click)];
    assertEquals(await send(server, items), Array(6).fill(""));
    const { json } = await server.expect(200, "GET", `/v1/campaigns/${id}/kpi`);
    assertEquals([json.totalImpressions, json.late, json.totalClicks], [3, 2, 1]);
    await server.expect(200, "POST", `/v1/campaigns/${id}/restart`);
    await send(server, [item(server, id)]);
    assertEquals(await impressions(server, id), 4);
  }));
