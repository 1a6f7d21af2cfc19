/** Which interactions are accepted: every code at its exact edge, and which comes first. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { law } from "../support/laws.ts";
import {
  afterEndMsMax,
  ageMsMax,
  aheadMsMax,
  type CampaignTimes,
  type Interaction,
  interactionSchema,
  judge,
  missingField,
  type RejectionCode,
} from "../../src/ingest/interaction.ts";

const dayMs = 24 * 60 * 60 * 1_000;
const nowMs = Date.parse("2026-04-10T00:00:00.000Z");
const posted: CampaignTimes = { firstPostedAtMs: nowMs - 30 * dayMs, endedAtMs: null };

Deno.test("judge: the spans are those of the reporting guide", () => {
  assertEquals([aheadMsMax, ageMsMax, afterEndMsMax], [5 * 60_000, 7 * dayMs, 7 * dayMs]);
});

type Row = [
  occurredAfterMs: number,
  campaign: CampaignTimes | undefined | null,
  RejectionCode | null,
];

/** All of them arrive at `nowMs`. */
const table: Row[] = [
  [0, posted, null],
  [0, null, null],
  [0, undefined, "unknown_campaign"],
  [aheadMsMax, posted, null],
  [aheadMsMax + 1, posted, "in_future"],
  [aheadMsMax, null, null],
  [aheadMsMax + 1, null, "in_future"],
  [-ageMsMax, posted, null],
  [-ageMsMax - 1, posted, "too_old"],
  [-ageMsMax, null, null],
  [-ageMsMax - 1, null, "too_old"],
  [0, { firstPostedAtMs: null, endedAtMs: null }, "not_posted"],
  [0, { firstPostedAtMs: nowMs, endedAtMs: null }, null],
  [-1, { firstPostedAtMs: nowMs, endedAtMs: null }, "not_posted"],
  [0, { firstPostedAtMs: nowMs + 1, endedAtMs: null }, "not_posted"],
  [0, { firstPostedAtMs: 0, endedAtMs: null }, null],
  [-1, { firstPostedAtMs: 0, endedAtMs: nowMs - afterEndMsMax }, null],
  [0, { firstPostedAtMs: 0, endedAtMs: nowMs - afterEndMsMax }, "after_end"],
  [0, { firstPostedAtMs: 0, endedAtMs: 0 }, "after_end"],
  [0, { firstPostedAtMs: 0, endedAtMs: nowMs }, null],
  // Ended without a posting.
  [0, { firstPostedAtMs: null, endedAtMs: nowMs - 1 }, "not_posted"],
  // When several rules say no, the first in the table of the guide is told.
  [dayMs, undefined, "unknown_campaign"],
  [-8 * dayMs, undefined, "unknown_campaign"],
  [dayMs, { firstPostedAtMs: null, endedAtMs: null }, "in_future"],
  [-8 * dayMs, { firstPostedAtMs: null, endedAtMs: null }, "too_old"],
  [-8 * dayMs, { firstPostedAtMs: 0, endedAtMs: nowMs - 30 * dayMs }, "too_old"],
  [dayMs, { firstPostedAtMs: 0, endedAtMs: nowMs - 30 * dayMs }, "in_future"],
  [0, { firstPostedAtMs: nowMs + 1, endedAtMs: nowMs - 8 * dayMs }, "not_posted"],
];

Deno.test("judge: every code at its exact edge, and the first that applies", () => {
  for (const [afterMs, campaign, code] of table) {
    assertEquals(
      judge(nowMs + afterMs, nowMs, campaign),
      code,
      JSON.stringify([afterMs, campaign]),
    );
  }
});

const interaction = (more: Partial<Interaction>): Interaction => ({
  id: "i",
  kind: "impression",
  campaignId: "c",
  platform: "web",
  deviceId: "d",
  occurredAt: "2026-04-10T00:00:00Z",
  ...more,
});

Deno.test("judge: the fields that a kind needs", () => {
  const rows: [Partial<Interaction>, string | null][] = [
    [{}, null],
    [{ kind: "click" }, null],
    [{ kind: "click", campaignId: undefined }, "campaignId"],
    [{ campaignId: undefined }, "campaignId"],
    [{ kind: "event", campaignId: undefined, name: "purchase" }, null],
    [{ kind: "event", name: "purchase" }, null],
    [{ kind: "event" }, "name"],
    [{ kind: "event", campaignId: undefined }, "name"],
    [{ kind: "hide" }, null],
    [{ kind: "hide", campaignId: undefined, name: "today" }, "campaignId"],
    ...["today", "3d", "7d", "forever"].map((name): [Partial<Interaction>, null] => [
      { kind: "hide", name },
      null,
    ]),
    ...["1d", "Today", "constructor"].map((name): [Partial<Interaction>, string] => [
      { kind: "hide", name },
      "name",
    ]),
  ];
  for (const [more, missing] of rows) {
    assertEquals(missingField(interaction(more)), missing, JSON.stringify(more));
  }
});

Deno.test("judge: the lengths and forms of what a client sends", () => {
  const rows: [more: Record<string, unknown>, good: boolean][] = [
    [{ id: "x".repeat(128) }, true],
    [{ id: "x".repeat(129) }, false],
    [{ id: "" }, false],
    [{ id: "a\u0000" }, false],
    [{ id: "a\u0085" }, false],
    [{ id: "\ud800" }, false],
    [{ id: "😀 漢" }, true],
    [{ deviceId: "漢".repeat(256) }, true],
    [{ deviceId: "漢".repeat(257) }, false],
    [{ userId: "" }, false],
    [{ userId: "u".repeat(256) }, true],
    [{ revision: 1 }, true],
    [{ revision: 0 }, false],
    [{ revision: 4_294_967_295 }, true],
    [{ revision: 4_294_967_296 }, false],
    [{ revision: 1.5 }, false],
    [{ name: "n".repeat(100) }, true],
    [{ name: "n".repeat(101) }, false],
    [{ elementId: "e".repeat(129) }, false],
    [{ properties: { a: "x".repeat(1_000), b: 1, c: null, d: false } }, true],
    [{ properties: { a: "x".repeat(1_001) } }, false],
    [{ properties: { a: [] } }, false],
    [{ properties: Object.fromEntries(Array.from({ length: 51 }, (_, i) => [i, 1])) }, false],
    [{ session: "s".repeat(8_193) }, false],
    [{ occurredAt: "2026-04-10T09:00:00+09:00" }, true],
    [{ occurredAt: "2026-04-10T09:00:00" }, false],
    [{ occurredAt: "2026-02-30T09:00:00Z" }, false],
    [{ unknown: 1 }, false],
  ];
  for (const [more, good] of rows) {
    const parsed = interactionSchema.safeParse({ ...interaction({}), ...more });
    assertEquals(parsed.success, good, JSON.stringify(more).slice(0, 80));
  }
});

/** The guide's table in its order, each rule alone. */
const rules: [
  RejectionCode,
  (occurredMs: number, campaign: CampaignTimes | undefined | null) => boolean,
][] = [
  ["unknown_campaign", (_, campaign) => campaign === undefined],
  ["in_future", (ms) => ms - nowMs > 5 * 60_000],
  ["too_old", (ms) => nowMs - ms > 7 * dayMs],
  ["not_posted", (ms, campaign) => !!campaign && !(ms >= (campaign.firstPostedAtMs ?? Infinity))],
  ["after_end", (ms, campaign) => !!campaign && ms - (campaign.endedAtMs ?? ms) >= 7 * dayMs],
];

Deno.test("judge: it is the first rule that does not hold", () => {
  const aroundMs = fc.tuple(
    fc.constantFrom(0, aheadMsMax, -ageMsMax, -14 * dayMs, 7 * dayMs),
    fc.integer({ min: -1, max: 1 }),
  ).map(([ms, aside]) => ms + aside);
  const atMs = aroundMs.map((ms) => nowMs + ms);
  const campaign = fc.oneof(
    fc.constantFrom(undefined, null),
    fc.record({ firstPostedAtMs: fc.option(atMs), endedAtMs: fc.option(atMs) }),
  );
  law(fc.tuple(atMs, campaign), ([occurredMs, campaign]) => {
    const expected = rules.find(([, breaks]) => breaks(occurredMs, campaign))?.[0] ?? null;
    assertEquals(judge(occurredMs, nowMs, campaign), expected);
  }, 2_000);
});
