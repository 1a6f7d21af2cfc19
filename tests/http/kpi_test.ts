/** The nine metrics over HTTP: whole, by period, by hour and day, by element, platform and revision. */
import { assertEquals } from "@std/assert";
import { assertProblem, faultsOf, hourMs, type TestServer, withServer } from "../support/server.ts";

interface Seen {
  readonly kind?: string;
  readonly device?: string;
  readonly user?: string;
  readonly element?: string;
  readonly platform?: string;
  readonly revision?: number;
}

let ids = 0;

/** Reports what happened now. */
async function report({ expect, nowMs }: TestServer, campaignId: string, seen: readonly Seen[]) {
  const interactions = seen.map(({ kind, device, user, element, platform, revision }) => ({
    id: `k${++ids}`,
    kind: kind ?? "impression",
    campaignId,
    platform: platform ?? "web",
    deviceId: device ?? "d1",
    occurredAt: new Date(nowMs()).toISOString(),
    ...(user ? { userId: user } : {}),
    ...(element ? { elementId: element } : {}),
    ...(revision ? { revision } : {}),
  }));
  const { json } = await expect(202, "POST", "/v1/interactions", { body: { interactions } });
  assertEquals(json.rejected, []);
}

const click: Seen = { kind: "click", element: "buy" };
const kpi = async ({ expect }: TestServer, path: string) => (await expect(200, "GET", path)).json;

Deno.test("nothing seen: zeros, and ratios that are null", () =>
  withServer(async (server) => {
    const id = await server.campaignIn("posting");
    const zeros = {
      totalImpressions: 0,
      uniqueImpressions: 0,
      userImpressions: 0,
      totalClicks: 0,
      uniqueClicks: 0,
      userClicks: 0,
      totalCtr: null,
      uniqueCtr: null,
      userCtr: null,
      late: 0,
    };
    assertEquals(await kpi(server, `/v1/campaigns/${id}/kpi`), zeros);
    assertEquals(await kpi(server, "/v1/kpi"), zeros);
    assertProblem(await server.request("GET", "/v1/kpi?campaign=none"), 404, "not_found");
    assertProblem(await server.request("GET", "/v1/campaigns/none/kpi"), 404, "not_found");
  }));

Deno.test("the nine metrics, not rounded", () =>
  withServer(async (server) => {
    const id = await server.campaignIn("posting");
    await report(server, id, [{ user: "u1" }, { user: "u1" }, { device: "d2", user: "u1" }]);
    await report(server, id, [{ device: "d3" }, { device: "d3", user: "u2" }, { device: "d3" }]);
    await report(server, id, [click, { ...click, user: "u1" }, { ...click, device: "d3" }]);
    await report(server, id, [{ ...click, device: "d9" }, { kind: "hide", device: "d7" }]);
    const { late: _, ...metrics } = await kpi(server, `/v1/campaigns/${id}/kpi`);
    assertEquals(metrics, {
      totalImpressions: 6,
      uniqueImpressions: 3,
      userImpressions: 2,
      totalClicks: 4,
      uniqueClicks: 3,
      userClicks: 1,
      totalCtr: 4 / 6 * 100,
      uniqueCtr: 100,
      userCtr: 50,
    });
  }));

Deno.test("a set of campaigns is distinct over the whole set", () =>
  withServer(async (server) => {
    const [a, b, c] = [0, 1, 2].map(() => server.campaignIn("posting"));
    const ids = await Promise.all([a!, b!, c!]);
    for (const id of ids) await report(server, id, [{ user: "u1" }, { device: `only ${id}` }]);
    const both = await kpi(
      server,
      `/v1/kpi?campaign=${ids[0]}&campaign=${ids[1]}&campaign=${ids[0]}`,
    );
    assertEquals(
      [both.totalImpressions, both.uniqueImpressions, both.userImpressions],
      [4, 3, 1],
    );
    const all = await kpi(server, "/v1/kpi");
    assertEquals([all.totalImpressions, all.uniqueImpressions, all.userImpressions], [6, 4, 1]);
  }));

Deno.test("from is inside, to is outside; hours add up and distinct does not", () =>
  withServer(async (server) => {
    const id = await server.campaignIn("posting");
    const path = `/v1/campaigns/${id}/kpi`;
    await report(server, id, [{}, { device: "d2" }]);
    server.advance(hourMs);
    await report(server, id, [{}]);
    const total = async (query: string) => (await kpi(server, `${path}?${query}`)).totalImpressions;
    assertEquals(await total("from=2026-04-01T10:00:00Z"), 1);
    assertEquals(await total("to=2026-04-01T10:00:00Z"), 2);
    assertEquals(await total("from=2026-04-01T09:00:00.000Z&to=2026-04-01T09:15:00Z"), 2);
    assertEquals(await total("from=2026-04-01T09:15:00Z&to=2026-04-01T10:00:00Z"), 0);
    assertEquals(await total("from=2026-04-01T19%3A00%3A00%2B09%3A00"), 1);
    const query = "from=2026-04-01T09:00:00Z&to=2026-04-01T12:00:00Z&granularity=hour";
    const { series, uniqueImpressions } = await kpi(server, `${path}?${query}`);
    assertEquals(uniqueImpressions, 2);
    const told = series.map((one: { from: string; uniqueImpressions: number }) =>
      `${one.from.slice(11, 16)} ${one.uniqueImpressions}`
    );
    assertEquals(told, ["09:00 2", "10:00 1", "11:00 0"]);
  }));

Deno.test("days are those of the workspace's time zone", () =>
  withServer(async (server) => {
    const id = await server.campaignIn("posting");
    await report(server, id, [{}]);
    server.advance(7 * hourMs);
    await report(server, id, [{}, {}]);
    const query = "granularity=day&from=2026-03-31T15:00:00Z&to=2026-04-02T15:00:00Z";
    const { series } = await kpi(server, `/v1/campaigns/${id}/kpi?${query}`);
    const told = series.map((one: { from: string; to: string; totalImpressions: number }) => [
      one.from,
      one.to,
      one.totalImpressions,
    ]);
    assertEquals(told, [
      ["2026-03-31T15:00:00.000Z", "2026-04-01T15:00:00.000Z", 1],
      ["2026-04-01T15:00:00.000Z", "2026-04-02T15:00:00.000Z", 2],
    ]);
  }, { timeZone: "Asia/Seoul" }));

Deno.test("breakdowns by element, platform and revision, hostile names too", () =>
  withServer(async (server) => {
    await server.expect(200, "PATCH", "/v1/workspace", { body: { platforms: ["web", "ios"] } });
    const id = await server.campaignIn("posting", { platforms: ["web", "ios"] });
    await report(server, id, [{}, { platform: "ios", revision: 2 }, { revision: 1 }]);
    const elements = ["buy", "__proto__", "constructor", "toString", "버튼", "a b"];
    for (const element of elements) await report(server, id, [{ ...click, element }]);
    await report(server, id, [{ ...click, device: "d2" }]);
    const by = async (what: string, metric: string) => {
      const { breakdown } = await kpi(server, `/v1/campaigns/${id}/kpi?by=${what}`);
      return Object.fromEntries(
        breakdown.map((one: Record<string, unknown>) => [`key ${one.key}`, one[metric]]),
      );
    };
    const clicks = await by("element", "totalClicks");
    for (const element of elements) {
      assertEquals(clicks[`key ${element}`], element === "buy" ? 2 : 1, element);
    }
    const platforms = await by("platform", "totalImpressions");
    assertEquals([platforms["key web"], platforms["key ios"]], [2, 1]);
    const revisions = await by("revision", "totalImpressions");
    assertEquals([revisions["key 1"], revisions["key 2"]], [1, 1]);
    await by("variant", "totalImpressions");
  }));

Deno.test("a period that is not aligned, or wrong, is 422", () =>
  withServer(async ({ campaignIn, request }) => {
    const id = await campaignIn("posting");
    for (const path of [`/v1/campaigns/${id}/kpi`, "/v1/kpi"]) {
      for (const name of ["from", "to"]) {
        for (const time of ["09:07:00Z", "09:00:01Z", "09:00:00.001Z", "09:00:00%2B00:10"]) {
          const answer = await request("GET", `${path}?${name}=2026-04-01T${time}`);
          assertProblem(answer, 422, "period_not_aligned");
        }
        for (const bad of ["", "2026-04-01", "now", "1e400", "2026-02-30T00:00:00Z"]) {
          const answer = await request("GET", `${path}?${name}=${bad}`);
          assertProblem(answer, 422, "invalid");
          assertEquals(faultsOf(answer), [`/${name} invalid_format`]);
        }
      }
      const backwards = "from=2026-04-02T00:00:00Z&to=2026-04-01T00:00:00Z";
      for (const query of [backwards, "granularity=week", "by=colour", "colour=red"]) {
        assertProblem(await request("GET", `${path}?${query}`), 422, "invalid");
      }
      const wide = "from=1970-01-01T00:00:00Z&to=9999-12-31T00:00:00Z&granularity=hour";
      const answer = await request("GET", `${path}?${wide}`);
      assertEquals([200, 422].includes(answer.status), true);
    }
  }));
