/** A campaign's history: what each event changed, from what and to what. */
import { assertEquals } from "@std/assert";
import type { CampaignEvent } from "../../events/campaign_events.ts";
import { withDefaults } from "../../events/campaign_settings.ts";
import { type FieldChange, historyChanges } from "../../projections/history.ts";
import { law } from "../support/laws.ts";
import { asJson } from "../support/recorded.ts";
import { Lives, lives } from "./lives.ts";

const at = "2026-04-01T09:00:00.000Z";
const event = (type: CampaignEvent["type"], data: unknown = {}) =>
  ({ type, schema: 1, data }) as CampaignEvent;
const created = event("campaign_created", {
  settings: { name: "n", type: "modal_text", content: { title: "t" } },
  copiedFrom: null,
});
const edited = (set: unknown, contentRevision = 1) =>
  event("campaign_edited", { set, contentRevision });
const status = (from: string | null, to: string): FieldChange => ({ path: "/status", from, to });

/** What the last of the events changed. */
function lastChanges(...events: CampaignEvent[]): FieldChange[] {
  return historyChanges([created, ...events]).at(-1)!;
}

Deno.test("history: the first event gives every setting that there is, defaults too", () => {
  const changes = lastChanges();
  const value = (path: string) => changes.find((change) => change.path === path);
  assertEquals(changes[0], status(null, "writing"));
  assertEquals(value("/name"), { path: "/name", from: null, to: "n" });
  assertEquals(value("/priority"), { path: "/priority", from: null, to: 50 });
  assertEquals(value("/content")?.to, {
    title: "t",
    orientations: ["portrait"],
    buttons: [],
    closeButton: { visible: true },
  });
  assertEquals(changes.every(({ from }) => from === null), true);
});

const activated = event("campaign_activated");
const preparing = event("campaign_preparing", { at });
const posted = event("campaign_posted", { at });
const live = [activated, preparing, posted];

const table: [what: string, given: CampaignEvent[], then: FieldChange[]][] = [
  ["a setting", [edited({ name: "m" })], [{ path: "/name", from: "n", to: "m" }]],
  ["to a value", [edited({ priority: 70 })], [{ path: "/priority", from: 50, to: 70 }]],
  ["back to its default", [edited({ priority: 70 }), edited({ priority: null })], [
    { path: "/priority", from: 70, to: 50 },
  ]],
  ["to its default", [edited({ priority: 50 })], []],
  ["a member", [edited({ content: { title: "u" } })], [
    { path: "/content/title", from: "t", to: "u" },
  ]],
  ["a member that comes, one that goes", [edited({ content: { body: "b" } })], [
    { path: "/content/title", from: "t", to: null },
    { path: "/content/body", from: null, to: "b" },
  ]],
  ["all of it", [edited({ content: null })], [{ path: "/content/title", from: "t", to: null }]],
  ["a list as a whole", [edited({ labels: ["a"] }), edited({ labels: ["a", "b"] })], [
    { path: "/labels", from: ["a"], to: ["a", "b"] },
  ]],
  ["a name with / and ~", [
    edited({ trigger: { kind: "event", event: "e", "a/b~c": 1 } }),
    edited({ trigger: { kind: "event", event: "e", "a/b~c": 2 } }),
  ], [{ path: "/trigger/a~1b~0c", from: 1, to: 2 }]],
  ["a status", [activated], [status("writing", "waiting_to_post")]],
  ["an edit while posting", [...live, edited({ name: "m" })], [
    status("posting", "posting_reflecting_modifications"),
    { path: "/name", from: "n", to: "m" },
  ]],
  ["another one of what is delivered", [
    ...live,
    edited({ name: "m" }),
    edited({ priority: 1 }, 2),
  ], [
    { path: "/contentRevision", from: 1, to: 2 },
    { path: "/priority", from: 50, to: 1 },
  ]],
  ["it is reflected", [
    ...live,
    edited({ name: "m" }),
    event("modifications_reflected", { at }),
  ], [status("posting_reflecting_modifications", "posting")]],
  ["a frozen audience", [
    activated,
    preparing,
    event("audience_frozen", { at, snapshotId: "all", size: null, digest: null }),
  ], []],
  ["a deleted draft", [event("campaign_deleted")], [status("writing", "deleted")]],
];

Deno.test("history: what an event changes, from what and to what", () => {
  for (const [what, given, then] of table) assertEquals(lastChanges(...given), then, what);
});

Deno.test("history: nothing has no history", () => assertEquals(historyChanges([]), []));

Deno.test("history: the changes, made one after another, make the campaign", () => {
  law(lives, (moves) => {
    const all = new Lives();
    const events = new Map<string, CampaignEvent[]>();
    for (const move of moves) {
      const { id, recorded } = all.take(move);
      const some = recorded.map(({ event }) => event as CampaignEvent);
      events.set(id, [...events.get(id) ?? [], ...some]);
    }
    for (const [id, some] of events) {
      const made: Record<string, unknown> = { contentRevision: 1 };
      for (const change of historyChanges(some).flat()) make(made, change);
      const { settings, status, contentRevision } = all.state(id);
      const expected = { ...withDefaults(settings), status, contentRevision };
      assertEquals(made, withoutNulls(asJson(expected)), id);
    }
  }, 200);
});

/** Makes one change; what is there must be what the change begins with. */
function make(made: Record<string, unknown>, { path, from, to }: FieldChange): void {
  const steps = path.slice(1).split("/")
    .map((step) => step.replaceAll("~1", "/").replaceAll("~0", "~"));
  const last = steps.pop()!;
  let parent = made;
  for (const step of steps) parent = parent[step] as Record<string, unknown>;
  assertEquals(parent[last] ?? null, withoutNulls(asJson(from)), path);
  if (to === null) delete parent[last];
  else parent[last] = withoutNulls(asJson(to));
}

/** `null` stands for none, so both are the same here. */
function withoutNulls(value: unknown): unknown {
  if (value === null || typeof value !== "object" || Array.isArray(value)) return value;
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, inner]) => inner !== null)
      .map(([key, inner]) => [key, withoutNulls(inner)]),
  );
}
