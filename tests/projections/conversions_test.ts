import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { KpiProjection } from "../../projections/kpi.ts";
import type { KpiAnswer, KpiQuery } from "../../projections/kpi_query.ts";
import type { Conversions } from "../../projections/conversions.ts";
import { ConversionsOnly, newItemsOf } from "../support/conversions_only.ts";
import { StoredProjection } from "../support/stored_projection.ts";
import {
  days,
  type Entry,
  hours,
  type Item,
  logOf,
  minutes,
  noonMs,
  oracleOf,
  randomEntries,
  randomOf,
  seconds,
  windows,
} from "./conversion_world.ts";

const oracleItems = Number(Deno.env.get("CONVERSION_ORACLE_ITEMS") ?? 100_000);
const seed = Number(Deno.env.get("PLACARD_TEST_SEED") ?? 20_260_401);

function folded(entries: readonly Entry[]): KpiProjection {
  const projection = new KpiProjection();
  for (const recorded of logOf(entries)) projection.fold(recorded);
  return projection;
}

function ask(projection: KpiProjection, query: Partial<KpiQuery> = {}): KpiAnswer {
  return projection.query({ campaigns: ["c"], timeZone: "UTC", ...query });
}

/** "NAME total unique" of each. */
function told({ kpiEvents }: Pick<KpiAnswer, "kpiEvents">): string[] | undefined {
  return kpiEvents?.map(({ name, totalClickBasis, uniqueClickBasis }) =>
    `${name} ${totalClickBasis} ${uniqueClickBasis}`
  );
}

const listing: Entry = { at: -days, campaign: "c", kpiEvents: [{ name: "buy", window: "PT1H" }] };
let ids = 0;
const click = (at: number, device = 1, campaign = "c"): Item => ({
  id: ids++,
  at,
  device,
  click: campaign,
});
const event = (at: number, device = 1, name = "buy"): Item => ({
  id: ids++,
  at,
  device,
  event: name,
});
const items = (at: number, ...all: Item[]): Entry => ({ at, items: all });

const cases: Record<string, { given: Entry[]; campaigns?: string[]; then: string[] | undefined }> =
  {
    "campaigns that count no events tell of none": {
      given: [{ at: -days, campaign: "c" }, items(hours, click(0), event(1))],
      then: undefined,
    },
    "zeros are told": { given: [listing], then: ["buy 0 0"] },
    "from the click on, up to the end of the window": {
      given: [
        listing,
        items(2 * hours, click(0), event(-1), event(0), event(hours - 1), event(hours)),
      ],
      then: ["buy 2 1"],
    },
    "whatever arrives first": {
      given: [
        listing,
        items(2 * hours, event(-1), event(0), event(hours - 1), event(hours)),
        items(3 * hours, click(0)),
      ],
      then: ["buy 2 1"],
    },
    "an event counts once, however many clicks come before it": {
      given: [
        listing,
        items(2 * hours, click(0), event(30 * minutes), click(1)),
        items(3 * hours, click(2), click(0), click(40 * minutes)),
      ],
      then: ["buy 1 1"],
    },
    "a later click makes the window longer, an earlier one begins it earlier": {
      given: [
        listing,
        items(9 * hours, click(hours), event(minutes), event(90 * minutes), event(150 * minutes)),
        items(9 * hours, click(100 * minutes)),
        items(9 * hours, click(0)),
      ],
      then: ["buy 3 1"],
    },
    "by the device that clicked, and for no other": {
      given: [listing, items(hours, click(0, 1), event(1, 2), event(1, 1), event(2, 1))],
      then: ["buy 2 1"],
    },
    "only names that are listed": {
      given: [listing, items(hours, click(0), event(1, 1, "sell"), event(1, 1, "toString"))],
      then: ["buy 0 0"],
    },
    "for each campaign that was clicked; a device of both is one": {
      given: [
        listing,
        { at: -days, campaign: "d", kpiEvents: [{ name: "buy" }, { name: "see" }] },
        items(3 * hours, click(0), click(0, 1, "d"), event(1), event(2 * hours)),
        items(3 * hours, event(2, 1, "see"), click(0, 2, "d"), event(5, 2)),
      ],
      campaigns: ["c", "d", "c", "none"],
      then: ["buy 4 2", "see 1 1"],
    },
    "an id counts once": {
      given: [
        listing,
        items(hours, click(0), { ...event(1), id: 900_001 }, { ...event(2), id: 900_001 }),
        items(2 * hours, { ...event(3), id: 900_001 }),
      ],
      then: ["buy 1 1"],
    },
    "clicks from before the campaign counted events": {
      given: [
        { at: -days, campaign: "c" },
        items(minutes, click(0)),
        { at: 2 * minutes, campaign: "c", kpiEvents: [{ name: "buy" }] },
        items(hours, event(2 * minutes - 1), event(2 * minutes), event(3 * minutes)),
      ],
      then: ["buy 2 1"],
    },
    "an edit applies to what happens from its recorded time on": {
      given: [
        listing,
        { at: hours, campaign: "c", kpiEvents: [{ name: "buy", window: "PT3H" }] },
        { at: 2 * hours, campaign: "c", kpiEvents: [{ name: "sell" }] },
        // One that leaves the list as it is.
        { at: 2 * hours, campaign: "c" },
        items(5 * hours, click(0), event(hours - 1), event(hours), event(2 * hours - 1)),
        items(5 * hours, event(2 * hours), event(3 * hours, 1, "sell"), event(0, 1, "sell")),
      ],
      then: ["buy 3 1", "sell 1 1"],
    },
    "a list that went back to its default counts nothing more, and names stay": {
      given: [
        listing,
        { at: minutes, campaign: "c", kpiEvents: null },
        items(hours, click(0), event(1), event(minutes)),
      ],
      then: ["buy 1 1"],
    },
    "an event ahead of the log counts as if nothing more were recorded": {
      given: [listing, items(0, click(0), event(4 * minutes))],
      then: ["buy 1 1"],
    },
    "an edit that comes before an event ahead of the log applies to it": {
      given: [
        listing,
        items(0, click(0), event(minutes), event(4 * minutes), event(4 * minutes, 1, "sell")),
        { at: 2 * minutes, campaign: "c", kpiEvents: [{ name: "sell" }] },
        items(hours, event(4 * minutes)),
      ],
      then: ["buy 1 1", "sell 1 1"],
    },
    "of two edits at one instant the later in the log": {
      given: [
        listing,
        items(0, click(0), event(minutes)),
        { at: minutes, campaign: "c", kpiEvents: [] },
        { at: minutes, campaign: "c", kpiEvents: [{ name: "sell" }] },
        items(minutes, event(minutes, 1, "sell")),
        items(hours, event(minutes, 1, "sell")),
      ],
      then: ["buy 0 0", "sell 2 1"],
    },
    "a click that is ahead of the log": {
      given: [
        listing,
        items(0, click(3 * minutes)),
        items(0, event(2 * minutes), event(4 * minutes)),
      ],
      then: ["buy 1 1"],
    },
    "the longest window, and both at the end of the time in which they may arrive": {
      given: [
        { at: -days, campaign: "c", kpiEvents: [{ name: "buy", window: "P30D" }] },
        items(7 * days, click(0)),
        items(37 * days - 1, event(30 * days - 1)),
        items(37 * days, event(30 * days)),
      ],
      then: ["buy 1 1"],
    },
    "a click that arrives 7 days late": {
      given: [listing, items(hours, event(minutes)), items(7 * days, click(0))],
      then: ["buy 1 1"],
    },
  };

for (const [name, { given, campaigns, then }] of Object.entries(cases)) {
  Deno.test(name, () => {
    const query = campaigns ? { campaigns } : {};
    assertEquals(told(ask(folded(given), query)), then);
    // What is old is closed, and no different.
    const later = folded([...given, items(60 * days)]);
    assertEquals(told(ask(later, query)), then);
  });
}

Deno.test("by the time of the event, in the period and in each entry of the series", () => {
  const projection = folded([
    listing,
    items(9 * hours, click(0), event(14 * minutes), event(59 * minutes), click(0, 2)),
    items(9 * hours, event(59 * minutes, 2), event(58 * minutes, 2)),
  ]);
  const within = (fromMs: number, toMs: number) =>
    told(ask(projection, { fromMs: noonMs + fromMs, toMs: noonMs + toMs }));
  assertEquals(within(0, 15 * minutes), ["buy 1 1"]);
  assertEquals(within(15 * minutes, hours), ["buy 3 2"]);
  assertEquals(within(hours, days), ["buy 0 0"]);
  const query = { fromMs: noonMs - hours, toMs: noonMs + 2 * hours, granularity: "hour" } as const;
  assertEquals(ask(projection, query).series!.map(told), [["buy 0 0"], ["buy 4 2"], ["buy 0 0"]]);
  const { breakdown } = ask(projection, { by: "element" });
  assert(!("kpiEvents" in breakdown![0]!));
});

Deno.test("a series without bounds reaches to the last conversion", () => {
  const entries: Entry[] = [
    { at: -days, campaign: "c", kpiEvents: [{ name: "buy", window: "P3D" }] },
    items(3 * days, click(0), event(2 * days)),
  ];
  for (const given of [entries, [...entries, items(60 * days)]]) {
    const { series } = ask(folded(given), { granularity: "day" });
    assertEquals(series!.map(told), [["buy 0 0"], ["buy 0 0"], ["buy 1 1"]]);
  }
});

Deno.test("a device that clicks and does thousands of things is counted as any other", () => {
  const random = randomOf(7);
  const many = Array.from({ length: 6_000 }, (_, n) => ({
    id: 1_000_000 + n,
    at: random(5 * days),
    device: 1,
    ...(random(3) === 0
      ? { click: random(2) === 0 ? "c" : "d" }
      : { event: random(2) === 0 ? "buy" : "sell" }),
  }));
  const entries: Entry[] = [
    listing,
    { at: 0, campaign: "d", kpiEvents: [{ name: "sell", window: "PT2H" }] },
    { at: days, campaign: "c", kpiEvents: [{ name: "sell", window: "PT1H" }, { name: "buy" }] },
    ...Array.from(
      { length: 60 },
      (_, n) => items(5 * days + n, ...many.slice(n * 100, n * 100 + 100)),
    ),
  ];
  const expected = oracleOf(entries).answer(["c", "d"]);
  assertEquals(ask(folded(entries), { campaigns: ["c", "d"] }).kpiEvents, expected);
  // Loaded again when it has done thousands of things already.
  const stored = new StoredProjection(() => new KpiProjection(), logOf(entries));
  for (const count of [20, 15]) {
    stored.fold(count);
    stored.flush();
    stored.crash(0);
  }
  stored.fold(Infinity);
  assertEquals(ask(stored.model, { campaigns: ["c", "d"] }).kpiEvents, expected);
  stored.assertRows();
});

/** Every figure of some questions beside the oracle's. */
function assertLikeOracle(
  conversions: Conversions,
  entries: readonly Entry[],
  random = randomOf(1),
) {
  const oracle = oracleOf(entries);
  const all = ["a", "b", "c/d", "e", "f", "g"];
  let figures = 0;
  for (const campaigns of [all, ["a"], ["b", "g"], ["c/d", "e", "b"]]) {
    const asked = conversions.ask(campaigns);
    const same = (fromMs?: number, toMs?: number) => {
      const expected = oracle.answer(campaigns, fromMs, toMs);
      assertEquals(asked.within(fromMs, toMs), expected);
      figures += expected.length * 2;
    };
    same();
    for (const quarters of [1, 4, 96, 7 * 96, 800, 1_500]) {
      const fromMs = noonMs + (random(2_880) - quarters) * 15 * minutes;
      same(fromMs, fromMs + quarters * 15 * minutes);
    }
  }
  return figures;
}

Deno.test(`${oracleItems} shuffled interactions are attributed as the oracle does, across crashes`, () => {
  const entries = randomEntries(seed, oracleItems);
  const log = logOf(entries);
  const newItems = newItemsOf(log);
  const random = randomOf(seed + 1);
  const stored = new StoredProjection(() => new ConversionsOnly(newItems), log);
  let crashes = 0;
  while (!stored.isAtEnd) {
    stored.fold(1 + random(Math.ceil(log.length / 30)));
    stored.flush();
    if (random(3) !== 0 || crashes > 12) continue;
    crashes++;
    stored.fold(1 + random(Math.ceil(log.length / 15)));
    stored.crash(random(200));
    const linking = stored.model.conversions.warm()[Symbol.iterator]();
    for (let step = random(40); step > 0 && !linking.next().done; step--) stored.fold(random(2));
  }
  const figures = assertLikeOracle(stored.model.conversions, entries);
  stored.assertRows();
  console.log(
    `seed ${seed}: ${oracleItems} interactions, ${crashes} crashes, ${stored.rows.size} rows, ` +
      `${figures} figures`,
  );
});

const someEntries = fc.tuple(fc.nat(), fc.integer({ min: 1, max: 300 }))
  .map(([seed, count]) => randomEntries(seed, count));

Deno.test("a restart anywhere, with rows ahead of the checkpoint, changes nothing", async () => {
  const steps = fc.array(fc.tuple(fc.nat(60), fc.nat(60), fc.nat()), { maxLength: 8 });
  await fc.assert(
    fc.asyncProperty(someEntries, steps, async (entries, steps) => {
      const create = () => new KpiProjection({ conversionBlockRecords: 4 });
      const stored = new StoredProjection(create, logOf(entries));
      for (const [before, after, seed] of steps) {
        stored.fold(before);
        stored.flush();
        stored.fold(after);
        if (seed % 2 === 0) await stored.model.ask({ campaigns: ["a", "b"], timeZone: "UTC" });
        if (seed % 3 === 0) continue;
        stored.crash(seed % 101);
        // Records may be linked bit by bit, while others come.
        const linking = stored.model.conversions.warm()[Symbol.iterator]();
        for (let step = seed % 8; step > 0; step--) {
          linking.next();
          stored.fold(step % 2);
        }
      }
      stored.fold(Infinity);
      assertLikeOracle(stored.model.conversions, entries);
      stored.assertRows();
    }),
    { numRuns: 60 },
  );
});

Deno.test("the order and number of arrivals do not matter", () => {
  const cause = fc.record({
    at: fc.oneof(fc.nat(3 * hours), fc.nat(6 * days)),
    device: fc.integer({ min: 1, max: 3 }),
    what: fc.constantFrom("click c", "click d", "event buy", "event sell"),
  });
  const edit = fc.record({
    at: fc.nat(6 * days),
    campaign: fc.constantFrom("c", "d"),
    kpiEvents: fc.uniqueArray(
      fc.record({ name: fc.constantFrom("buy", "sell"), window: fc.constantFrom(...windows) }),
      { selector: ({ name }) => name },
    ),
  });
  const arrivals = fc.array(cause, { minLength: 1, maxLength: 40 }).chain((causes) => {
    const all = causes.map(({ at, device, what }, id): Item => {
      const [kind, of] = what.split(" ");
      return { id, at, device, [kind!]: of };
    });
    return fc.record({
      inOrder: fc.constant(all),
      shuffled: fc.shuffledSubarray([...all, ...all], { minLength: all.length * 2 }),
      // When each arrives, from when it happened to 7 days later.
      lags: fc.array(fc.nat(100), { minLength: all.length * 2, maxLength: all.length * 2 }),
    });
  });
  fc.assert(
    fc.property(
      arrivals,
      fc.array(edit, { maxLength: 6 }),
      ({ inOrder, shuffled, lags }, edits) => {
        const recorded = (entries: Entry[]) =>
          [listing, ...edits, ...entries].sort((left, right) => left.at - right.at);
        const once = recorded([items(6 * days + hours, ...inOrder)]);
        const often = recorded(
          shuffled.map((item, n) =>
            items(item.at - 5 * minutes + Math.floor(lags[n]! / 100 * 7 * days), item)
          ),
        );
        const asked = {
          campaigns: ["c", "d"],
          granularity: "hour",
          fromMs: noonMs - days,
          toMs: noonMs + 8 * days,
        } as const;
        const expected = ask(folded(once), asked).kpiEvents;
        assertEquals(expected, oracleOf(once).answer(["c", "d"], asked.fromMs, asked.toMs));
        assertEquals(ask(folded(often), asked), ask(folded(once), asked));
      },
    ),
    { numRuns: 100 },
  );
});

Deno.test("dirty rows are all that changed, and old rows are used again", () => {
  const entries = randomEntries(5, 2_000);
  const later = (entry: Entry, ms: number): Entry =>
    "items" in entry
      ? {
        at: entry.at + ms,
        items: entry.items.map((item) => ({ ...item, id: item.id + ms, at: item.at + ms })),
      }
      : { ...entry, at: entry.at + ms };
  const create = () => new KpiProjection({ conversionBlockRecords: 16 });
  const long = [0, 50, 100, 150].flatMap((day) => entries.map((entry) => later(entry, day * days)));
  const stored = new StoredProjection(create, logOf(long));
  const counts: number[] = [];
  while (!stored.isAtEnd) {
    stored.fold(entries.length);
    stored.flush();
    counts.push([...stored.rows.keys()].filter((key) => /^click|event/.test(key)).length);
  }
  stored.assertRows();
  assert(counts[3]! < counts[0]! * 2.5, `${counts}`);
});

Deno.test("a second of waiting does not matter: settled or not, the answer is one", () => {
  const given = [listing, items(0, click(0), event(1), event(999), event(4 * seconds))];
  for (const at of [0, 1, 999, seconds, 4_500, 5 * seconds, minutes]) {
    assertEquals(told(ask(folded([...given, items(at)]))), ["buy 3 1"]);
  }
});
