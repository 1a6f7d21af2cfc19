/** The content revisions that clients may hold: which are kept, and from when each was current. */
import { assertEquals } from "@std/assert";
import type { CampaignEvent } from "../../events/campaign_events.ts";
import type { CampaignSettings } from "../../events/campaign_settings.ts";
import { CampaignsProjection } from "../../projections/campaigns.ts";
import { type ContentRevision, nextRevisions } from "../../projections/content_revisions.ts";
import { positionOf, TestLog } from "../support/recorded.ts";

const settings = (title: string): CampaignSettings => ({
  name: "n",
  type: "modal_text",
  content: { title },
});

interface Step {
  readonly status: string;
  readonly revision: number;
}

/** Numbers and positions after steps, each at a position of its own. */
function kept(steps: readonly Step[]): [number, string][] {
  let revisions: readonly ContentRevision[] = [];
  steps.forEach(({ status, revision }, index) => {
    const campaign = { status, contentRevision: revision, settings: settings(`t${revision}`) };
    revisions = nextRevisions(revisions, campaign, positionOf(index + 1));
  });
  return revisions.map(({ revision, position, delivered }) => {
    const isOver = steps.at(-1)!.status === "ended";
    assertEquals(delivered.content.title, isOver ? undefined : `t${revision}`);
    return [revision, position];
  });
}

const reflecting = "posting_reflecting_modifications";

const table: [
  what: string,
  steps: [status: string, revision: number][],
  then: [number, number][],
][] = [
  ["a draft", [["writing", 1]], []],
  ["before the start", [["writing", 1], ["waiting_to_post", 1], ["preparing_to_publish", 1]], []],
  ["the first posting", [["preparing_to_publish", 1], ["posting", 1]], [[1, 2]]],
  ["an edit of the name", [["posting", 1], [reflecting, 1], ["posting", 1]], [[1, 1]]],
  ["an edit of the content", [["posting", 1], [reflecting, 2], ["posting", 2]], [[1, 1], [2, 2]]],
  ["edits while stopped", [["posting", 1], ["stopped", 1], ["stopped", 2], ["stopped", 3]], [
    [1, 1],
    [2, 3],
    [3, 4],
  ]],
  ["a restart", [
    ["posting", 1],
    ["stopped", 1],
    ["waiting_to_post", 1],
    ["preparing_to_publish", 1],
    ["posting", 1],
  ], [[1, 1]]],
  ["an edit while it waits again", [["posting", 1], ["stopped", 1], ["waiting_to_post", 2]], [
    [1, 1],
    [2, 3],
  ]],
  ["the end", [["posting", 1], [reflecting, 2], ["ended", 2]], [[1, 1], [2, 2]]],
  ["an end without a posting", [["waiting_to_post", 1], ["ended", 1]], []],
  ["an end while stopped", [["posting", 1], ["stopped", 1], ["ended", 1]], [[1, 1]]],
];

Deno.test("content revisions: which are kept, and from which position each was current", () => {
  for (const [what, steps, then] of table) {
    assertEquals(
      kept(steps.map(([status, revision]) => ({ status, revision }))),
      then.map(([revision, step]) => [revision, positionOf(step)]),
      what,
    );
  }
});

Deno.test("content revisions: the last 100 are kept", () => {
  for (const edits of [98, 99, 100, 101, 250]) {
    const steps = Array.from({ length: edits + 1 }, (_, nth) => ({
      status: nth === 0 ? "posting" : reflecting,
      revision: nth + 1,
    }));
    const revisions = kept(steps);
    assertEquals(revisions.length, Math.min(edits + 1, 100), `${edits} edits`);
    assertEquals(revisions.at(-1), [edits + 1, positionOf(edits + 1)]);
    assertEquals(revisions[0]![0], Math.max(1, edits + 1 - 99));
  }
});

Deno.test("content revisions: what nothing changes stays the same array", () => {
  const campaign = { status: "posting", contentRevision: 1, settings: settings("t") };
  const first = nextRevisions([], campaign, positionOf(1));
  assertEquals(nextRevisions(first, campaign, positionOf(2)) === first, true);
  const none: ContentRevision[] = [];
  for (const status of ["writing", "ended"]) {
    assertEquals(nextRevisions(none, { ...campaign, status }, positionOf(3)) === none, true);
  }
});

Deno.test("content revisions: in the rows, over a stop, a restart and the end", () => {
  const at = "2026-04-01T09:00:00.000Z";
  const event = (type: CampaignEvent["type"], data: unknown = {}) =>
    ({ type, schema: 1, data }) as CampaignEvent;
  const edited = (title: string, contentRevision: number) =>
    event("campaign_edited", { set: { content: { title } }, contentRevision });
  const goesLive = [event("campaign_preparing", { at }), event("campaign_posted", { at })];
  const steps: [event: CampaignEvent, titles: string][] = [
    [event("campaign_created", { settings: settings("a"), copiedFrom: null }), ""],
    [edited("b", 1), ""],
    [event("campaign_activated"), ""],
    [edited("c", 1), ""],
    [goesLive[0]!, ""],
    [edited("d", 1), ""],
    [goesLive[1]!, "d"],
    [edited("e", 2), "d e"],
    [event("campaign_stopped", { lateAfter: at }), "d e"],
    [edited("f", 3), "d e f"],
    [event("campaign_restarted"), "d e f"],
    [edited("e", 4), "d e f e"],
    [goesLive[0]!, "d e f e"],
    [goesLive[1]!, "d e f e"],
    [event("campaign_ended", { at, cause: "end_command", neverPosted: false }), "   "],
  ];
  const model = new CampaignsProjection();
  const log = new TestLog();
  steps.forEach(([event, titles], index) => {
    for (const recorded of log.commit("campaign/c1", [event], index)) model.fold(recorded);
    const { revisions } = model.rows.get("c1")!;
    assertEquals(revisions.map(({ delivered }) => delivered.content.title).join(" "), titles);
  });
});

Deno.test("content revisions: after the end there is what interactions need, and no more", () => {
  const button = { elementId: "later", label: "Later", action: { type: "hide", for: "7d" } };
  const campaign = {
    status: "posting",
    contentRevision: 1,
    settings: {
      ...settings("t"),
      content: { title: "t", body: "b", buttons: [button] },
      variants: [{ key: "b", weight: 40, content: { title: "v", buttons: [button] } }],
    } as CampaignSettings,
  };
  const live = nextRevisions([], campaign, positionOf(1));
  const over = nextRevisions(live, { ...campaign, status: "ended" }, positionOf(2));
  const { content, variants, ...rest } = over[0]!.delivered;
  const { content: _, variants: __, ...before } = live[0]!.delivered;
  assertEquals(rest, before);
  assertEquals(
    content,
    {
      orientations: ["portrait"],
      closeButton: { visible: true },
      buttons: [button],
    } as unknown as typeof content,
  );
  assertEquals(
    variants,
    [{ key: "b", weight: 40, content: { buttons: [button] } }] as typeof variants,
  );
});
