/** Claims: a cap holds across devices, whoever asks at the same moment. */
import { assert, assertEquals } from "@std/assert";
import { claimLapseMs } from "../../events/claim_events.ts";
import { assertProblem, dayMs, hourMs, type TestServer, withServer } from "../support/server.ts";
import { item, send } from "./reported.ts";

interface Who {
  readonly deviceId?: string;
  readonly userId?: string;
  readonly session?: string;
}

const claim = async (
  { expect }: TestServer,
  campaignId: string,
  claimId: string,
  who: Who = {},
) => {
  const body = { claimId, campaignId, deviceId: "d1", ...who };
  const { json } = await expect(200, "POST", "/v1/delivery/claim", { role: "sdk", body });
  return json.granted ? "granted" : json.code;
};

const capped = (per: string, by: string, max = 1) => ({ exposure: { caps: [{ per, by, max }] } });

Deno.test("64 claims at once on a cap of 1, from two devices of one user: one is granted", () =>
  withServer(async (server) => {
    const id = await server.campaignIn("posting", capped("day", "user"));
    const answers = await Promise.all(
      Array.from(
        { length: 64 },
        (_, nth) => claim(server, id, `c${nth}`, { deviceId: `d${nth % 2}`, userId: "u" }),
      ),
    );
    assertEquals(answers.filter((answer) => answer === "granted").length, 1);
    assertEquals(answers.filter((answer) => answer === "cap_day_user").length, 63);
    assertEquals(await claim(server, id, "other", { userId: "v" }), "granted");
  }));

Deno.test("a cap of 10 by device grants ten of 64, and each again to whoever repeats it", () =>
  withServer(async (server) => {
    const id = await server.campaignIn("posting", capped("total", "device", 10));
    const all = Array.from({ length: 64 }, (_, nth) => `c${nth}`);
    const once = await Promise.all(all.map((claimId) => claim(server, id, claimId)));
    const twice = await Promise.all(all.map((claimId) => claim(server, id, claimId)));
    assertEquals(once.filter((answer) => answer === "granted").length, 10);
    assertEquals(twice, once);
    assertEquals(await claim(server, id, "c0", { deviceId: "d2" }), "claim_reused");
  }));

Deno.test("the impression that carries its claim counts no second time", () =>
  withServer(async (server) => {
    const id = await server.campaignIn("posting", capped("total", "device", 2));
    assertEquals(await claim(server, id, "a"), "granted");
    await send(server, [item(server, id, { claimId: "a" })]);
    assertEquals(await claim(server, id, "a"), "granted", "the same answer");
    assertEquals(await claim(server, id, "b"), "granted");
    assertEquals(await claim(server, id, "c"), "cap_total_device");
  }));

Deno.test("an impression without a claim counts too", () =>
  withServer(async (server) => {
    const id = await server.campaignIn("posting", capped("total", "user", 2));
    await send(server, [item(server, id, { userId: "u", deviceId: "d9" })]);
    assertEquals(await claim(server, id, "a", { userId: "u" }), "granted");
    assertEquals(await claim(server, id, "b", { userId: "u" }), "cap_total_user");
  }));

Deno.test("a claim without its impression lapses after ten minutes", () =>
  withServer(async (server) => {
    const id = await server.campaignIn("posting", capped("total", "device"));
    assertEquals(await claim(server, id, "a"), "granted");
    server.advance(claimLapseMs - 1);
    assertEquals(await claim(server, id, "b"), "cap_total_device");
    server.advance(1);
    assertEquals(await claim(server, id, "a"), "claim_lapsed");
    assertEquals(await claim(server, id, "b"), "granted");
  }));

Deno.test("units begin anew: the next hour, the next day, the next session", () =>
  withServer(async (server) => {
    const hourly = await server.campaignIn("posting", capped("hour", "device"));
    const daily = await server.campaignIn("posting", capped("day", "device"));
    const perSession = await server.campaignIn("posting", capped("session", "device"));
    const begin = async () =>
      (await server.expect(200, "GET", "/v1/delivery?platform=web&deviceId=d1")).json.session;
    const session = await begin();
    const ask = async (round: string, token = session) => [
      await claim(server, hourly, `h${round}`),
      await claim(server, daily, `d${round}`),
      await claim(server, perSession, `s${round}`, { session: token }),
    ];
    assertEquals(await ask("1"), ["granted", "granted", "granted"]);
    for (const [claimId, id] of [["h1", hourly], ["d1", daily], ["s1", perSession]] as const) {
      await send(server, [item(server, id, { claimId, session })]);
    }
    assertEquals(await ask("2"), ["cap_hour_device", "cap_day_device", "cap_session_device"]);
    server.advance(hourMs);
    assertEquals(await ask("3"), ["granted", "cap_day_device", "cap_session_device"]);
    server.advance(dayMs);
    const next = await begin();
    assertEquals(await ask("4", next), ["granted", "granted", "granted"]);
  }));

Deno.test("what may not be shown is not granted, and says why", () =>
  withServer(async (server) => {
    const { campaignIn } = server;
    assertEquals(await claim(server, "cmp_none", "a"), "unknown_campaign");
    for (const status of ["writing", "waiting_to_post", "stopped", "ended"] as const) {
      assertEquals(await claim(server, await campaignIn(status), "a"), "status", status);
    }
    const over = await campaignIn("posting");
    server.advance(14 * dayMs);
    assertEquals(await claim(server, over, "b"), "status");
    const closed = await campaignIn("posting", {
      schedule: {
        ...server.settings().schedule,
        windows: [{ from: "10:00", to: "11:00" }],
      },
    });
    assertEquals(await claim(server, closed, "c"), "schedule");
    server.advance(hourMs);
    assertEquals(await claim(server, closed, "c"), "granted");
  }));

Deno.test("a campaign without caps grants and stores nothing", () =>
  withServer(async (server) => {
    const id = await server.campaignIn("posting");
    const before = await server.end();
    assertEquals(await claim(server, id, "a"), "granted");
    assertEquals(await server.end(), before);
  }));

Deno.test("an Idempotency-Key gives the first answer again; a bad claim says where", () =>
  withServer(async ({ campaignIn, request, expect }) => {
    const id = await campaignIn("posting", capped("total", "device"));
    const body = { claimId: "a", campaignId: id, deviceId: "d1" };
    const options = { role: "sdk" as const, body, headers: { "idempotency-key": "k" } };
    const first = await expect(200, "POST", "/v1/delivery/claim", options);
    const second = await expect(200, "POST", "/v1/delivery/claim", options);
    assertEquals([second.text, second.position], [first.text, first.position]);
    assert(first.json.granted);
    const wrong = await request("POST", "/v1/delivery/claim", { body: { ...body, deviceId: "" } });
    assertProblem(wrong, 422, "invalid");
    const token = await request("POST", "/v1/delivery/claim", { body: { ...body, session: "x" } });
    assertProblem(token, 422, "invalid_session");
    assertProblem(
      await request("POST", "/v1/delivery/claim", { role: "auditor", body }),
      403,
      "forbidden",
    );
  }));
