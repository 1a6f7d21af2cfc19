/** `asOf` over HTTP: what it means, where it is refused, and that the present goes on beside it. */
import { assert, assertEquals } from "@std/assert";
import { logStart } from "../../src/event_store/mod.ts";
import {
  assertProblem,
  clockDefault,
  dayMs,
  faultsOf,
  hourMs,
  minuteMs,
  openTestServer,
  type TestServer,
  withServer,
} from "../support/server.ts";
import { asOf } from "./history_world.ts";

const at = (aheadMs: number) => new Date(Date.parse(clockDefault) + aheadMs).toISOString();

const reads = (id: string) => [
  "/v1/campaigns",
  `/v1/campaigns/${id}`,
  `/v1/campaigns/${id}/status`,
  `/v1/campaigns/${id}/history`,
  `/v1/campaigns/${id}/kpi`,
  "/v1/kpi",
  "/v1/workspace",
  "/v1/audiences",
];

async function report({ expect, nowMs }: TestServer, campaignId: string, ids: readonly string[]) {
  const interactions = ids.map((id) => ({
    id,
    kind: "impression",
    campaignId,
    platform: "web",
    deviceId: `d${id}`,
    occurredAt: new Date(nowMs()).toISOString(),
  }));
  return await expect(202, "POST", "/v1/interactions", { body: { interactions } });
}

Deno.test("asOf the position of an answer gives that answer, whatever has happened since", () =>
  withServer(async (server) => {
    const { expect, advance } = server;
    const id = await server.campaignIn("posting");
    await report(server, id, ["1", "2"]);
    const before = new Map<string, string>();
    const position = await server.end();
    for (const path of reads(id)) before.set(path, (await expect(200, "GET", path)).text);
    advance(minuteMs);
    await expect(200, "PATCH", `/v1/campaigns/${id}`, { body: { name: "B", priority: 1 } });
    await report(server, id, ["2", "3"]);
    await expect(201, "POST", "/v1/audiences", { body: { name: "n", kind: "list" } });
    await expect(200, "PATCH", "/v1/workspace", { body: { activeLimit: 3 } });
    await server.campaignIn("waiting_to_post");
    advance(20 * dayMs);
    for (const [path, text] of before) {
      const then = await expect(200, "GET", asOf(path, position), { role: "auditor" });
      assertEquals([then.text, then.position], [text, position], path);
      assert((await expect(200, "GET", path)).text !== text, path);
    }
  }));

Deno.test("asOf a position within a commit ends there", () =>
  withServer(async ({ settings, request, expect }) => {
    const made = await Promise.all(
      Array.from({ length: 5 }, () => request("POST", "/v1/campaigns", { body: settings() })),
    );
    const positions = made.map(({ position }) => position).sort();
    const stamps = new Set(positions.map((position) => position.split("-")[1]));
    assert(stamps.size < 5, "some share a commit");
    for (const [nth, position] of positions.entries()) {
      const { json } = await expect(200, "GET", asOf("/v1/campaigns", position));
      assertEquals(json.countsByStatus.writing, nth + 1);
    }
  }));

Deno.test("a deleted campaign answers as of before it was deleted", () =>
  withServer(async ({ draft, expect, end, request, advance, nowMs }) => {
    const path = `/v1/campaigns/${await draft()}`;
    const [before, instant] = [await end(), new Date(nowMs()).toISOString()];
    const { text } = await expect(200, "GET", path);
    advance(5_000);
    await expect(204, "DELETE", path);
    assertProblem(await request("GET", path), 404, "not_found");
    assertEquals((await expect(200, "GET", asOf(path, before))).text, text);
    assertEquals((await expect(200, "GET", asOf(path, instant))).text, text);
    assertProblem(await request("GET", asOf(path, await end())), 404, "not_found");
    assertProblem(await request("GET", asOf(path, logStart)), 404, "not_found");
    const { json } = await expect(200, "GET", asOf("/v1/campaigns", logStart));
    assertEquals(json.items, []);
  }));

Deno.test("as of an instant the clock's rules hold, though nobody was there to record it", async () => {
  const kv = await Deno.openKv(":memory:");
  let server = await openTestServer({ kv });
  const id = await server.campaignIn("waiting_to_post");
  const path = `/v1/campaigns/${id}`;
  await server.close();
  // It prepared after an hour, and posted after two.
  server = await openTestServer({ kv, clock: at(3 * hourMs) });
  const { expect } = server;
  const statusAsOf = async (instant: string) => {
    const status = (await expect(200, "GET", asOf(`${path}/status`, instant))).json;
    const campaign = (await expect(200, "GET", asOf(path, instant))).json;
    const list = (await expect(200, "GET", asOf("/v1/campaigns", instant))).json;
    assertEquals([campaign.status, list.items[0].status], [status.status, status.status]);
    assertEquals(campaign, list.items[0]);
    assertEquals(list.countsByStatus[status.status], 1);
    assert(campaign.updatedAt <= instant);
    return [status.status, status.since, status.next?.status];
  };
  const posted = ["posting", at(2 * hourMs), "ended"];
  assertEquals(await statusAsOf(at(hourMs - 1)), [
    "waiting_to_post",
    at(0),
    "preparing_to_publish",
  ]);
  assertEquals(await statusAsOf(at(hourMs)), ["preparing_to_publish", at(hourMs), "posting"]);
  assertEquals(await statusAsOf(at(2 * hourMs - 1)), [
    "preparing_to_publish",
    at(hourMs),
    "posting",
  ]);
  assertEquals(await statusAsOf(at(2 * hourMs)), posted);
  assertEquals(await statusAsOf(at(2.5 * hourMs)), posted);
  // A position knows only what had been recorded.
  const { position } = await expect(200, "GET", asOf(path, at(2.5 * hourMs)));
  assertEquals((await expect(200, "GET", asOf(path, position))).json.status, "waiting_to_post");
  await server.close();
  kv.close();
});

Deno.test("days that are closed are answered as of before and after they were", async () => {
  const kv = await Deno.openKv(":memory:");
  let server = await openTestServer({ kv });
  const id = await server.campaignIn("posting", {
    schedule: { startAt: at(-minuteMs), endAt: at(60 * dayMs) },
  });
  const paths = [
    `/v1/campaigns/${id}/kpi?granularity=day&by=platform`,
    `/v1/kpi?from=${at(2 * dayMs)}&to=${at(30 * dayMs)}`,
  ];
  const told: { path: string; position: string; text: string }[] = [];
  for (let day = 0; day < 40; day++) {
    await report(server, id, [`${day}`, `${day}b`]);
    for (const path of paths) {
      const { position, text } = await server.expect(200, "GET", path);
      told.push({ path, position, text });
    }
    server.advance(dayMs);
    if (day % 7 === 3) await server.placard.engine.projector.flush();
  }
  for (let round = 0; round < 2; round++) {
    for (const [nth, { path, position, text }] of told.toReversed().entries()) {
      if (nth % 3 !== round) continue;
      assertEquals((await server.expect(200, "GET", asOf(path, position))).text, text);
    }
    await server.close();
    server = await openTestServer({ kv, clock: at(41 * dayMs) });
  }
  await server.close();
  kv.close();
});

Deno.test("the future, nonsense and places that are not there are refused", () =>
  withServer(async ({ campaignIn, request, end, nowMs }) => {
    const id = await campaignIn("posting");
    const position = await end();
    const [epoch, stamp] = position.split("-");
    const faults: [string, string][] = [
      [new Date(nowMs()).toISOString(), "in_future"],
      [new Date(nowMs() - 999).toISOString(), "in_future"],
      ["2999-01-01T00:00:00Z", "in_future"],
      ["ffff-ffffffffffffffffffff-ffff", "unknown_position"],
      [`${epoch}-${stamp}-0fff`, "unknown_position"],
      ["0001-00000000000000000000-0000", "unknown_position"],
      ["", "invalid_format"],
      ["yesterday", "invalid_format"],
      ["2026-13-01T00:00:00Z", "invalid_format"],
      [`${position}0`, "invalid_format"],
    ];
    for (const path of reads(id)) {
      for (const [place, code] of faults) {
        const answer = await request("GET", asOf(path, place));
        assertProblem(answer, 422, "invalid");
        assertEquals(faultsOf(answer), [`/asOf ${code}`], `${path} ${place}`);
      }
      const both = await request("GET", `${asOf(path, position)}&after=${position}`);
      assertEquals(faultsOf(both), ["/asOf conflict"]);
    }
    const old = await request(
      "GET",
      asOf("/v1/campaigns", new Date(nowMs() - 1_000).toISOString()),
    );
    assertEquals(old.status, 200);
  }));

Deno.test("an offset and any fraction of a second name an instant", () =>
  withServer(async ({ draft, expect, advance }) => {
    const path = `/v1/campaigns/${await draft()}`;
    advance(hourMs);
    const { text } = await expect(200, "GET", asOf(path, clockDefault));
    for (const same of ["2026-04-01T09:00:00Z", "2026-04-01T18:00:00.000%2B09:00"]) {
      assertEquals((await expect(200, "GET", asOf(path, same))).text, text);
    }
  }));

Deno.test("pages of a past list hold together while campaigns come and go", () =>
  withServer(async ({ draft, expect, end }) => {
    const made: string[] = [];
    for (let nth = 0; nth < 7; nth++) made.push(await draft());
    const position = await end();
    const found: string[] = [];
    for (let cursor = ""; cursor !== null;) {
      const query = `sort=createdAt&limit=3&asOf=${position}${cursor && `&cursor=${cursor}`}`;
      const { json } = await expect(200, "GET", `/v1/campaigns?${query}`);
      found.push(...json.items.map(({ id }: { id: string }) => id));
      cursor = json.nextCursor;
      await draft();
      await expect(204, "DELETE", `/v1/campaigns/${made[found.length - 1]}`);
    }
    assertEquals(found.toSorted(), made.toSorted());
  }));

Deno.test("the present goes on while the past is asked about", () =>
  withServer(async (server) => {
    const { expect, draft, end } = server;
    const id = await server.campaignIn("posting");
    const told: { position: string; text: string }[] = [];
    for (let nth = 0; nth < 6; nth++) {
      await report(server, id, [`${nth}`]);
      await draft();
      const { position, text } = await expect(200, "GET", "/v1/kpi");
      told.push({ position, text });
    }
    const past = told.map(async ({ position, text }) =>
      assertEquals((await expect(200, "GET", asOf("/v1/kpi", position))).text, text)
    );
    for (let nth = 6; nth < 12; nth++) {
      await report(server, id, [`${nth}`]);
      assertEquals((await expect(200, "GET", "/v1/kpi")).json.totalImpressions, nth + 1);
      const { position } = await expect(200, "PATCH", `/v1/campaigns/${id}`, {
        body: { priority: nth },
      });
      assertEquals(await end(), position);
    }
    await Promise.all(past);
  }));

Deno.test("another instance answers as of a position that it has not read yet", async () => {
  const kv = await Deno.openKv(":memory:");
  const [one, other] = [await openTestServer({ kv }), await openTestServer({ kv })];
  const id = await one.draft();
  for (let nth = 0; nth < 5; nth++) {
    const body = { name: `Round ${nth}` };
    const { position, text } = await one.expect(200, "PATCH", `/v1/campaigns/${id}`, { body });
    const path = asOf(`/v1/campaigns/${id}`, position);
    assertEquals((await other.expect(200, "GET", path)).text, text);
  }
  await one.close();
  await other.close();
  kv.close();
});
