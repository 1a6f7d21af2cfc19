/** What follows from the log about single devices and users, over flushes that break off too. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { type ChunkItem, encodeChunk } from "../../events/interaction_chunk.ts";
import { encodeProfileChanges } from "../../events/profile_changes.ts";
import { type SubjectKind, subjectKinds } from "../../events/profile_events.ts";
import type { RecordedEvent } from "../../events/recorded_event.ts";
import { eventNamesKept, SubjectsProjection } from "../../projections/subjects.ts";
import { law } from "../support/laws.ts";
import { positionOf, TestLog } from "../support/recorded.ts";

type Step =
  | { readonly items: readonly Partial<ChunkItem>[] }
  | { readonly device: number; readonly user: number }
  | { readonly forget: SubjectKind; readonly number: number };

const item: ChunkItem = {
  digest: new Uint8Array(16),
  kind: "impression",
  campaignId: "c1",
  device: 1,
  user: 0,
  occurredAtMs: 5_000,
  platform: "web",
  revision: 1,
  elementId: null,
  variant: null,
  name: null,
  session: 0,
  claim: null,
};

function recorded(log: TestLog, step: Step): RecordedEvent {
  const one = (stream: string, type: string, data: unknown, body?: Uint8Array) => ({
    ...log.commit(stream, [{ type, schema: 1, data }], 1)[0]!,
    ...(body ? { body } : {}),
  });
  if ("items" in step) {
    const chunk = encodeChunk(step.items.map((some) => ({ ...item, ...some })));
    return one("interactions/w", "interactions_recorded", { count: step.items.length }, chunk);
  }
  if ("forget" in step) {
    const data = { kind: step.forget, number: step.number };
    return one("profiles/w", "person_forgotten", data);
  }
  const digest = new Uint8Array(16);
  const body = encodeProfileChanges([
    { kind: "device", number: step.device, user: step.user, digest },
    { kind: "user", number: 9, user: 0, digest },
  ]);
  return one("profiles/w", "profiles_changed", { count: 2 }, body);
}

function folded(steps: readonly Step[]): SubjectsProjection {
  const log = new TestLog();
  const model = new SubjectsProjection();
  for (const step of steps) model.fold(recorded(log, step));
  return model;
}

Deno.test("subjects: whose a device is", () => {
  const table: [what: string, steps: Step[], then: number][] = [
    ["nobody's at first", [{ items: [{}] }], 0],
    ["of the user of its interaction", [{ items: [{ user: 4 }] }], 4],
    ["still theirs after one without", [{ items: [{ user: 4 }, {}] }, { items: [{}] }], 4],
    ["of the last in the log", [{ items: [{ user: 4 }, { user: 5, occurredAtMs: 1 }] }], 5],
    ["of the one that was put", [{ items: [{ user: 4 }] }, { device: 1, user: 6 }], 6],
    ["still theirs after a put without", [{ device: 1, user: 6 }, { device: 1, user: 0 }], 6],
    ["nobody's when they are forgotten", [
      { device: 1, user: 6 },
      { forget: "user", number: 6 },
    ], 0],
    ["nobody's when it is forgotten", [
      { device: 1, user: 6 },
      { forget: "device", number: 1 },
    ], 0],
    ["somebody's again", [
      { device: 1, user: 6 },
      { forget: "user", number: 6 },
      { items: [{ user: 7 }] },
    ], 7],
  ];
  for (const [what, steps, then] of table) assertEquals(folded(steps).userOf(1), then, what);
  assertEquals(folded([]).userOf(123_456), 0);
});

Deno.test("subjects: first and last seen, by when it happened", () => {
  const model = folded([
    { items: [{ occurredAtMs: 7_900, user: 2 }, { occurredAtMs: 5_100, kind: "hide" }] },
    { items: [{ occurredAtMs: 9_999, device: 70_000, kind: "event", name: "n" }] },
  ]);
  assertEquals([model.firstSeenMs("device", 1), model.lastSeenMs("device", 1)], [5_000, 7_000]);
  assertEquals([model.firstSeenMs("user", 2), model.lastSeenMs("user", 2)], [7_000, 7_000]);
  assertEquals(model.lastSeenMs("device", 70_000), 9_000);
  assertEquals([model.firstSeenMs("user", 1), model.lastSeenMs("device", 2)], [0, 0]);
});

Deno.test("subjects: what they saw, clicked and did", () => {
  const model = folded([{
    items: [
      { device: 1, user: 3 },
      { device: 2, kind: "click" },
      { device: 5_000_000, kind: "event", campaignId: null, name: "did/it" },
      { device: 4, kind: "hide", name: "today" },
      { device: 5, kind: "event", campaignId: null, name: "c1" },
    ],
  }]);
  const of = (numbers?: { has(number: number): boolean }) =>
    [1, 2, 3, 4, 5, 5_000_000].filter((number) => numbers?.has(number));
  assertEquals(of(model.seen("device", "c1")), [1]);
  assertEquals(of(model.seen("user", "c1")), [3]);
  assertEquals(of(model.clicked("device", "c1")), [2]);
  assertEquals(of(model.did("device", "did/it")), [5_000_000]);
  assertEquals(of(model.did("device", "c1")), [5]);
  assertEquals(model.seen("device", "c2"), undefined);
  assertEquals(model.seen("device", "c1")!.size, 1);
});

Deno.test("subjects: the first thousand event names are kept, over a start too", () => {
  const named = (from: number, count: number): Step => ({
    items: Array.from({ length: count }, (_, nth) => ({
      kind: "event" as const,
      campaignId: null,
      name: `e${from + nth}`,
      user: 1,
    })),
  });
  const log = new TestLog();
  const before = new SubjectsProjection();
  before.fold(recorded(log, named(0, eventNamesKept - 1)));
  const after = new SubjectsProjection();
  for (const key of before.takeDirty()) after.loadRow(key, before.encodeRow(key), positionOf(1));
  for (const model of [before, after]) {
    model.fold(recorded(log, named(eventNamesKept - 1, 2)));
    assertEquals(model.did("device", `e${eventNamesKept - 1}`)?.size, 1);
    assertEquals(model.did("device", `e${eventNamesKept}`), undefined);
  }
});

const number = fc.oneof(fc.integer({ min: 1, max: 5 }), fc.constantFrom(16_383, 16_384, 70_000));
const steps = fc.array(
  fc.oneof(
    fc.record({
      items: fc.array(
        fc.record({
          device: number,
          user: fc.oneof(fc.constant(0), number),
          kind: fc.constantFrom("impression", "click", "hide") as fc.Arbitrary<ChunkItem["kind"]>,
          campaignId: fc.constantFrom("c1", "c2"),
          occurredAtMs: fc.integer({ min: 1_000, max: 100_000 }),
        }),
        { minLength: 1, maxLength: 6 },
      ),
    }),
    fc.record({ device: number, user: number }),
    fc.record({ forget: fc.constantFrom(...subjectKinds), number }),
  ),
  { maxLength: 12 },
);

const rowsOf = (model: SubjectsProjection) =>
  [...model.rowKeys()].sort().map((key) => [key, model.encodeRow(key).toHex()]);

Deno.test("subjects: rows of a flush that broke off take each event once", () =>
  law(fc.tuple(steps, fc.nat(), fc.nat(), fc.infiniteStream(fc.boolean())), (
    [steps, from, more, ahead],
  ) => {
    const log = new TestLog();
    const events = steps.map((step) => recorded(log, step));
    const whole = new SubjectsProjection();
    for (const event of events) whole.fold(event);
    const checkpoint = from % (events.length + 1);
    const flushed = checkpoint + more % (events.length + 1 - checkpoint);
    const positionAt = (count: number) => events[count - 1]?.position ?? "";
    const old = new SubjectsProjection();
    for (const event of events.slice(0, checkpoint)) old.fold(event);
    const fresh = new SubjectsProjection();
    for (const event of events.slice(0, flushed)) fresh.fold(event);
    const restarted = new SubjectsProjection();
    const oldKeys = new Set(old.rowKeys());
    for (const key of fresh.rowKeys()) {
      // Of the broken flush only some rows are there.
      if (ahead.next().value) restarted.loadRow(key, fresh.encodeRow(key), positionAt(flushed));
      else if (oldKeys.has(key)) {
        restarted.loadRow(key, old.encodeRow(key), positionAt(checkpoint));
      }
    }
    for (const event of events.slice(checkpoint)) restarted.fold(event);
    assertEquals(rowsOf(restarted), rowsOf(whole));
  }));

Deno.test("subjects: what is dirty is what changed", () =>
  law(steps, (steps) => {
    const log = new TestLog();
    const model = new SubjectsProjection();
    const stored = new Map<string, string>();
    for (const step of steps) {
      model.fold(recorded(log, step));
      for (const key of model.takeDirty()) stored.set(key, model.encodeRow(key).toHex());
      assertEquals([...stored].sort(), rowsOf(model));
    }
  }));
