/** Explain: every rule, now and in the past, and equal to what delivery did. */
import { assert, assertEquals } from "@std/assert";
import {
  assertProblem,
  dayMs,
  faultsOf,
  hourMs,
  minuteMs,
  type TestServer,
  withServer,
} from "../support/server.ts";
import { item, send } from "./reported.ts";

const explain = async ({ expect }: TestServer, campaignId: string, more = {}) => {
  const body = { campaignId, deviceId: "d1", platform: "web", ...more };
  const { json } = await expect(200, "POST", "/v1/delivery/explain", { body });
  return json;
};
/** The names of the rules that do not hold. */
const failing = async (server: TestServer, campaignId: string, more = {}) =>
  (await explain(server, campaignId, more)).rules
    .filter(({ passed }: { passed: boolean | null }) => passed !== true)
    .map(({ rule }: { rule: string }) => rule);
const instant = (ms: number) => new Date(ms).toISOString();

Deno.test("a campaign that is shown passes every rule, each with what it looked at", () =>
  withServer(async (server) => {
    const id = await server.campaignIn("posting", {
      exposure: {
        caps: [{ per: "day", by: "user", max: 2 }, { per: "hour", by: "user", max: null }],
      },
    });
    const { shown, rules, revision, variant, at } = await explain(server, id);
    assertEquals([shown, revision, variant, at], [true, 1, null, instant(server.nowMs())]);
    assertEquals(rules.map(({ rule }: { rule: string }) => rule), [
      "status",
      "platform",
      "schedule",
      "audience",
      "exclusion",
      "control",
      "hide",
      "cap_day_user",
    ]);
    for (const { passed, detail } of rules) assert(passed && detail.length > 0);
  }));

Deno.test("each rule says no by its name", () =>
  withServer(async (server) => {
    const { campaignIn } = server;
    assertEquals(await failing(server, await campaignIn("stopped")), ["status"]);
    assertEquals(await failing(server, await campaignIn("posting"), { platform: "ios" }), [
      "platform",
    ]);
    const closed = { ...server.settings().schedule, weekdays: ["mon"] };
    assertEquals(await failing(server, await campaignIn("posting", { schedule: closed })), [
      "schedule",
    ]);
    const capped = await campaignIn("posting", {
      exposure: { caps: [{ per: "total", by: "device", max: 1 }] },
    });
    await send(server, [item(server, capped)]);
    assertEquals(await failing(server, capped), ["cap_total_device"]);
    assertEquals(await failing(server, capped, { deviceId: "d2" }), []);
    const hidden = await campaignIn("posting");
    await send(server, [item(server, hidden, { kind: "hide", name: "3d", userId: "u" })]);
    assertEquals(await failing(server, hidden), ["hide"]);
    assertEquals(await failing(server, hidden, { deviceId: "d7", userId: "u" }), ["hide"]);
    assertEquals(await failing(server, hidden, { deviceId: "d7" }), []);
    const held = await campaignIn("posting", { audience: { kind: "all", controlPercent: 50 } });
    const verdicts = new Set<string>();
    for (let device = 0; device < 20; device++) {
      verdicts.add((await failing(server, held, { deviceId: `d${device}` })).join());
    }
    assertEquals([...verdicts].toSorted(), ["", "control"]);
  }));

Deno.test("a hide lasts calendar days, the day of the choice among them", () =>
  withServer(async (server) => {
    // The clock stands at 09:00 UTC, 18:00 in Seoul: midnight there is six hours ahead.
    const schedule = { ...server.settings().schedule, timeZone: "Asia/Seoul" };
    const hidden = async (name: string) => {
      const id = await server.campaignIn("posting", { schedule });
      await send(server, [item(server, id, { kind: "hide", name })]);
      return id;
    };
    const ids: string[] = [];
    for (const name of ["today", "3d", "7d", "forever"]) ids.push(await hidden(name));
    const still = async () => {
      const flags: boolean[] = [];
      for (const id of ids) flags.push((await failing(server, id)).length > 0);
      return flags;
    };
    assertEquals(await still(), [true, true, true, true]);
    server.advance(6 * hourMs - 1);
    assertEquals(await still(), [true, true, true, true]);
    server.advance(1);
    assertEquals(await still(), [false, true, true, true]);
    server.advance(2 * dayMs - 1);
    assertEquals(await still(), [false, true, true, true]);
    server.advance(1);
    assertEquals(await still(), [false, false, true, true]);
    server.advance(4 * dayMs);
    assertEquals(await still(), [false, false, false, true]);
  }));

Deno.test("the past is answered from what was recorded by then, the clock's doing included", () =>
  withServer(async (server) => {
    const { advance, nowMs } = server;
    const id = await server.campaignIn("waiting_to_post", {
      exposure: { caps: [{ per: "total", by: "device", max: 1 }] },
    });
    const before = nowMs();
    // Nobody looks while it prepares and posts.
    advance(3 * hourMs);
    const posted = nowMs() - minuteMs;
    await send(server, [item(server, id, { occurredAt: instant(posted) })]);
    const shownOnce = nowMs();
    advance(minuteMs);
    await server.expect(200, "PATCH", `/v1/campaigns/${id}`, {
      body: { exposure: { caps: [{ per: "total", by: "device", max: 5 }] } },
    });
    const raised = nowMs();
    advance(minuteMs);
    await server.expect(200, "POST", `/v1/campaigns/${id}/stop`);
    advance(minuteMs);
    const at = (ms: number) => failing(server, id, { at: instant(ms) });
    assertEquals(await at(before), ["status"]);
    assertEquals(await at(before + 2 * hourMs), [], "at the start itself");
    assertEquals(await at(shownOnce - 1), [], "the impression had not arrived");
    assertEquals(await at(shownOnce), ["cap_total_device"]);
    assertEquals(await at(raised), []);
    assertEquals(await at(nowMs()), ["status"]);
    assertEquals(await failing(server, id), ["status"]);
  }));

Deno.test("an open session is explained in its revision", () =>
  withServer(async (server) => {
    const id = await server.campaignIn("posting");
    const { session } =
      (await server.expect(200, "GET", "/v1/delivery?platform=web&deviceId=d1")).json;
    await server.expect(200, "PATCH", `/v1/campaigns/${id}`, {
      body: { exposure: { caps: [{ per: "total", by: "device", max: 1 }] } },
    });
    await send(server, [item(server, id)]);
    assertEquals(await failing(server, id), ["cap_total_device"]);
    assertEquals(await failing(server, id, { session }), []);
    const sync = async (query = "") =>
      (await server.expect(200, "GET", `/v1/delivery?platform=web&deviceId=d1${query}`)).json
        .messages.length;
    assertEquals([await sync(), await sync(`&session=${session}`)], [0, 1]);
  }));

Deno.test("unknown campaigns, and instants that have not come", () =>
  withServer(async (server) => {
    const { request, campaignIn, nowMs } = server;
    const ask = (campaignId: string, more = {}, role: "operator" | "sdk" = "operator") =>
      request("POST", "/v1/delivery/explain", {
        role,
        body: { campaignId, deviceId: "d", ...more },
      });
    const id = await campaignIn("posting");
    assertProblem(await ask("cmp_none"), 404, "not_found");
    assertProblem(await ask(id, { at: instant(nowMs() - dayMs) }), 404, "not_found");
    const early = await ask(id, { at: instant(nowMs() + 1) });
    assertProblem(early, 422, "invalid");
    assertEquals(faultsOf(early), ["/at in_future"]);
    assertProblem(await ask(id, {}, "sdk"), 403, "forbidden");
  }));
