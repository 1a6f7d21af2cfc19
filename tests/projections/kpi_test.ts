import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { type ChunkItem, encodeChunk } from "../../events/interaction_chunk.ts";
import type { DomainEvent, RecordedEvent } from "../../events/recorded_event.ts";
import { KpiProjection } from "../../projections/kpi.ts";
import { coldPrefix } from "../../projections/projection.ts";
import {
  isQuarterAligned,
  type KpiAnswer,
  type KpiQuery,
  KpiQueryError,
  type NineMetrics,
} from "../../projections/kpi_query.ts";

type Given =
  & { readonly at: string }
  & (
    | { readonly items: readonly ItemGiven[] }
    | { readonly type: string; readonly campaign?: string; readonly data?: unknown }
  );

type KpiOptions = ConstructorParameters<typeof KpiProjection>[0];

interface ItemGiven extends Partial<Omit<ChunkItem, "digest" | "occurredAtMs">> {
  readonly id: number;
  readonly occurredAt: string;
}

const noon = "2026-04-01T12:00:00.000Z";
const after = (ms: number, from = noon) => new Date(Date.parse(from) + ms).toISOString();
const seconds = 1_000;
const minutes = 60 * seconds;
const hours = 60 * minutes;
const days = 24 * hours;

function itemOf({ id, occurredAt, ...given }: ItemGiven): ChunkItem {
  const digest = new Uint8Array(16);
  new DataView(digest.buffer).setUint32(id % 4, id + 1);
  return {
    digest,
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
    occurredAtMs: Date.parse(occurredAt),
  };
}

function logOf(given: readonly Given[]): RecordedEvent[] {
  return given.map((entry, index) => {
    const isChunk = "items" in entry;
    const event: DomainEvent = isChunk
      ? { type: "interactions_recorded", schema: 1, data: { count: entry.items.length } }
      : { type: entry.type, schema: 1, data: entry.data ?? {} };
    return {
      position: String(index).padStart(6, "0"),
      stream: isChunk ? "interactions/w" : `campaign/${entry.campaign ?? "c"}`,
      version: index + 1,
      timeMs: Date.parse(entry.at),
      meta: { actor: "clock", commandId: "1", traceId: "1" },
      event,
      hash: "",
      ...(isChunk && { body: encodeChunk(entry.items.map(itemOf)) }),
    };
  });
}

function folded(given: readonly Given[]): KpiProjection {
  const projection = new KpiProjection();
  for (const recorded of logOf(given)) projection.fold(recorded);
  return projection;
}

function ask(projection: KpiProjection, query: Partial<KpiQuery> = {}): KpiAnswer {
  return projection.query({ campaigns: ["c"], timeZone: "UTC", ...query });
}

/** What `Mounted` and its slot are to a model: rows, a checkpoint, and flushes that may be cut off. */
class Store {
  readonly rows = new Map<string, { readonly bytes: Uint8Array; readonly through: string }>();
  checkpoint: RecordedEvent | null = null;
  #pending = new Set<string>();

  /** Dies after so many rows. */
  flush(projection: KpiProjection, at: RecordedEvent, rowsMax = Infinity): void {
    const keys = new Set([...this.#pending, ...projection.takeDirty()]);
    this.#pending = keys;
    const isLeftover = (key: string) => projection.isLeftover(key);
    const rows = [...keys].filter((key) => !isLeftover(key)).sort((left, right) =>
      Number(projection.isIndex(left)) - Number(projection.isIndex(right))
    );
    for (const [index, key] of rows.entries()) {
      if (index >= rowsMax) return;
      this.rows.set(key, { bytes: projection.encodeRow(key), through: at.position });
    }
    this.checkpoint = at;
    this.#pending = new Set();
    projection.stored(rows);
    // It may die before the last one.
    for (const key of [...keys].filter(isLeftover).slice(0, rowsMax)) this.rows.delete(key);
  }

  /** A model folded to the checkpoint. */
  start(options: KpiOptions, events: readonly RecordedEvent[]): KpiProjection {
    const projection = new KpiProjection(options);
    this.#pending = new Set();
    for (const key of [...this.rows.keys()].sort()) {
      const { bytes, through } = this.rows.get(key)!;
      if (!key.startsWith(coldPrefix)) projection.loadRow(key, bytes, through);
    }
    this.attach(projection);
    const { checkpoint } = this;
    if (!checkpoint) return projection;
    const from = projection.recallFrom(checkpoint.timeMs);
    const again = events.filter(({ position }) =>
      from !== undefined && position >= from && position <= checkpoint.position
    );
    for (const recorded of again) projection.foresee(recorded);
    for (const recorded of again) projection.recall(recorded);
    return projection;
  }

  attach(projection: KpiProjection): void {
    projection.attach({
      read: async (keys) => {
        await Promise.resolve();
        return new Map(keys.map((key) => [key, this.rows.get(key)!.bytes]));
      },
    });
  }
}

function rowsOf(projection: KpiProjection): Map<string, Uint8Array> {
  return new Map([...projection.rowKeys()].sort().map((key) => [key, projection.encodeRow(key)]));
}

const nothing: NineMetrics = {
  totalImpressions: 0,
  uniqueImpressions: 0,
  userImpressions: 0,
  totalClicks: 0,
  uniqueClicks: 0,
  userClicks: 0,
  totalCtr: null,
  uniqueCtr: null,
  userCtr: null,
};

const sampleItems: ItemGiven[] = [
  { id: 1, occurredAt: noon, device: 1, user: 1, revision: 1, variant: "b" },
  { id: 2, occurredAt: noon, device: 1, user: 1, revision: 2, platform: "ios" },
  { id: 3, occurredAt: after(20 * minutes), device: 2, revision: 10 },
  { id: 4, occurredAt: after(20 * minutes), device: 3, user: 2, revision: 10 },
  { id: 5, occurredAt: after(21 * minutes), device: 3, user: 2, kind: "click", elementId: "buy" },
  { id: 6, occurredAt: after(22 * minutes), device: 3, user: 2, kind: "click", elementId: "a" },
  { id: 7, occurredAt: after(22 * minutes), device: 4, kind: "event", name: "purchase" },
  { id: 8, occurredAt: after(22 * minutes), device: 4, kind: "hide", name: "7d" },
];

Deno.test("the nine metrics, distinct over the whole period", () => {
  assertEquals(ask(folded([{ at: after(hours), items: sampleItems }])), {
    totalImpressions: 4,
    uniqueImpressions: 3,
    userImpressions: 2,
    totalClicks: 2,
    uniqueClicks: 1,
    userClicks: 1,
    totalCtr: 50,
    uniqueCtr: 1 / 3 * 100,
    userCtr: 50,
    late: 0,
  });
});

Deno.test("a campaign without interactions, or not known, has zeros and null ratios", () => {
  const projection = folded([]);
  assertEquals(ask(projection), { ...nothing, late: 0 });
  assertEquals(ask(projection, { granularity: "day", by: "element" }), {
    ...nothing,
    late: 0,
    series: [],
    breakdown: [],
  });
});

Deno.test("a period takes `from` in and leaves `to` out", () => {
  const projection = folded([{ at: after(hours), items: sampleItems }]);
  const at = (fromMs: number, toMs: number) =>
    ask(projection, { fromMs: Date.parse(noon) + fromMs, toMs: Date.parse(noon) + toMs })
      .totalImpressions;
  assertEquals(at(0, 15 * minutes), 2);
  assertEquals(at(15 * minutes, 30 * minutes), 2);
  assertEquals(at(-15 * minutes, 0), 0);
  assertEquals(at(0, 0), 0);
});

Deno.test("a period is whole quarter-hours, and not reversed", () => {
  const refused = (query: Partial<KpiQuery>, code: string) => {
    const error = assertThrows(() => ask(folded([]), query), KpiQueryError);
    assertEquals((error as unknown as KpiQueryError).code, code);
  };
  refused({ fromMs: 1 }, "period_not_aligned");
  refused({ toMs: 15 * minutes + 1 }, "period_not_aligned");
  refused({ fromMs: 30 * minutes, toMs: 15 * minutes }, "period_reversed");
  refused({ fromMs: 0, toMs: 2_001 * hours, granularity: "hour" }, "too_many_buckets");
  assertEquals(
    ask(folded([]), { fromMs: 0, toMs: 2_000 * hours, granularity: "hour" }).series?.length,
    2_000,
  );
  assert(isQuarterAligned(Date.parse(noon)));
  assert(!isQuarterAligned(Date.parse(noon) + 1));
});

Deno.test("breakdowns: keys sorted, null last; an element is seen whenever its message is", () => {
  const projection = folded([{ at: after(hours), items: sampleItems }]);
  const counts = (by: KpiQuery["by"]) =>
    ask(projection, { by }).breakdown!.map((entry) =>
      [entry.key, entry.totalImpressions, entry.totalClicks] as const
    );
  assertEquals(counts("element"), [["a", 4, 1], ["buy", 4, 1]]);
  assertEquals(counts("platform"), [["ios", 1, 0], ["web", 3, 2]]);
  assertEquals(counts("variant"), [["b", 1, 0], [null, 3, 2]]);
  assertEquals(counts("revision"), [["1", 1, 0], ["2", 1, 0], ["10", 2, 0], [null, 0, 2]]);
  const [first] = ask(projection, { by: "element" }).breakdown!;
  assertEquals(first!.totalCtr, 25);
  assertEquals(first!.uniqueCtr, 1 / 3 * 100);
});

Deno.test("an id counts once in the workspace, the first wins, for 8 days of arrivals", () => {
  const again = (campaignId: string) => [{ id: 1, occurredAt: noon, device: 9, campaignId }];
  const projection = folded([
    { at: after(0), items: [{ id: 1, occurredAt: noon }, { id: 1, occurredAt: noon, device: 2 }] },
    { at: after(1), items: again("c") },
    { at: after(7 * days), items: again("d") },
  ]);
  assertEquals(ask(projection, { campaigns: ["c", "d", "c"] }).totalImpressions, 1);
  assertEquals(ask(projection, { campaigns: ["d"] }).totalImpressions, 0);
});

Deno.test("kinds outside the nine metrics use up their id", () => {
  const projection = folded([
    { at: after(0), items: [{ id: 1, occurredAt: noon, kind: "event", campaignId: null }] },
    { at: after(1), items: [{ id: 1, occurredAt: noon, kind: "click" }] },
  ]);
  assertEquals(ask(projection).totalClicks, 0);
});

Deno.test("an interactions event without its body is a bug", () => {
  const { body: _, ...recorded } = logOf([{ at: noon, items: sampleItems }])[0]!;
  assertThrows(() => new KpiProjection().fold(recorded), Error, "without its body");
  assertThrows(() => new KpiProjection().recall(recorded), Error, "without its body");
});

// Late: the campaign stops at noon, and is late after 30 s.
const stop: Given = {
  at: noon,
  type: "campaign_stopped",
  data: { lateAfter: after(30 * seconds) },
};
const restart: Given = { at: after(2 * minutes), type: "campaign_restarted" };
const posted = (at: number, recorded = at): Given => ({
  at: after(recorded),
  type: "campaign_posted",
  data: { at: after(at) },
});
const shown = (id: number, ms: number): ItemGiven => ({ id, occurredAt: after(ms), device: id });

const lateCases: Record<string, { given: Given[]; impressions: number; late: number }> = {
  "up to lateAfter an impression is in time, later it is late": {
    given: [stop, {
      at: after(hours),
      items: [shown(1, -1), shown(2, 30 * seconds), shown(3, 30 * seconds + 1)],
    }],
    impressions: 2,
    late: 1,
  },
  "clicks always count": {
    given: [stop, { at: after(hours), items: [{ ...shown(1, minutes), kind: "click" }] }],
    impressions: 0,
    late: 0,
  },
  "from the next posting on it is in time again": {
    given: [stop, restart, posted(5 * minutes), {
      at: after(hours),
      items: [shown(1, 5 * minutes - 1), shown(2, 5 * minutes)],
    }],
    impressions: 1,
    late: 1,
  },
  "a posting before lateAfter leaves nothing late": {
    given: [stop, { ...restart, at: after(seconds) }, posted(2 * seconds), {
      at: after(hours),
      items: [shown(1, 3 * seconds), shown(2, 40 * seconds)],
    }],
    impressions: 2,
    late: 0,
  },
  "an impression ahead of the log waits: the stop may come before it": {
    given: [
      { at: after(-minutes), items: [shown(1, 2 * minutes), shown(2, 10 * seconds)] },
      stop,
      { at: after(hours), type: "campaign_edited" },
    ],
    impressions: 1,
    late: 1,
  },
  "one that still waits counts as it would now": {
    given: [{ at: after(-minutes), items: [shown(1, 2 * minutes)] }, stop],
    impressions: 0,
    late: 1,
  },
  "a posting recorded long after its date takes back what was not late": {
    given: [
      stop,
      restart,
      { at: after(10 * minutes), items: [shown(1, 3 * minutes), shown(2, 6 * minutes)] },
      { at: after(11 * minutes), items: [shown(3, minutes)] },
      posted(5 * minutes, 20 * minutes),
    ],
    impressions: 1,
    late: 2,
  },
  "at the very instant of the posting, arrived before anything told of it": {
    given: [
      stop,
      { at: after(2 * minutes), items: [shown(1, 2 * minutes)] },
      restart,
      posted(2 * minutes),
    ],
    impressions: 1,
    late: 0,
  },
  "a second stop without a posting between changes nothing": {
    given: [
      stop,
      restart,
      { at: after(4 * minutes), items: [shown(1, 3 * minutes)] },
      {
        at: after(5 * minutes),
        type: "campaign_stopped",
        data: { lateAfter: after(6 * minutes) },
      },
      { at: after(hours), items: [shown(2, minutes), shown(3, 5 * minutes + 1)] },
    ],
    impressions: 0,
    late: 3,
  },
  "after the end of a stopped campaign it stays late": {
    given: [stop, restart, { at: after(3 * minutes), items: [shown(1, 3 * minutes)] }, {
      at: after(hours),
      type: "campaign_ended",
      data: { at: after(hours), cause: "end_reached", neverPosted: false },
    }],
    impressions: 0,
    late: 1,
  },
  "another campaign's stop does not count": {
    given: [{ ...stop, campaign: "d" } as Given, { at: after(hours), items: [shown(1, minutes)] }],
    impressions: 1,
    late: 0,
  },
};

for (const [name, { given, impressions, late }] of Object.entries(lateCases)) {
  Deno.test(`late: ${name}`, () => {
    const answer = ask(folded(given));
    assertEquals([answer.totalImpressions, answer.late], [impressions, late]);
    const inDay = ask(folded(given), { granularity: "day", by: "platform" });
    assertEquals([inDay.totalImpressions, inDay.late], [impressions, late]);
  });
}

// Day lengths in hours around a change of the clock, and what a quarter-hour offset does to days.
const zoneCases = [
  { timeZone: "America/New_York", from: "2026-03-07T05:00:00.000Z", lengths: [24, 23, 24] },
  { timeZone: "Europe/Berlin", from: "2026-10-23T22:00:00.000Z", lengths: [24, 25, 24] },
  { timeZone: "Australia/Lord_Howe", from: "2026-04-03T13:00:00.000Z", lengths: [24, 24.5, 24] },
  { timeZone: "Asia/Kathmandu", from: "2026-04-01T18:15:00.000Z", lengths: [24, 24, 24] },
];

for (const { timeZone, from, lengths } of zoneCases) {
  Deno.test(`days and hours in ${timeZone}`, () => {
    const fromMs = Date.parse(from);
    const toMs = fromMs + lengths.reduce((sum, length) => sum + length, 0) * hours;
    const items: ItemGiven[] = [];
    for (let ms = fromMs; ms < toMs; ms += 15 * minutes) {
      items.push({ id: items.length, occurredAt: after(0, new Date(ms).toISOString()) });
    }
    const projection = folded([{ at: new Date(toMs).toISOString(), items }]);
    for (const period of [{}, { fromMs, toMs }]) {
      const byDay = ask(projection, { ...period, timeZone, granularity: "day" }).series!;
      assertEquals(
        byDay.map((day) => (Date.parse(day.to) - Date.parse(day.from)) / hours),
        lengths,
      );
      assertEquals(byDay.map((day) => day.totalImpressions), lengths.map((length) => length * 4));
      assertEquals(byDay[0]!.from, from);
      const byHour = ask(projection, { ...period, timeZone, granularity: "hour" }).series!;
      assertEquals(byHour.length, Math.ceil(items.length / 4));
      assertEquals(byHour[0]!.from, from);
      assertEquals(byHour.at(-1)!.to, new Date(toMs).toISOString());
      assert(byHour.every((hour, index) => index === 0 || hour.from === byHour[index - 1]!.to));
      assertEquals(byHour.reduce((sum, hour) => sum + hour.totalImpressions, 0), items.length);
    }
  });
}

Deno.test("the first and last bucket are cut to the period, and empty ones are there", () => {
  const projection = folded([{ at: after(hours), items: [shown(1, 0)] }]);
  const series = ask(projection, {
    fromMs: Date.parse("2026-03-30T23:45:00.000Z"),
    toMs: Date.parse("2026-04-01T12:15:00.000Z"),
    granularity: "day",
  }).series!;
  assertEquals(series.map(({ from, to, totalImpressions }) => [from, to, totalImpressions]), [
    ["2026-03-30T23:45:00.000Z", "2026-03-31T00:00:00.000Z", 0],
    ["2026-03-31T00:00:00.000Z", "2026-04-01T00:00:00.000Z", 0],
    ["2026-04-01T00:00:00.000Z", "2026-04-01T12:15:00.000Z", 1],
  ]);
});

// Properties, over random logs that keep to the domain's order of events.

interface Step {
  readonly kind: "items" | "stop" | "restart" | "post" | "end" | "other";
  readonly afterMs: number;
  readonly fraction: number;
  readonly campaign: string;
  readonly items: readonly { id: number; aheadMs: number; shape: number }[];
}

const step: fc.Arbitrary<Step> = fc.record({
  kind: fc.constantFrom("items", "items", "items", "stop", "restart", "post", "end", "other"),
  afterMs: fc.oneof(
    fc.constantFrom(0, 1, 300, 1_000),
    fc.nat(5 * minutes),
    fc.nat(3 * hours),
    fc.constantFrom(days, 5 * days),
  ),
  fraction: fc.double({ min: 0, max: 1, noNaN: true }),
  campaign: fc.constantFrom("c", "c", "d/e"),
  items: fc.array(
    fc.record({
      id: fc.nat(60),
      aheadMs: fc.oneof(
        fc.constantFrom(0, 1, -1),
        fc.integer({ min: -2 * hours, max: 5 * minutes }),
        fc.integer({ min: -1_500, max: 1_500 }),
      ),
      shape: fc.nat(10_000),
    }),
    { minLength: 1, maxLength: 8 },
  ),
});

function itemFrom(id: number, shape: number, occurredAtMs: number, campaignId: string): ItemGiven {
  const click = shape % 3 === 0;
  return {
    id,
    campaignId,
    occurredAt: new Date(occurredAtMs).toISOString(),
    kind: shape % 19 === 0 ? "event" : click ? "click" : "impression",
    device: 1 + shape % 7 * 40_000,
    user: shape % 5,
    platform: (["web", "android", "ios"] as const)[shape % 11 % 3]!,
    revision: shape % 4,
    variant: [null, "a", "b"][shape % 13 % 3]!,
    elementId: click ? [null, "buy", "image"][shape % 17 % 3]! : null,
  };
}

/** Leaves out the steps that a campaign in that status would refuse. */
function logFrom(steps: readonly Step[]): Given[] {
  const status = new Map<string, { name: string; restartedMs: number }>();
  const given: Given[] = [];
  let nowMs = Date.parse("2026-04-01T23:00:00.000Z");
  for (const { kind, afterMs, fraction, campaign, items } of steps) {
    nowMs += afterMs;
    const at = new Date(nowMs).toISOString();
    const { name, restartedMs } = status.get(campaign) ?? { name: "posting", restartedMs: 0 };
    const become = (next: string) => status.set(campaign, { name: next, restartedMs: nowMs });
    if (kind === "items") {
      given.push({
        at,
        items: items.map(({ id, aheadMs, shape }) =>
          itemFrom(id, shape, nowMs + aheadMs, shape % 23 === 0 ? "d/e" : "c")
        ),
      });
    } else if (kind === "stop" && (name === "posting" || name === "waiting")) {
      become("stopped");
      const lateAfter = new Date(nowMs + Math.floor(fraction * minutes)).toISOString();
      given.push({ at, campaign, type: "campaign_stopped", data: { lateAfter } });
    } else if (kind === "restart" && name === "stopped") {
      become("waiting");
      given.push({ at, campaign, type: "campaign_restarted" });
    } else if (kind === "post" && name === "waiting") {
      become("posting");
      const postedMs = restartedMs + Math.floor(fraction * (nowMs - restartedMs));
      const data = { at: new Date(postedMs).toISOString() };
      given.push({ at, campaign, type: "campaign_posted", data });
    } else if (kind === "end" && fraction > 0.8 && name !== "ended") {
      become("ended");
      const data = { at, cause: "end_reached", neverPosted: false };
      given.push({ at, campaign, type: "campaign_ended", data });
    } else if (kind === "other") {
      given.push({ at, campaign, type: "campaign_edited" });
    }
  }
  return given;
}

const log = fc.array(step, { maxLength: 40, size: "max" }).map(logFrom);

const query: fc.Arbitrary<KpiQuery> = fc.record({
  campaigns: fc.constantFrom(undefined, ["c"], ["d/e"], ["c", "d/e"], ["d/e", "c", "none"]),
  granularity: fc.constantFrom(undefined, "hour" as const, "day" as const),
  by: fc.constantFrom(undefined, "element", "platform", "variant", "revision" as const),
  timeZone: fc.constantFrom("UTC", "Asia/Seoul", "Asia/Kathmandu", "Europe/Berlin"),
  span: fc.option(fc.tuple(fc.nat(300), fc.nat(300))),
}).map(({ span, granularity, by, ...rest }) => {
  const start = Date.parse("2026-04-01T18:00:00.000Z");
  return {
    ...rest,
    ...(granularity && { granularity }),
    ...(by && { by }),
    ...(span && {
      fromMs: start + span[0] * 15 * minutes,
      toMs: start + (span[0] + span[1]) * 15 * minutes,
    }),
  } as KpiQuery;
});

/** The items that count, with lateness judged by the whole log: no cells, no waiting, plain Sets. */
function oracleItems(given: readonly Given[]): { item: ItemGiven; late: boolean }[] {
  const windows = new Map<string, [number, number][]>();
  for (const entry of given) {
    if ("items" in entry) continue;
    const campaign = entry.campaign ?? "c";
    const own = windows.get(campaign) ?? [];
    windows.set(campaign, own);
    const data = entry.data as { lateAfter: string; at: string };
    if (entry.type === "campaign_stopped") own.push([Date.parse(data.lateAfter), Infinity]);
    if (entry.type === "campaign_posted") {
      for (const window of own) window[1] = Math.min(window[1], Date.parse(data.at));
    }
  }
  const arrivedDay = new Map<number, number>();
  return given.flatMap((entry) => {
    if (!("items" in entry)) return [];
    const day = Math.floor(Date.parse(entry.at) / days);
    return entry.items.flatMap((item) => {
      const known = arrivedDay.get(item.id);
      arrivedDay.set(item.id, day);
      if (known !== undefined && known >= day - 8) return [];
      if (item.kind !== "impression" && item.kind !== "click") return [];
      const at = Date.parse(item.occurredAt);
      const late = item.kind === "impression" &&
        (windows.get(item.campaignId!) ?? []).some(([from, to]) => at > from && at < to);
      return [{ item, late }];
    });
  });
}

function oracleNine(impressions: readonly ItemGiven[], clicks: readonly ItemGiven[]): NineMetrics {
  const devices = (items: readonly ItemGiven[]) => new Set(items.map(({ device }) => device)).size;
  const users = (items: readonly ItemGiven[]) =>
    new Set(items.flatMap(({ user }) => user || [])).size;
  const ratio = (part: number, whole: number) => whole === 0 ? null : part / whole * 100;
  return {
    totalImpressions: impressions.length,
    uniqueImpressions: devices(impressions),
    userImpressions: users(impressions),
    totalClicks: clicks.length,
    uniqueClicks: devices(clicks),
    userClicks: users(clicks),
    totalCtr: ratio(clicks.length, impressions.length),
    uniqueCtr: ratio(devices(clicks), devices(impressions)),
    userCtr: ratio(users(clicks), users(impressions)),
  };
}

/** How soon days are closed, how much is kept of them, and after how many events all is flushed. */
const keeping = fc.record({
  closeAfterDays: fc.constantFrom(0, 1, 8),
  cacheBytesMax: fc.constantFrom(0, 2_000, 1_000_000),
  flushEvery: fc.constantFrom(1, 3, 7, Infinity),
  warm: fc.boolean(),
});

Deno.test("a query equals a naive count over the items of the log", async () => {
  const questions = fc.array(query, { minLength: 1, maxLength: 4 });
  await fc.assert(
    fc.asyncProperty(log, questions, keeping, async (given, queries, options) => {
      const projection = new KpiProjection(options);
      const store = new Store();
      if (options.flushEvery !== Infinity) store.attach(projection);
      const events = logOf(given);
      for (const [index, recorded] of events.entries()) {
        // Asking early must not change what is answered later.
        if (index % 5 === 0) { for (const asked of queries) await projection.ask(asked); }
        projection.fold(recorded);
        if ((index + 1) % options.flushEvery === 0) store.flush(projection, recorded);
      }
      if (options.warm) { for (const step of projection.warm()) await step; }
      const counted = oracleItems(given);
      for (const { campaigns, fromMs = -Infinity, toMs = Infinity, by, ...rest } of queries) {
        const answer = await projection.ask({
          campaigns,
          ...(fromMs !== -Infinity && { fromMs, toMs }),
          ...(by && { by }),
          ...rest,
        });
        const within = (from: number, to: number) =>
          counted.filter(({ item }) =>
            (!campaigns || campaigns.includes(item.campaignId!)) &&
            Date.parse(item.occurredAt) >= from &&
            Date.parse(item.occurredAt) < to
          );
        const ofKind = (kind: string, from = fromMs, to = toMs) =>
          within(from, to).flatMap(({ item, late }) => !late && item.kind === kind ? item : []);
        const impressions = ofKind("impression");
        const clicks = ofKind("click");
        const { series, breakdown, late, ...nine } = answer;
        assertEquals(nine, oracleNine(impressions, clicks));
        assertEquals(late, within(fromMs, toMs).filter((entry) => entry.late).length);
        for (const { from, to, ...metrics } of series ?? []) {
          const span = [Date.parse(from), Date.parse(to)] as const;
          assertEquals(
            metrics,
            oracleNine(ofKind("impression", ...span), ofKind("click", ...span)),
          );
        }
        if (!by) continue;
        const keyOf = ({ elementId, platform, variant, revision }: ItemGiven) =>
          ({
            element: elementId!,
            platform: platform!,
            variant: variant!,
            revision: `${revision}`,
          })[
            by
          ];
        for (const { key, ...metrics } of breakdown!) {
          const has = (item: ItemGiven) =>
            keyOf(item) === (by === "revision" && key === null ? "0" : key);
          assertEquals(
            metrics,
            oracleNine(
              by === "element" ? impressions : impressions.filter(has),
              clicks.filter(has),
            ),
          );
        }
        const keys = new Set((by === "element" ? clicks : [...impressions, ...clicks]).map(keyOf));
        assertEquals(breakdown!.length, keys.size);
      }
    }),
    { numRuns: 120 },
  );
});

Deno.test("the order and number of arrivals do not matter", () => {
  const sent = fc.array(fc.record({ id: fc.nat(200), shape: fc.nat(10_000) }), { minLength: 1 });
  const chosen = sent.chain((entries) => {
    const items = [...new Map(entries.map(({ id, shape }) => [
      id,
      itemFrom(id, shape, Date.parse(noon) + shape * 1_000, "c"),
    ])).values()];
    const batches = fc.array(fc.shuffledSubarray(items, { minLength: 1 }), { maxLength: 6 });
    return fc.tuple(
      fc.constant(items),
      fc.shuffledSubarray(items, { minLength: items.length }),
      batches,
    );
  });
  fc.assert(fc.property(chosen, ([inOrder, shuffled, resent]) => {
    const at = after(6 * hours);
    const before: Given[] = [stop, restart, posted(5 * minutes)];
    const half = Math.ceil(shuffled.length / 2);
    const once = folded([...before, { at, items: inOrder }]);
    const often = folded([
      ...before,
      ...resent.slice(0, 2).map((items) => ({ at, items })),
      { at, items: shuffled.slice(0, half) },
      ...resent.slice(2).map((items) => ({ at, items })),
      ...(shuffled.length > half ? [{ at, items: shuffled.slice(half) }] : []),
    ]);
    for (const by of ["element", "platform", "variant", "revision"] as const) {
      const asked = { granularity: "hour", by } as const;
      assertEquals(ask(often, asked), ask(once, asked));
    }
    // Those that name places of the log follow the order.
    const byPlace = ["recall", "exposure/", "click/", "conversion/event/"];
    const byTime = (projection: KpiProjection) =>
      [...rowsOf(projection)].filter(([key]) => !byPlace.some((place) => key.startsWith(place)));
    assertEquals(byTime(often), byTime(once));
  }));
});

Deno.test("restarts and flushes that are cut off change nothing", async () => {
  const act = fc.record({
    flushes: fc.boolean(),
    rowsMax: fc.oneof(fc.constant(Infinity), fc.nat(12)),
    restarts: fc.boolean(),
  });
  const acts = fc.array(act, { minLength: 1, maxLength: 20 });
  await fc.assert(
    fc.asyncProperty(log, acts, keeping, async (given, acts, { flushEvery: _, ...keeps }) => {
      const options = { ...keeps, exposureBlockRecords: 4 };
      const events = logOf(given);
      const steady = new KpiProjection(options);
      const store = new Store();
      let restarted = store.start(options, events);
      for (const [index, recorded] of events.entries()) {
        const { flushes, rowsMax, restarts } = acts[index % acts.length]!;
        steady.fold(recorded);
        restarted.fold(recorded);
        if (flushes) store.flush(restarted, recorded, rowsMax);
        if (!restarts) continue;
        restarted = store.start(options, events);
        const from = store.checkpoint?.position ?? "";
        for (const again of events.slice(0, index + 1)) {
          if (again.position > from) restarted.fold(again);
        }
      }
      const last = events.at(-1);
      if (!last) return;
      const asked = {
        campaigns: ["c", "d/e"],
        granularity: "hour",
        by: "element",
        fromMs: Date.parse("2026-04-01T12:00:00.000Z"),
        toMs: Date.parse("2026-05-30T00:00:00.000Z"),
        timeZone: "UTC",
      } as const;
      const { granularity: __, by: ___, ...plain } = asked;
      for (const question of [asked, plain]) {
        assertEquals(await restarted.ask(question), steady.query(question));
      }
      store.flush(restarted, last);
      const stored = [...store.rows].filter(([key]) => !restarted.isLeftover(key));
      assertEquals(
        new Map(stored.sort().map(([key, { bytes }]) => [key, bytes])),
        rowsOf(steady),
      );
    }),
    { numRuns: 150 },
  );
});

Deno.test("dirty rows are all that changed", () => {
  fc.assert(fc.property(log, keeping, (given, options) => {
    const projection = new KpiProjection(options);
    const store = new Store();
    for (const recorded of logOf(given)) {
      projection.fold(recorded);
      store.flush(projection, recorded);
    }
    const stored = [...store.rows].map(([key, { bytes }]) => [key, bytes] as const);
    assertEquals(new Map(stored.sort()), new Map([...rowsOf(projection)].sort()));
  }));
});
