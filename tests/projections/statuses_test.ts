/** A campaign's timeline: one entry for each new status, dated as the guide says. */
import { assert, assertEquals } from "@std/assert";
import type { CampaignEvent } from "../../events/campaign_events.ts";
import { CampaignsProjection } from "../../projections/campaigns.ts";
import { StatusesProjection, type TimelineEntry } from "../../projections/statuses.ts";
import { law } from "../support/laws.ts";
import { asJson, positionOf, TestLog } from "../support/recorded.ts";
import { Lives, lives, startedMs } from "./lives.ts";

const boundary = "2026-04-01T09:00:00.000Z";
const at = { at: boundary };
const event = (type: CampaignEvent["type"], data: unknown = {}) =>
  ({ type, schema: 1, data }) as CampaignEvent;
const created = (copiedFrom: string | null) =>
  event("campaign_created", { settings: { name: "n", type: "modal_text" }, copiedFrom });
const frozen = event("audience_frozen", { ...at, snapshotId: "all", size: null, digest: null });
const edited = event("campaign_edited", { set: { name: "m" }, contentRevision: 1 });
const ended = (cause: string, neverPosted: boolean) =>
  event("campaign_ended", { ...at, cause, neverPosted });

/** What each event adds: "status cause", and whether it is dated at its boundary. */
type Step = [event: CampaignEvent, entry: string | null, ofBoundary?: boolean];

const toPosting: Step[] = [
  [created(null), "writing create"],
  [edited, null],
  [event("campaign_activated"), "waiting_to_post activate"],
  [edited, null],
  [event("campaign_preparing", at), "preparing_to_publish prepare_time_reached", true],
  [frozen, null],
  [edited, null],
  [event("campaign_posted", at), "posting start_reached", true],
];
const stop: Step = [event("campaign_stopped", { lateAfter: boundary }), "stopped stop"];
const table: [what: string, steps: Step[]][] = [
  ["a copy", [[created("c0"), "writing copy"]]],
  ["a deleted draft", [[created(null), "writing create"], [
    event("campaign_deleted"),
    "deleted delete",
  ]]],
  ["edits while posting", [
    ...toPosting,
    [edited, "posting_reflecting_modifications edit"],
    [edited, null],
    [event("modifications_reflected", at), "posting modifications_reflected", true],
    [edited, "posting_reflecting_modifications edit"],
    [ended("end_reached", false), "ended end_reached", true],
  ]],
  ["a restart", [
    ...toPosting,
    stop,
    [edited, null],
    [event("campaign_restarted"), "waiting_to_post restart"],
    [event("campaign_preparing", at), "preparing_to_publish prepare_time_reached", true],
    [event("campaign_posted", at), "posting start_reached", true],
    [ended("end_command", false), "ended end_command", true],
  ]],
  ["never posted", [
    ...toPosting.slice(0, 3),
    stop,
    [ended("end_reached", true), "ended never_posted", true],
  ]],
];

Deno.test("statuses: each event's entry, its cause and its date", () => {
  for (const [what, steps] of table) {
    const model = new StatusesProjection();
    const log = new TestLog();
    const expected: TimelineEntry[] = [];
    steps.forEach(([event, entry, ofBoundary], index) => {
      const timeMs = startedMs + index;
      for (const recorded of log.commit("campaign/c1", [event], timeMs)) model.fold(recorded);
      if (entry !== null) {
        const [status, cause] = entry.split(" ");
        expected.push({
          status: status as TimelineEntry["status"],
          atMs: ofBoundary ? Date.parse(boundary) : timeMs,
          cause: cause!,
          position: positionOf(index + 1),
        });
      }
      assertEquals(model.rows.get("c1")!.timeline, expected, `${what}, event ${index}`);
    });
  }
});

Deno.test("statuses: a row that no event changed is not written again", () => {
  const model = new StatusesProjection();
  const log = new TestLog();
  for (const recorded of log.commit("campaign/c1", [created(null)], 1)) model.fold(recorded);
  assertEquals(model.takeDirty(), ["c1"]);
  for (const recorded of log.commit("campaign/c1", [edited], 2)) model.fold(recorded);
  assertEquals(model.takeDirty(), []);
});

Deno.test("statuses: the last entry is the campaign's status, in every life", () => {
  law(lives, (moves) => {
    const statuses = new StatusesProjection();
    const campaigns = new CampaignsProjection();
    const all = new Lives();
    for (const move of moves) {
      const { id, recorded, state, timeMs } = all.take(move);
      for (const one of recorded) {
        statuses.fold(one);
        campaigns.fold(one);
      }
      const { timeline } = statuses.rows.get(id)!;
      const row = campaigns.rows.get(id)!;
      assertEquals(timeline.at(-1)!.status, row.status);
      assertEquals(row.status, state.status);
      assertEquals(timeline[0]!.status, "writing");
      timeline.forEach((entry, index) => {
        const before = timeline[index - 1];
        assert(before?.status !== entry.status, "the same status twice");
        assert((before?.atMs ?? startedMs) <= entry.atMs, "dates decrease");
        assert(before === undefined || before.position < entry.position);
        assert(entry.atMs <= timeMs, "ahead of the clock");
      });
    }
    for (const key of statuses.rowKeys()) {
      const loaded = new StatusesProjection();
      loaded.loadRow(key, statuses.encodeRow(key), "");
      assertEquals(loaded.rows.get(key), asJson(statuses.rows.get(key)));
    }
  }, 200);
});
