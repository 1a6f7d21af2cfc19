/** What was shown days ago: it still counts, though it is not kept in memory each for itself. */
import { assertEquals } from "@std/assert";
import { encodeSession } from "../../events/session_token.ts";
import { dayMs, hourMs, openTestServer, type TestServer, withServer } from "../support/server.ts";
import { item, send } from "./reported.ts";

const url = "/v1/delivery?platform=web&deviceId=d1";
const perSession = { exposure: { caps: [{ per: "session", by: "device", max: 3 }] } };
const instant = (ms: number) => new Date(ms).toISOString();

async function sync({ expect }: TestServer, token?: string) {
  const query = token === undefined ? "" : `&session=${encodeURIComponent(token)}`;
  const { json } = await expect(200, "GET", url + query, { role: "sdk" });
  return {
    session: json.session as string,
    remaining: json.messages.map(({ caps }: { caps: { remaining: number } }) => caps.remaining),
  };
}

const claim = async ({ expect }: TestServer, campaignId: string, claimId: string, who = {}) => {
  const body = { claimId, campaignId, deviceId: "d1", ...who };
  const { json } = await expect(200, "POST", "/v1/delivery/claim", { role: "sdk", body });
  return json.granted ? "granted" : json.code;
};

/** What the caps say, as it was known at an instant. */
const capsAt = async ({ expect }: TestServer, campaignId: string, more: { at?: string } = {}) => {
  const body = { campaignId, deviceId: "d1", ...more };
  const { json } = await expect(200, "POST", "/v1/delivery/explain", { body });
  return json.rules.filter(({ rule }: { rule: string }) => /^(cap|hide)/.test(rule))
    .map(({ detail }: { detail: string }) => detail.split(" since ")[0]);
};

Deno.test("a cap per session holds in a session that began days ago", () =>
  withServer(async (server) => {
    const id = await server.campaignIn("posting", perSession);
    const { session } = await sync(server);
    await send(server, [item(server, id, { id: "one", session })]);
    // What is sent again counts no second time in the log either.
    await send(server, [item(server, id, { id: "one", session }), item(server, id)]);
    for (let day = 0; day < 4; day++) {
      server.advance(dayMs + hourMs);
      await send(server, [item(server, id, { deviceId: "d2" })]);
    }
    assertEquals((await sync(server, session)).remaining, [2]);
    assertEquals((await sync(server)).remaining, [3]);
    await send(server, [item(server, id, { session })]);
    assertEquals((await sync(server, session)).remaining, [1]);
    assertEquals(await claim(server, id, "a", { session }), "granted");
    assertEquals(await claim(server, id, "b", { session }), "cap_session_device");
    assertEquals((await sync(server, session)).remaining, []);
    assertEquals(await claim(server, id, "c"), "granted");
    server.advance(dayMs);
    await send(server, [item(server, id, { deviceId: "d2" })]);
    assertEquals((await sync(server, session)).remaining, [1], "the claim has lapsed");
  }));

Deno.test("a token that was made up is no reason to fail", () =>
  withServer(async (server) => {
    const startedAtMs = server.nowMs() - 1;
    const id = await server.campaignIn("posting", perSession);
    await send(server, [item(server, id)]);
    server.advance(4 * dayMs);
    await send(server, [item(server, id, { deviceId: "d2" })]);
    const zeros = "0".repeat(20);
    for (const position of ["", `0000-${zeros}-0001`, `0001-${zeros}-0000`, `ffff-${zeros}-0000`]) {
      const session = encodeSession({ position, startedAtMs, pins: {} });
      assertEquals((await sync(server, session)).remaining, [3], position);
      assertEquals(await claim(server, id, `of ${position}`, { session }), "granted", position);
      server.advance(hourMs);
    }
  }));

Deno.test("the past is explained by the log where it is older than what is in memory", () =>
  withServer(async (server) => {
    const caps = ["total", "day"].map((per) => ({ per, by: "device", max: 99 }));
    const id = await server.campaignIn("posting", { exposure: { caps } });
    const beginMs = server.nowMs();
    for (let day = 0; day < 6; day++) {
      await send(server, [item(server, id, { id: `day ${day}` }), item(server, id)]);
      await send(server, [item(server, id, { id: `day ${day}` })]);
      server.advance(hourMs);
      if (day < 4) assertEquals(await claim(server, id, `day ${day}`), "granted");
      if (day === 3) await send(server, [item(server, id, { kind: "hide", name: "3d" })]);
      server.advance(dayMs - hourMs);
    }
    const expected = (hide: string, total: number, day: number) => [
      hide,
      `the device used ${total} of 99 per total`,
      `the device used ${day} of 99 per day`,
    ];
    const nobody = "nobody chose to hide it";
    const [hidden] = await capsAt(server, id);
    assertEquals(await capsAt(server, id), expected(hidden!, 12, 0));
    for (let day = 0; day < 6; day++) {
      const ms = beginMs + day * dayMs;
      const at = (ms: number) => capsAt(server, id, { at: instant(ms) });
      const shown = 2 * day + 2;
      const claimed = day < 4 ? 1 : 0;
      if (day > 0) {
        assertEquals(await at(ms - 1), expected(day < 4 ? nobody : hidden!, shown - 2, 0));
      }
      assertEquals(await at(ms), expected(day < 4 ? nobody : hidden!, shown, 2));
      assertEquals(
        await at(ms + hourMs),
        expected(day < 3 ? nobody : hidden!, shown + claimed, 2 + claimed),
      );
    }
  }));

Deno.test("caps hold after a restart, whether it was shown today, days ago or only promised", async () => {
  const kv = await Deno.openKv(":memory:");
  const caps = { exposure: { caps: [{ per: "total", by: "device", max: 3 }] } };
  const before = await openTestServer({ kv });
  const id = await before.campaignIn("posting", caps);
  await send(before, [item(before, id)]);
  before.advance(12 * dayMs);
  await send(before, [item(before, id, { deviceId: "d3" })]);
  await before.close();
  const between = await openTestServer({ kv, clock: instant(before.nowMs()) });
  await send(between, [item(between, id)]);
  assertEquals(await claim(between, id, "a"), "granted");
  await between.close();
  const after = await openTestServer({ kv, clock: instant(between.nowMs()) });
  assertEquals(await claim(after, id, "b"), "cap_total_device");
  assertEquals(await claim(after, id, "a"), "granted", "the same answer");
  await after.close();
  kv.close();
});

Deno.test("a promise holds after a restart though nothing was shown for weeks", async () => {
  const kv = await Deno.openKv(":memory:");
  const before = await openTestServer({ kv });
  const caps = { exposure: { caps: [{ per: "total", by: "device", max: 1 }] } };
  const id = await before.campaignIn("posting", caps);
  await send(before, [item(before, id, { deviceId: "d2" })]);
  before.advance(13 * dayMs);
  assertEquals(await claim(before, id, "a"), "granted");
  await before.close();
  const after = await openTestServer({ kv, clock: instant(before.nowMs()) });
  assertEquals(await claim(after, id, "b"), "cap_total_device");
  await after.close();
  kv.close();
});
