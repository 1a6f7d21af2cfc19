/** Previews of rules, and what is told of a campaign's audience. */
import { assert, assertEquals } from "@std/assert";
import { activated, adults, frozen, people, ruleAudience } from "../snapshots/scene.ts";
import { until } from "../support/process.ts";
import { assertProblem, faultsOf, type TestServer, withServer } from "../support/server.ts";

const preview = (server: TestServer, rule: unknown) =>
  server.request("POST", "/v1/audiences/preview", { body: { rule } });

async function seen(server: TestServer, deviceId: string, userId?: string): Promise<void> {
  await server.expect(202, "POST", "/v1/interactions", {
    body: {
      interactions: [{
        id: `i-${deviceId}`,
        kind: "event",
        name: "purchase",
        platform: "web",
        deviceId,
        ...(userId === undefined ? {} : { userId }),
        occurredAt: new Date(server.nowMs()).toISOString(),
      }],
    },
  });
}

Deno.test("a preview counts everybody who fits and names some", () =>
  withServer(async (server) => {
    await people(server, 60);
    const { json } = await preview(server, adults);
    assertEquals(json.size, 42);
    assertEquals(json.sample.length, 20);
    for (const { userId } of json.sample) assert(Number(userId.slice(1)) >= 18, userId);
    assertEquals((await preview(server, { "==": [{ var: "user.age" }, 3] })).json, {
      size: 1,
      sample: [{ userId: "u3" }],
    });
    assertEquals((await preview(server, { "==": [{ var: "user.age" }, -1] })).json, {
      size: 0,
      sample: [],
    });
  }));

Deno.test("devices with a user are their user's, others are members themselves", () =>
  withServer(async (server) => {
    const attributes = { os: "ios" };
    await server.expect(200, "PUT", "/v1/users/ann", { body: { attributes: { vip: true } } });
    await server.expect(200, "PUT", "/v1/users/ben", { body: { attributes: {} } });
    for (const device of ["phone", "tablet"]) {
      await server.expect(200, "PUT", `/v1/devices/${device}`, {
        body: { attributes: { os: device === "phone" ? "ios" : "android" }, userId: "ann" },
      });
    }
    await server.expect(200, "PUT", "/v1/devices/alone", { body: { attributes } });
    const sampled = async (rule: unknown) => (await preview(server, rule)).json.sample;
    assertEquals(await sampled({ "==": [{ var: "device.os" }, "ios"] }), [
      { userId: "ann" },
      { deviceId: "alone" },
    ]);
    // Any of the devices, together with the user.
    assertEquals(
      await sampled({ and: [{ var: "user.vip" }, { "==": [{ var: "device.os" }, "android"] }] }),
      [{ userId: "ann" }],
    );
    assertEquals(await sampled({ missing: ["device.os"] }), [{ userId: "ben" }]);
    await server.expect(204, "DELETE", "/v1/users/ann");
    assertEquals(await sampled({ var: "user.vip" }), []);
  }));

Deno.test("facts: what a member has done, also one of whom nothing else is known", () =>
  withServer(async (server) => {
    await seen(server, "anonymous");
    await seen(server, "anns", "ann");
    const did = { var: "facts.did.purchase" };
    const { json } = await preview(server, did);
    assertEquals(json, { size: 2, sample: [{ userId: "ann" }, { deviceId: "anonymous" }] });
    server.advance(50 * 60 * 60 * 1000);
    const daysAgo = (days: number) => ({ "==": [{ var: "facts.lastSeenDaysAgo" }, days] });
    assertEquals((await preview(server, daysAgo(2))).json.size, 2);
    assertEquals((await preview(server, daysAgo(1))).json.size, 0);
    assertEquals((await preview(server, { "!": [did] })).json.size, 0);
  }));

Deno.test("a preview is for operators and auditors, and takes a rule of an audience", () =>
  withServer(async (server) => {
    const path = "/v1/audiences/preview";
    const body = { rule: adults };
    await server.expect(200, "POST", path, { role: "auditor", body });
    assertProblem(await server.request("POST", path, { role: "sdk", body }), 403, "forbidden");
    assertProblem(await server.request("POST", path, { role: null, body }), 401, "unauthorized");
    const faults = async (given: unknown) =>
      faultsOf(await server.expect(422, "POST", path, { body: given }));
    assertEquals(await faults({}), ["/rule required"]);
    assertEquals(await faults({ rule: true }), ["/rule invalid_type"]);
    assertEquals(await faults({ rule: { var: "age" } }), ["/rule/var invalid_rule"]);
    assertEquals(await faults({ rule: { eval: 1 } }), ["/rule/eval unknown_operator"]);
    assertEquals(await faults({ rule: adults, limit: 1 }), ["/limit unknown_field"]);
    const nested = { some: [{ var: "user.a" }, { all: [{ var: "" }, true] }] };
    assertEquals(await faults({ rule: nested }), ["/rule/some/1/all invalid_rule"]);
  }));

Deno.test("two previews at a time; a third is told to ask again", () =>
  withServer(async (server) => {
    await people(server, 5);
    const { profiles } = server.placard.engine;
    const scan = profiles.scan.bind(profiles);
    const held = Promise.withResolvers<void>();
    let arrived = 0;
    profiles.scan = async function* (kind, from, to) {
      arrived++;
      await held.promise;
      yield* scan(kind, from, to);
    };
    const first = [preview(server, adults), preview(server, adults)];
    await until("both are under way", () => arrived === 2);
    const third = await preview(server, adults);
    assertProblem(third, 503, "overloaded");
    assertEquals(third.headers.get("retry-after"), "1");
    held.resolve();
    for (const { status } of await Promise.all(first)) assertEquals(status, 200);
    assertEquals((await preview(server, adults)).status, 200);
  }));

Deno.test("the audience of a campaign: before, while and after it is calculated", () =>
  withServer(async (server) => {
    await people(server, 20);
    const audienceId = await ruleAudience(server);
    const draft = await server.draft({ audience: { kind: "audience", audienceId } });
    const path = (id: string) => `/v1/campaigns/${id}/audience`;
    const before = (await server.expect(200, "GET", path(draft), { role: "auditor" })).json;
    assertEquals(before, {
      audience: {
        kind: "audience",
        audienceId,
        excludeAudienceId: null,
        controlPercent: 0,
      },
      preparation: { state: "waiting", scanned: 0, total: 0, matched: 0, attempts: 0 },
      snapshot: null,
    });
    const id = await activated(server, { kind: "audience", audienceId });
    await frozen(server, id);
    const { preparation, snapshot } = (await server.expect(200, "GET", path(id))).json;
    assertEquals([preparation.state, preparation.matched, snapshot.size], ["frozen", 2, 2]);
    assertEquals(snapshot.at, new Date(server.nowMs()).toISOString());

    const all = await activated(server, { kind: "all" });
    const everybody = (await server.expect(200, "GET", path(all))).json;
    assertEquals(everybody.preparation.state, "frozen");
    assertEquals([everybody.snapshot.id, everybody.snapshot.size], ["all", null]);

    assertProblem(await server.request("GET", path("none")), 404, "not_found");
    assertProblem(await server.request("GET", path(id), { role: "sdk" }), 403, "forbidden");
  }));
