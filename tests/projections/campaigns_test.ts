/** The campaigns' rows: what an event makes of one, and that they say what the decider says. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import type { CampaignEvent } from "../../events/campaign_events.ts";
import { campaignStatuses } from "../../events/campaign_events.ts";
import { deliveredSettings, withDefaults } from "../../events/campaign_settings.ts";
import { CampaignsProjection } from "../../projections/campaigns.ts";
import { campaignJson } from "../../src/http/campaign_json.ts";
import { law } from "../support/laws.ts";
import { asJson, positionOf, TestLog } from "../support/recorded.ts";
import { Lives, lives } from "./lives.ts";

const at = "2026-04-01T09:00:00.000Z";
const event = (type: CampaignEvent["type"], data: unknown = {}) =>
  ({ type, schema: 1, data }) as CampaignEvent;
const created = (copiedFrom: string | null = null) =>
  event("campaign_created", { settings: { name: "n", type: "modal_text" }, copiedFrom });
const edited = (set: unknown, contentRevision = 1) =>
  event("campaign_edited", { set, contentRevision });
const posted = event("campaign_posted", { at });
const stopped = event("campaign_stopped", { lateAfter: at });
const ended = event("campaign_ended", { at, cause: "end_command", neverPosted: false });

/** Each event in a commit of its own, recorded at 1 ms, 2 ms, … */
function folded(events: readonly CampaignEvent[], stream = "campaign/c1") {
  const model = new CampaignsProjection();
  const log = new TestLog();
  events.forEach((one, index) =>
    log.commit(stream, [one], index + 1).forEach((r) => model.fold(r))
  );
  return model;
}

Deno.test("campaigns: a row is made by the first event and follows the others", () => {
  const row = folded([
    created("c0"),
    edited({ name: "m", description: "d", priority: 9 }),
    edited({ description: null }),
    event("campaign_activated"),
  ]).get("c1")!;
  assertEquals(row, {
    id: "c1",
    status: "waiting_to_post",
    settings: { name: "m", type: "modal_text", priority: 9 },
    version: 4,
    contentRevision: 1,
    copiedFrom: "c0",
    createdAtMs: 1,
    updatedAtMs: 4,
    settingsChangedAtMs: 3,
    revisions: [],
    snapshotId: null,
    tests: [],
    deliveryChangedPosition: "",
  });
});

Deno.test("campaigns: a deleted one is not there, its row still is", () => {
  const model = folded([created(), event("campaign_deleted")]);
  assertEquals(model.get("c1"), undefined);
  assertEquals(model.rows.get("c1")?.status, "deleted");
  assertEquals(campaignStatuses.map((status) => model.count(status)), Array(7).fill(0));
  assertEquals(model.get("__proto__"), undefined);
});

Deno.test("campaigns: a stream that begins with something else is damaged", () => {
  assertThrows(() => folded([posted]), Error, "campaign/c1 begins with campaign_posted");
});

Deno.test("campaigns: other streams are none of its business", () => {
  for (const stream of ["workspace", "interactions/w1", "campaigns/c1"]) {
    assertEquals([...folded([created()], stream).rowKeys()], []);
  }
});

Deno.test("campaigns: delivery changes while a campaign is live, and when it comes and goes", () => {
  const events: [CampaignEvent, changes: boolean, live: boolean][] = [
    [created(), false, false],
    [edited({ name: "m" }), false, false],
    [event("campaign_activated"), false, false],
    [event("campaign_preparing", { at }), false, false],
    [posted, true, true],
    [edited({ name: "n" }), true, true],
    [event("modifications_reflected", { at }), true, true],
    [stopped, true, false],
    // A session that begins now is to have what is shown after a restart.
    [edited({ priority: 1 }, 2), true, false],
    [event("campaign_restarted"), true, false],
    [event("campaign_preparing", { at }), true, false],
    [posted, true, true],
    [ended, true, false],
  ];
  let position = "";
  let changes = 0;
  events.forEach(([, changed, live], index) => {
    const model = folded(events.slice(0, index + 1).map(([one]) => one));
    if (changed) {
      position = positionOf(index + 1);
      changes++;
    }
    assertEquals(model.rows.get("c1")!.deliveryChangedPosition, position, `event ${index}`);
    assertEquals({ ...model.deliveryChanges }, { count: changes, position });
    assertEquals([...model.live.keys()], live ? ["c1"] : []);
  });
});

Deno.test("campaigns: the answer to a command equals the next GET, whatever was done before", () => {
  const met = new Set<string>();
  law(lives, (moves) => {
    const model = new CampaignsProjection();
    const all = new Lives();
    for (const move of moves) {
      const { id, recorded, state, version } = all.take(move);
      recorded.forEach((one) => model.fold(one));
      met.add(state.status).add(`${move.command.type} ${recorded.length > 0}`);
      const row = model.get(id);
      if (state.status === "deleted") {
        assertEquals(row, undefined);
        continue;
      }
      assertEquals(
        asJson(campaignJson(row!.id, row!.version, row!, () => false)),
        asJson(campaignJson(id, version, state, () => false)),
      );
    }
    const rows = [...model.rows.values()];
    for (const status of campaignStatuses) {
      assertEquals(model.count(status), rows.filter((row) => row.status === status).length);
    }
    assertEquals(
      [...model.live.keys()].sort(),
      rows.filter(({ status }) => status.startsWith("posting")).map(({ id }) => id).sort(),
    );
  }, 400);
  for (const status of campaignStatuses) assert(met.has(status), `never ${status}`);
  for (const type of ["edit", "activate", "stop", "restart", "end", "delete", "copy"]) {
    assert(met.has(`${type} true`), `${type} never succeeded`);
  }
});

Deno.test("campaigns: revisions grow, and the last is what is delivered", () => {
  let most = 0;
  law(lives, (moves) => {
    const model = new CampaignsProjection();
    const all = new Lives();
    for (const move of moves) {
      const { id, recorded, state } = all.take(move);
      recorded.forEach((one) => model.fold(one));
      const { revisions } = model.rows.get(id)!;
      const numbers = revisions.map(({ revision }) => revision);
      assertEquals(numbers, numbers.map((_, index) => index + 1));
      if (state.firstPostedAtMs === null) assertEquals(revisions, []);
      if (state.status === "ended" || state.firstPostedAtMs === null) continue;
      most = Math.max(most, numbers.length);
      assertEquals(numbers.at(-1), state.contentRevision);
      assertEquals(
        asJson(revisions.at(-1)!.delivered),
        asJson(deliveredSettings(withDefaults(state.settings))),
      );
      const positions = revisions.map(({ position }) => position);
      assertEquals(positions, positions.toSorted());
    }
  }, 200);
  assert(most > 3, `at most ${most} revisions`);
});

Deno.test("campaigns: rows that are stored and loaded are the same, and go on the same", () => {
  law(lives, (moves) => {
    const all = new Lives();
    const recorded = moves.flatMap((move) => all.take(move).recorded);
    const whole = new CampaignsProjection();
    recorded.forEach((one) => whole.fold(one));
    const half = Math.floor(recorded.length / 2);
    const first = new CampaignsProjection();
    recorded.slice(0, half).forEach((one) => first.fold(one));
    const loaded = new CampaignsProjection();
    for (const key of first.rowKeys()) {
      loaded.loadRow(key, first.encodeRow(key), recorded[half - 1]!.position);
    }
    // Some of what the rows have already comes again after a crash.
    recorded.slice(Math.max(0, half - 5)).forEach((one) => loaded.fold(one));
    assertEquals(asJson([...loaded.rows].sort()), asJson([...whole.rows].sort()));
    assertEquals([...loaded.live.keys()].sort(), [...whole.live.keys()].sort());
    assertEquals(loaded.deliveryChanges.position, whole.deliveryChanges.position);
  });
});
