import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type ChunkItem, decodeChunk, encodeChunk } from "../../events/interaction_chunk.ts";
import type { DomainEvent, RecordedEvent } from "../../events/recorded_event.ts";
import type { SubjectKind } from "../../events/profile_events.ts";
import { ExposureScan } from "../../projections/exposure_scan.ts";
import { RepeatedIds } from "../../projections/repeated_ids.ts";
import { type CountOptions, Exposures, type ExposureView } from "../../projections/exposures.ts";
import { KpiProjection } from "../../projections/kpi.ts";
import { law } from "../support/laws.ts";

type Item = { readonly id: number; readonly atMs?: number } & Partial<ChunkItem>;
interface Claim {
  readonly claim: string;
  readonly device: number;
  readonly user: number;
  readonly session: number;
}
type Given =
  & { readonly ms: number }
  & ({ readonly items: readonly Item[] } | { readonly campaign: string; readonly claim: Claim } | {
    readonly other: true;
  });

const seconds = 1_000;
const minutes = 60 * seconds;
const hours = 60 * minutes;
const days = 24 * hours;
const noon = Date.parse("2026-04-01T12:00:00.000Z");
const always = { fromMs: -Infinity, toMs: Infinity, max: Infinity };
const digest = (number: number) => String(number).padStart(32, "0");

function itemOf(recordedMs: number, { id, atMs, ...given }: Item): ChunkItem {
  const bytes = new Uint8Array(16);
  const view = new DataView(bytes.buffer);
  for (const offset of [0, 4, 8]) view.setUint32(offset, Math.imul(id + 1, 0x9e3779b1));
  return {
    digest: bytes,
    kind: "impression",
    campaignId: "c",
    device: 1,
    user: 0,
    platform: "web",
    revision: 0,
    elementId: null,
    variant: null,
    name: null,
    session: 0,
    claim: null,
    ...given,
    occurredAtMs: atMs === undefined ? recordedMs : noon + atMs,
  };
}

function logOf(given: readonly Given[]): RecordedEvent[] {
  return given.map((entry, index) => {
    const timeMs = noon + entry.ms;
    const event: DomainEvent = "items" in entry
      ? { type: "interactions_recorded", schema: 1, data: { count: entry.items.length } }
      : "claim" in entry
      ? { type: "claim_granted", schema: 1, data: entry.claim }
      : { type: "campaign_edited", schema: 1, data: {} };
    return {
      position: String(index).padStart(6, "0"),
      stream: "items" in entry
        ? "interactions/w"
        : "claim" in entry
        ? `claims/${entry.campaign}`
        : "campaign/c",
      version: index + 1,
      timeMs,
      meta: { actor: "clock", commandId: "1", traceId: "1" },
      event,
      hash: "",
      ...("items" in entry &&
        { body: encodeChunk(entry.items.map((item) => itemOf(timeMs, item))) }),
    };
  });
}

const logs = new WeakMap<readonly Given[], RecordedEvent[]>();

/** The same, made once. */
function eventsOf(given: readonly Given[]): RecordedEvent[] {
  const events = logs.get(given) ?? logOf(given);
  logs.set(given, events);
  return events;
}

function folded(given: readonly Given[], model = new KpiProjection()): KpiProjection {
  for (const recorded of eventsOf(given)) model.fold(recorded);
  return model;
}

/** What is found of a subject in the log as it was at an instant. */
function scanned(
  given: readonly Given[],
  kind: SubjectKind,
  number: number,
  knownMs: number,
): ExposureView {
  const subject = { device: 0, user: 0, [kind]: number };
  const known = eventsOf(given).filter(({ timeMs }) => timeMs <= knownMs);
  const first = new ExposureScan(["c", "d e/f"], subject);
  known.forEach((recorded) => first.fold(recorded));
  const repeated = new RepeatedIds(first.items);
  known.forEach((recorded) => repeated.fold(recorded));
  const scan = new ExposureScan(["c", "d e/f"], subject, repeated);
  known.forEach((recorded) => scan.fold(recorded));
  return scan;
}

const claim = (ms: number, number: number, given: Partial<Claim> = {}): Given => ({
  ms,
  campaign: "c",
  claim: { claim: digest(number), device: 1, user: 0, session: 0, ...given },
});
const shown = (ms: number, ...items: Item[]): Given => ({ ms, items });

/** What is asked of device 1 for campaign c, at an instant after noon. */
const counts: {
  name: string;
  given: readonly Given[];
  when: Partial<CountOptions> & { knownMs: number; kind?: SubjectKind; number?: number };
  then: number;
}[] = [
  {
    name: "impressions of the subject and the campaign, each id once",
    given: [
      shown(0, { id: 1 }, { id: 2 }, { id: 1 }, { id: 3, device: 2 }, { id: 4, campaignId: "d" }),
      shown(1, { id: 2 }, { id: 5, kind: "click" }, { id: 6, kind: "event", campaignId: null }),
    ],
    when: { knownMs: hours },
    then: 2,
  },
  {
    name: "of a user, whichever device it was",
    given: [shown(0, { id: 1, user: 7 }, { id: 2, user: 7, device: 2 }, { id: 3 })],
    when: { knownMs: 0, kind: "user", number: 7 },
    then: 2,
  },
  {
    name: "a unit takes in by when it happened, from ≤ it < to",
    given: [shown(
      hours,
      { id: 1, atMs: -1 },
      { id: 2, atMs: 0 },
      { id: 3, atMs: 10 * minutes - 1 },
      { id: 4, atMs: 10 * minutes },
    )],
    when: { knownMs: hours, fromMs: noon, toMs: noon + 10 * minutes },
    then: 2,
  },
  {
    name: "an impression of a clock that is ahead belongs to the unit to come",
    given: [shown(-3 * minutes, { id: 1, atMs: minutes }), shown(-2 * minutes, { id: 2 })],
    when: { knownMs: 0, fromMs: noon, toMs: noon + hours },
    then: 1,
  },
  {
    name: "what is recorded later is not known yet",
    given: [shown(0, { id: 1 }), shown(5, { id: 2, atMs: 0 })],
    when: { knownMs: 4 },
    then: 1,
  },
  {
    name: "of one session",
    given: [shown(0, { id: 1, session: 5 }, { id: 2, session: 6 }, { id: 3 })],
    when: { knownMs: 0, session: 5 },
    then: 1,
  },
  {
    name: "counting stops at max",
    given: [shown(0, { id: 1 }, { id: 2 }, { id: 3 }), claim(1, 1)],
    when: { knownMs: 1, max: 2 },
    then: 2,
  },
  { name: "an open claim", given: [claim(0, 1)], when: { knownMs: 10 * minutes - 1 }, then: 1 },
  { name: "before it is granted", given: [claim(1, 1)], when: { knownMs: 0 }, then: 0 },
  {
    name: "a claim that has lapsed",
    given: [claim(0, 1)],
    when: { knownMs: 10 * minutes },
    then: 0,
  },
  {
    name: "a claim counts in the unit in which it was granted",
    given: [claim(-1, 1), claim(0, 2)],
    when: { knownMs: minutes, fromMs: noon, toMs: noon + hours },
    then: 1,
  },
  {
    name: "a claim counts for its session",
    given: [claim(0, 1, { session: 4 }), claim(0, 2, { session: 5 })],
    when: { knownMs: minutes, session: 5 },
    then: 1,
  },
  {
    name: "an impression and its claim count once",
    given: [claim(0, 1), shown(minutes, { id: 1, claim: digest(1) })],
    when: { knownMs: 2 * minutes },
    then: 1,
  },
  {
    name: "before its impression was known the claim was open",
    given: [claim(0, 1), shown(minutes, { id: 1, claim: digest(1) }), claim(2 * minutes, 2)],
    when: { knownMs: minutes - 1 },
    then: 1,
  },
  {
    name: "another device of the user makes the claim good",
    given: [
      claim(0, 1, { user: 7 }),
      shown(minutes, { id: 1, device: 2, user: 7, claim: digest(1) }),
    ],
    when: { knownMs: 2 * minutes },
    then: 0,
  },
  {
    name: "an impression of another campaign does not",
    given: [claim(0, 1), shown(minutes, { id: 1, campaignId: "d", claim: digest(1) })],
    when: { knownMs: 2 * minutes },
    then: 1,
  },
  {
    name: "a repeated impression does not",
    given: [shown(-1, { id: 1 }), claim(0, 1), shown(minutes, { id: 1, claim: digest(1) })],
    when: { knownMs: 2 * minutes },
    then: 2,
  },
  {
    name: "a claim is made good once",
    given: [
      claim(0, 1),
      claim(0, 2),
      shown(minutes, { id: 1, claim: digest(1) }, { id: 2, claim: digest(1) }),
    ],
    when: { knownMs: minutes },
    then: 3,
  },
];

for (const { name, given, when, then } of counts) {
  Deno.test(`exposures: ${name}`, () => {
    const { knownMs, kind = "device", number = 1, ...options } = when;
    const { exposures } = folded(given);
    const asked = { ...always, ...options, knownMs: noon + knownMs };
    for (const view of [exposures, scanned(given, kind, number, noon + knownMs)]) {
      assertEquals(view.count("c", kind, number, asked), then);
      if (when.fromMs !== undefined || when.session !== undefined) continue;
      assertEquals(view.total("c", kind, number, noon + knownMs, options.max ?? 100), then);
    }
  });
}

Deno.test("exposures: late impressions count", () => {
  const stopped: RecordedEvent = {
    ...logOf([{ ms: 0, other: true }])[0]!,
    event: {
      type: "campaign_stopped",
      schema: 1,
      data: { lateAfter: new Date(noon).toISOString() },
    },
  };
  const model = new KpiProjection();
  model.fold(stopped);
  model.fold({ ...logOf([shown(hours, { id: 1, atMs: 1 })])[0]!, position: "000001" });
  assertEquals(model.query({ campaigns: ["c"], timeZone: "UTC" }).late, 1);
  assertEquals(model.exposures.total("c", "device", 1, noon + hours, 9), 1);
});

Deno.test("exposures: of each choice to hide the latest, as known then", () => {
  const hide = (id: number, name: string | null, atMs: number): Item => ({
    id,
    kind: "hide",
    name,
    atMs,
    user: 3,
  });
  const given = [
    shown(hours, hide(1, "3d", 1), hide(2, "3d", 0), hide(3, null, 2)),
    shown(2 * hours, hide(4, "forever", 59_999), { ...hide(5, "7d", 3), device: 2 }),
  ];
  const early = [
    { atMs: noon + 2, for: "today" },
    { atMs: noon + 1, for: "3d" },
  ] as const;
  const forever = { atMs: noon + 59_999, for: "forever" } as const;
  const { exposures } = folded(given);
  const hides = (campaign: string, kind: SubjectKind, number: number, knownMs: number) => {
    const found = scanned(given, kind, number, noon + knownMs).hides(campaign, kind, number);
    if (exposures.isExactAt(campaign, kind, number, noon + knownMs)) {
      const kept = exposures.hides(campaign, kind, number);
      assertEquals(kept.map(({ atMs, for: choice }) => ({ atMs, for: choice })), found);
    }
    return found;
  };
  assertEquals(hides("c", "device", 1, hours), early);
  assertEquals(hides("c", "device", 1, 2 * hours), [forever, ...early]);
  assertEquals(exposures.isExactAt("c", "device", 1, noon + 2 * hours), true);
  assertEquals(exposures.isExactAt("c", "device", 1, noon + 2 * hours - 1), false);
  assertEquals(hides("c", "user", 3, 2 * hours), [
    forever,
    { atMs: noon + 3, for: "7d" as const },
    ...early,
  ]);
  assertEquals(hides("c", "user", 4, 2 * hours), []);
  assertEquals(hides("d", "user", 3, 2 * hours), []);
  assertEquals(exposures.total("c", "device", 1, noon + 2 * hours, 9), 0);
});

Deno.test("exposures: a claim is remembered for an hour of the log", () => {
  const granted = { campaignId: "c", device: 1, user: 0, session: 0, atMs: noon };
  const given = [claim(0, 1), shown(hours - 1, { id: 1, claim: digest(1), user: 9 })];
  assertEquals(folded(given.slice(0, 1)).exposures.claim(digest(1)), { ...granted, used: false });
  assertEquals(folded(given).exposures.claim(digest(1)), { ...granted, used: true });
  assertEquals(
    folded([...given, { ms: hours, other: true }]).exposures.claim(digest(1)),
    undefined,
  );
  assertEquals(folded(given).exposures.claim(digest(2)), undefined);
});

Deno.test("exposures: when the earliest open claim lapses", () => {
  const { exposures } = folded([
    claim(0, 1, { user: 5 }),
    claim(minutes, 2, { user: 5 }),
    claim(2 * minutes, 3, { device: 2, user: 5 }),
    shown(3 * minutes, { id: 1, claim: digest(1) }),
  ]);
  const lapse = (kind: SubjectKind, number: number, ms: number) =>
    exposures.nextLapseMs(kind, number, noon + ms) - noon;
  assertEquals(lapse("device", 1, 2 * minutes), 10 * minutes);
  assertEquals(lapse("device", 1, 3 * minutes), 11 * minutes);
  assertEquals(lapse("device", 1, 11 * minutes), Infinity);
  assertEquals(lapse("user", 5, 11 * minutes), 12 * minutes);
  assertEquals(lapse("user", 6, 0), Infinity);
});

Deno.test("exposures: a stamp changes with every record of the subject, and only then", () => {
  const model = new KpiProjection();
  const { exposures } = model;
  const stamps = () => [
    exposures.stamp("device", 1),
    exposures.stamp("device", 2),
    exposures.stamp("user", 1),
    exposures.stamp("user", 2),
  ];
  const given = [
    shown(0, { id: 1, user: 1 }),
    shown(1, { id: 1, user: 1 }, { id: 9, kind: "click" }),
    claim(2, 1, { user: 2 }),
    shown(3, { id: 2, device: 2, claim: digest(1) }),
    shown(4, { id: 3, kind: "hide", device: 2, user: 1 }),
  ];
  const changed = logOf(given).map((recorded) => {
    const before = stamps();
    model.fold(recorded);
    return stamps().map((stamp, index) => stamp !== before[index]);
  });
  assertEquals(changed, [
    [true, false, true, false],
    [false, false, false, false],
    [true, false, false, true],
    [true, true, false, true],
    [false, true, true, false],
  ]);
});

// The law: whatever happens, answers are those of a model that keeps everything and looks at it all.

interface Seen {
  readonly kind: "impression" | "claim" | "hide";
  readonly campaign: string;
  readonly device: number;
  readonly user: number;
  readonly session: number;
  readonly atMs: number;
  readonly recordedMs: number;
  readonly name: string | null;
  readonly claim: string | null;
  usedMs: number;
}

function naive(given: readonly Given[]): Seen[] {
  const seen: Seen[] = [];
  const arrivedDay = new Map<number, number>();
  for (const entry of given) {
    const recordedMs = noon + entry.ms;
    if ("claim" in entry) {
      const { campaign, claim } = entry;
      const common = { atMs: recordedMs, recordedMs, name: null, usedMs: Infinity };
      seen.push({ kind: "claim", campaign, ...claim, ...common });
    }
    if (!("items" in entry)) continue;
    const day = Math.floor(recordedMs / days);
    for (const given of entry.items) {
      const item = itemOf(recordedMs, given);
      const known = arrivedDay.get(given.id);
      arrivedDay.set(given.id, day);
      if (known !== undefined && known >= day - 8) continue;
      const { kind, campaignId: campaign, device, user, session, name, claim } = item;
      if (kind === "click" || kind === "event" || campaign === null) continue;
      const atMs = item.occurredAtMs;
      const common = { campaign, device, user, session, atMs, recordedMs, name, claim };
      seen.push({ kind, ...common, usedMs: Infinity });
      if (kind === "hide" || claim === null) continue;
      const granted = seen.findLast((one) => one.kind === "claim" && one.claim === claim);
      if (!granted || granted.campaign !== campaign || granted.usedMs !== Infinity) continue;
      if (granted.recordedMs > recordedMs - hours) granted.usedMs = recordedMs;
    }
  }
  return seen;
}

interface Question extends CountOptions {
  readonly campaign: string;
  readonly kind: SubjectKind;
  readonly number: number;
}

function naiveCount(seen: readonly Seen[], asked: Question): number {
  const { campaign, kind, number, fromMs, toMs, session, max, knownMs } = asked;
  const found = seen.filter((one) => {
    if (one.campaign !== campaign || one[kind] !== number || one.recordedMs > knownMs) return false;
    if (session !== undefined && one.session !== session) return false;
    if (one.atMs < fromMs || one.atMs >= toMs) return false;
    if (one.kind === "impression") return true;
    return one.kind === "claim" && knownMs < one.recordedMs + 10 * minutes && one.usedMs > knownMs;
  });
  return Math.min(found.length, max);
}

function naiveHides(seen: readonly Seen[], { campaign, kind, number, knownMs }: Question) {
  const hides = seen.filter((one) =>
    one.kind === "hide" && one.campaign === campaign && one[kind] === number &&
    one.recordedMs <= knownMs
  );
  return ["today", "3d", "7d", "forever"].flatMap((choice) => {
    const times = hides.filter(({ name }) => (name ?? "today") === choice).map(({ atMs }) => atMs);
    return times.length === 0 ? [] : [{ atMs: Math.max(...times), for: choice }];
  });
}

const moment = fc.oneof(
  fc.constantFrom(0, 1, 30 * seconds),
  fc.nat(4 * minutes),
  fc.nat(70 * minutes),
  fc.constantFrom(days, 2 * days),
);
const randomItem = fc.record({
  id: fc.nat(80),
  shape: fc.nat(100_000),
  aheadMs: fc.oneof(
    fc.constantFrom(0, 1, -1, 5 * minutes),
    fc.integer({ min: -3 * hours, max: 5 * minutes }),
    fc.integer({ min: -7 * days, max: 5 * minutes }),
  ),
});
const log: fc.Arbitrary<Given[]> = fc.array(
  fc.record({
    kind: fc.constantFrom("items", "items", "items", "claim", "claim", "other"),
    afterMs: moment,
    items: fc.array(randomItem, { minLength: 1, maxLength: 9 }),
  }),
  { maxLength: 50, size: "max" },
).map((steps) => {
  let ms = 0;
  return steps.map(({ kind, afterMs, items }): Given => {
    ms += afterMs;
    const { shape } = items[0]!;
    if (kind === "other") return { ms, other: true };
    const subject = (shape: number) => ({
      device: 1 + shape % 3,
      user: shape % 5 % 3,
      session: shape % 7 % 3,
    });
    if (kind === "claim") {
      const campaign = shape % 11 % 3 === 0 ? "d e/f" : "c";
      return { ms, campaign, claim: { claim: digest(shape % 13 % 6), ...subject(shape) } };
    }
    return {
      ms,
      items: items.map(({ id, shape, aheadMs }): Item => ({
        id,
        atMs: ms + aheadMs,
        ...subject(shape),
        campaignId: shape % 17 % 3 === 0 ? "d e/f" : "c",
        kind: shape % 19 === 0 ? "event" : shape % 23 % 5 === 0 ? "hide" : "impression",
        name: shape % 23 % 5 === 0 ? ["today", "3d", "7d", "forever", null][shape % 29 % 5]! : null,
        claim: shape % 31 % 2 === 0 ? digest(shape % 13 % 6) : null,
      })),
    };
  });
});
const question = fc.record({
  campaign: fc.constantFrom("c", "c", "d e/f", "none"),
  kind: fc.constantFrom<SubjectKind>("device", "user"),
  number: fc.integer({ min: 1, max: 3 }),
  unit: fc.option(fc.tuple(fc.integer({ min: -10_000, max: 20_000 }), fc.nat(3_000))),
  session: fc.option(fc.nat(2)),
  max: fc.constantFrom(1, 2, 5, 1_000),
  known: fc.oneof(fc.double({ min: 0, max: 1.1, noNaN: true }), fc.constant(1)),
});

type Asked = typeof question extends fc.Arbitrary<infer One> ? One : never;

function questionOf(lastMs: number, { unit, session, known, ...asked }: Asked): Question {
  return {
    ...asked,
    fromMs: unit ? noon + unit[0] * minutes : -Infinity,
    toMs: unit ? noon + (unit[0] + unit[1]) * minutes : Infinity,
    ...(session !== null && { session }),
    knownMs: noon + Math.floor(lastMs * known),
  };
}

function assertAnswers(
  model: KpiProjection,
  given: readonly Given[],
  asked: readonly Asked[],
) {
  const { exposures } = model;
  const seen = naive(given);
  const lastMs = given.at(-1)?.ms ?? 0;
  for (const one of asked.map((one) => questionOf(lastMs, one))) {
    const { campaign, kind, number, knownMs, max, ...options } = one;
    const views: ExposureView[] = [scanned(given, kind, number, knownMs)];
    if (exposures.isExactAt(campaign, kind, number, knownMs)) views.push(exposures);
    for (const view of views) {
      const isHot = view !== exposures || one.fromMs - 5 * minutes >= exposures.hotFromMs ||
        !exposures.hasOlder(campaign, kind, number);
      if (isHot) {
        assertEquals(
          view.count(campaign, kind, number, { ...options, knownMs, max }),
          naiveCount(seen, one),
        );
      }
      assertEquals(
        view.total(campaign, kind, number, knownMs, max),
        naiveCount(seen, { campaign, kind, number, ...always, knownMs, max }),
      );
      assertEquals(
        new Set(
          view.hides(campaign, kind, number).map(({ atMs, ...hide }) => ({
            atMs,
            for: hide.for,
          })),
        ),
        new Set(naiveHides(seen, one)),
      );
    }
    const lapses = seen.filter((claim) =>
      claim.kind === "claim" && claim[kind] === number &&
      claim.recordedMs > noon + lastMs - hours &&
      claim.recordedMs + 10 * minutes > noon + lastMs && claim.usedMs === Infinity
    ).map((claim) => claim.recordedMs + 10 * minutes);
    assertEquals(exposures.nextLapseMs(kind, number, noon + lastMs), Math.min(...lapses));
  }
  for (let number = 0; number < 6; number++) {
    const granted = seen.findLast((one) =>
      one.kind === "claim" && one.claim === digest(number) &&
      one.recordedMs > noon + lastMs - hours
    );
    const claim = exposures.claim(digest(number));
    assertEquals(
      claim && [claim.campaignId, claim.device, claim.user, claim.atMs, claim.used],
      granted && [
        granted.campaign,
        granted.device,
        granted.user,
        granted.recordedMs,
        granted.usedMs !== Infinity,
      ],
    );
  }
}

const questions = fc.array(question, { minLength: 1, maxLength: 6 });

Deno.test("exposures: answers equal a naive look at everything", () => {
  law(fc.tuple(log, questions), ([given, asked]) => {
    assertAnswers(folded(given), given, asked);
  }, 300);
});

function isExposure(key: string): boolean {
  return key.startsWith("exposure/") || key === "recall";
}

Deno.test("exposures: after a crash, whatever rows were ahead, rows and answers are the same", () => {
  const cuts = fc.array(fc.tuple(fc.nat(20), fc.nat(40)), { minLength: 1, maxLength: 3 });
  const inputs = fc.tuple(
    log,
    questions,
    fc.nat(50),
    cuts,
    fc.boolean(),
  );
  law(inputs, ([given, asked, c, cuts, early]) => {
    if (given.length === 0) return;
    const events = eventsOf(given);
    const checkpoint = c % events.length;
    const steady = new KpiProjection();
    const stored = new Map<string, { bytes: Uint8Array; through: string }>();
    // Several instances have begun to flush after the checkpoint, and each was cut.
    const flushes = new Map(cuts.map(([later, rows]) => [checkpoint + later, rows]));
    let dirty = new Set<string>();
    events.forEach((recorded, index) => {
      steady.fold(recorded);
      // The rows of counts have rules of their own.
      for (const key of steady.takeDirty()) if (isExposure(key)) dirty.add(key);
      const rows = index === checkpoint ? Infinity : flushes.get(index) ?? 0;
      for (const key of [...dirty].slice(0, rows)) {
        stored.set(key, { bytes: steady.encodeRow(key), through: recorded.position });
      }
      if (index === checkpoint) dirty = new Set();
    });
    const restarted = new KpiProjection();
    for (const [key, { bytes, through }] of stored) restarted.loadRow(key, bytes, through);
    if (early) restarted.exposures.total("c", "device", 1, noon, 1);
    const from = restarted.recallFrom(events[checkpoint]!.timeMs);
    const again = events.slice(0, checkpoint + 1)
      .filter(({ position }) => from !== undefined && position >= from);
    for (const recorded of again) restarted.foresee(recorded);
    for (const recorded of again) restarted.recall(recorded);
    for (const recorded of events.slice(checkpoint + 1)) {
      restarted.fold(recorded);
      if (early) restarted.exposures.total("c", "device", 1, noon, 1);
    }
    const exposures = (model: KpiProjection) =>
      [...model.rowKeys()].filter(isExposure).map((key) => [key, model.encodeRow(key)]);
    assertEquals(exposures(restarted).sort(), exposures(steady).sort());
    assertAnswers(restarted, given, asked);
  }, 400);
});

Deno.test("exposures: long chains answer like short ones", () => {
  const inputs = fc.tuple(
    fc.array(fc.tuple(fc.nat(3 * hours), fc.nat(9)), { minLength: 700, maxLength: 900 }),
    fc.constantFrom(20 * seconds, 5 * minutes),
    questions,
  );
  law(inputs, ([shapes, stepMs, asked]) => {
    const given = shapes.map(([before, session], id): Given =>
      shown(id * stepMs, {
        id: id * 7,
        session,
        user: 1 + session % 2,
        atMs: id * stepMs - before + 3 * minutes,
        ...(session === 3 && { campaignId: "d e/f" }),
      })
    );
    assertAnswers(folded(given), given, asked);
    // Chains that were counted before go on, and are let go.
    const model = new KpiProjection();
    for (const recorded of eventsOf(given)) {
      model.fold(recorded);
      if (recorded.version % 300 === 0) {
        model.exposures.count("c", "device", 1, { ...always, knownMs: recorded.timeMs });
      }
    }
    assertAnswers(model, given, asked);
  }, 10);
});

Deno.test("exposures: more campaigns than a record can tell apart", () => {
  const exposures = new Exposures();
  const perChunk = 40_000;
  for (let chunk = 0; chunk < 3; chunk++) {
    const items = Array.from({ length: perChunk }, (_, index): Item => ({
      id: index,
      campaignId: `c${(chunk * perChunk + index) % 100_000}`,
    }));
    const recorded = logOf([shown(chunk, ...items)])[0]!;
    exposures.advance(recorded.timeMs, String(chunk));
    const all = Uint32Array.from({ length: perChunk }, (_, index) => index);
    exposures.foldItems(recorded, decodeChunk(recorded.body!), all);
  }
  const total = (campaign: string, knownMs: number) =>
    exposures.total(campaign, "device", 1, noon + knownMs, 9);
  const known = [0, 1, 2].map((ms) => [total("c0", ms), total("c70000", ms), total("c99999", ms)]);
  assertEquals(known, [[1, 0, 0], [1, 1, 0], [2, 1, 1]]);
  exposures.advance(noon + 3 * days, "3");
  assertEquals([total("c0", 3 * days), total("c70000", 3 * days)], [2, 1]);
  assertEquals([...exposures.rowKeys()].length, 100_000);
});

Deno.test("exposures: one device with a million impressions is folded and counted at once", () => {
  const model = new KpiProjection();
  const perChunk = 8_000;
  for (let chunk = 0; chunk < 125; chunk++) {
    const items = Array.from({ length: perChunk }, (_, index): Item => ({
      id: chunk * perChunk + index,
      user: 1,
      session: 1 + chunk,
    }));
    const recorded = logOf([shown(chunk * minutes, ...items)])[0]!;
    model.fold({ ...recorded, position: String(chunk).padStart(6, "0") });
  }
  const startedMs = performance.now();
  const count = (options: Partial<CountOptions>) =>
    model.exposures.count("c", "device", 1, {
      ...always,
      knownMs: noon + 200 * minutes,
      ...options,
    });
  for (let times = 0; times < 1_000; times++) {
    assertEquals(count({}), 1_000_000);
    assertEquals(count({ fromMs: noon, toMs: noon + hours }), 60 * perChunk);
    assertEquals(count({ session: 3 }), perChunk);
    assertEquals(count({ session: 300 }), 0);
  }
  const tookMs = performance.now() - startedMs;
  assert(tookMs < 1_000, `4,000 counts took ${tookMs} ms`);
});
