/** KPI events over HTTP: what counts after which click, and that it outlives the server. */
import { assert, assertEquals } from "@std/assert";
import { fsck } from "../../src/audit/mod.ts";
import { mountedModels } from "../../src/placard.ts";
import {
  dayMs,
  hourMs,
  minuteMs,
  openTestServer,
  type TestServer,
  withServer,
} from "../support/server.ts";

let ids = 0;

/** Reports what a device did that long ago; `what` is "click CAMPAIGN" or the name of an event. */
async function report({ expect, nowMs }: TestServer, device: string, what: string, agoMs = 0) {
  const [kind, campaignId] = what.split(" ");
  const interaction = {
    id: `v${++ids}`,
    platform: "web",
    deviceId: device,
    occurredAt: new Date(nowMs() - agoMs).toISOString(),
    ...(kind === "click"
      ? { kind: "click", campaignId, elementId: "buy" }
      : { kind: "event", name: what }),
  };
  const body = { interactions: [interaction] };
  const { json } = await expect(202, "POST", "/v1/interactions", { body, role: "sdk" });
  assertEquals(json.rejected, []);
}

interface Told {
  readonly name: string;
  readonly totalClickBasis: number;
  readonly uniqueClickBasis: number;
}

async function ask({ expect }: TestServer, path: string) {
  const { json } = await expect(200, "GET", path, { role: "auditor" });
  return { ...json, told: tell(json.kpiEvents) };
}

function tell(kpiEvents: readonly Told[] | undefined) {
  return kpiEvents?.map(({ name, totalClickBasis, uniqueClickBasis }) =>
    `${name} ${totalClickBasis} ${uniqueClickBasis}`
  );
}

const buy = { kpiEvents: [{ name: "purchase", window: "PT1H" }, { name: "Cart" }] };

Deno.test("an event within the window after a click is told on both bases", () =>
  withServer(async (server) => {
    const id = await server.campaignIn("posting", buy);
    const path = `/v1/campaigns/${id}/kpi`;
    assertEquals((await ask(server, path)).told, ["Cart 0 0", "purchase 0 0"]);
    await report(server, "d1", `click ${id}`);
    await report(server, "d2", "purchase");
    server.advance(59 * minuteMs);
    await report(server, "d1", "purchase");
    await report(server, "d1", "purchase");
    await report(server, "d1", "other");
    server.advance(2 * minuteMs);
    await report(server, "d1", "purchase");
    await report(server, "d1", "Cart");
    // The click of this device arrives last.
    await report(server, "d2", `click ${id}`, 61 * minuteMs);
    const { told, series, breakdown } = await ask(server, `${path}?granularity=hour&by=element`);
    assertEquals(told, ["Cart 1 1", "purchase 3 2"]);
    assertEquals(series.map((entry: { kpiEvents: Told[] }) => tell(entry.kpiEvents)), [
      ["Cart 0 0", "purchase 3 2"],
      ["Cart 1 1", "purchase 0 0"],
    ]);
    assert(breakdown.every((entry: object) => !("kpiEvents" in entry)));
    const period = "from=2026-04-01T09:45:00Z&to=2026-04-01T10:00:00Z";
    assertEquals((await ask(server, `${path}?${period}`)).told, ["Cart 0 0", "purchase 2 1"]);
  }));

Deno.test("campaigns that count no events tell of none; a set tells of all", () =>
  withServer(async (server) => {
    const plain = await server.campaignIn("posting");
    assertEquals((await ask(server, `/v1/campaigns/${plain}/kpi`)).told, undefined);
    assertEquals((await ask(server, "/v1/kpi")).told, undefined);
    const counting = await server.campaignIn("posting", buy);
    const other = await server.campaignIn("posting", { kpiEvents: [{ name: "purchase" }] });
    for (const id of [plain, counting, other]) await report(server, "d1", `click ${id}`);
    await report(server, "d2", `click ${other}`);
    for (const device of ["d1", "d2"]) await report(server, device, "purchase");
    assertEquals((await ask(server, "/v1/kpi")).told, ["Cart 0 0", "purchase 3 2"]);
    assertEquals(
      (await ask(server, `/v1/kpi?campaign=${other}&campaign=${plain}`)).told,
      ["purchase 2 2"],
    );
  }));

Deno.test("a changed window applies from then on, and a name that was taken out stays told", () =>
  withServer(async (server) => {
    const id = await server.campaignIn("posting", buy);
    const path = `/v1/campaigns/${id}`;
    await report(server, "d1", `click ${id}`);
    server.advance(30 * minuteMs);
    await report(server, "d1", "purchase");
    const set = (kpiEvents: unknown) => server.expect(200, "PATCH", path, { body: { kpiEvents } });
    await set([{ name: "purchase", window: "P7D" }]);
    server.advance(3 * hourMs);
    await report(server, "d1", "purchase");
    await report(server, "d1", "purchase", 2 * hourMs);
    await report(server, "d1", "Cart");
    assertEquals((await ask(server, `${path}/kpi`)).told, ["Cart 0 0", "purchase 3 1"]);
    server.advance(minuteMs);
    await set(null);
    server.advance(minuteMs);
    await report(server, "d1", "purchase");
    await report(server, "d1", "purchase", hourMs);
    assertEquals((await ask(server, `${path}/kpi`)).told, ["Cart 0 0", "purchase 4 1"]);
  }));

Deno.test("conversions outlive the server, are closed after a week, and fsck finds nothing", async () => {
  const kv = await Deno.openKv(":memory:");
  let server = await openTestServer({ kv });
  const id = await server.campaignIn("posting", buy);
  const path = `/v1/campaigns/${id}/kpi`;
  await report(server, "d1", `click ${id}`);
  await report(server, "d1", "purchase");
  const at = (ms: number) => new Date(server.nowMs() + ms).toISOString();
  for (const clock of [at(minuteMs), at(3 * dayMs), at(12 * dayMs), at(50 * dayMs)]) {
    await server.close();
    server = await openTestServer({ kv, clock });
    const { told } = await ask(server, path);
    assertEquals(told, ["Cart 0 0", "purchase 1 1"], clock);
    // So that the log moves on.
    await report(server, "d9", "purchase");
  }
  await server.close();
  const creates = Object.values(mountedModels(kv)).map(({ create }) => create);
  const { faults } = await fsck(kv, creates);
  assertEquals(faults, []);
  kv.close();
});
