/** The list of campaigns: filter, search, sort, and pages that hold while campaigns come. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { type CampaignStatus, campaignStatuses } from "../../events/campaign_events.ts";
import type { CampaignSettings } from "../../events/campaign_settings.ts";
import {
  listCampaigns,
  type ListQuery,
  type ListSort,
  listSorts,
} from "../../projections/campaign_list.ts";
import { type CampaignRow, CampaignsProjection } from "../../projections/campaigns.ts";
import { law } from "../support/laws.ts";

type Some = Omit<Partial<CampaignRow>, "settings"> & {
  readonly id: string;
  readonly settings?: Partial<CampaignSettings>;
};

function rowOf({ settings, ...given }: Some): CampaignRow {
  return {
    status: "writing",
    version: 1,
    contentRevision: 1,
    copiedFrom: null,
    createdAtMs: 0,
    updatedAtMs: 0,
    settingsChangedAtMs: 0,
    revisions: [],
    snapshotId: null,
    tests: [],
    deliveryChangedPosition: "",
    ...given,
    settings: { name: "n", type: "modal_text", ...settings },
  };
}

function modelOf(rows: readonly Some[]): CampaignsProjection {
  const model = new CampaignsProjection();
  for (const row of rows) put(model, row);
  return model;
}

function put(model: CampaignsProjection, row: Some): void {
  model.loadRow(row.id, new TextEncoder().encode(JSON.stringify(rowOf(row))), "");
}

const all: ListQuery = { sort: "createdAt", descending: false, limit: 200 };

const few: Some[] = [
  { id: "a", createdAtMs: 3, updatedAtMs: 9, settings: { name: "beta", platforms: ["web"] } },
  { id: "b", createdAtMs: 1, updatedAtMs: 9, status: "posting", settings: { name: "Alpha" } },
  {
    id: "c",
    createdAtMs: 2,
    updatedAtMs: 8,
    status: "ended",
    settings: {
      name: "Überraschung ÄÖ",
      type: "sticky_banner",
      platforms: ["ios", "web"],
      schedule: { startAt: "2026-04-01T00:00:00.000Z" },
    },
  },
  { id: "d", createdAtMs: 2, status: "deleted", settings: { name: "alpha" } },
  { id: "e", createdAtMs: 2, updatedAtMs: 1, settings: { name: "alpha", schedule: {} } },
];

const table: [query: Partial<ListQuery>, ids: string][] = [
  [{}, "b c e a"],
  [{ descending: true }, "a e c b"],
  [{ sort: "updatedAt" }, "e c a b"],
  [{ sort: "updatedAt", descending: true }, "b a c e"],
  [{ sort: "name" }, "b e a c"],
  [{ sort: "startAt" }, "a b e c"],
  [{ sort: "startAt", descending: true }, "c e b a"],
  [{ statuses: ["writing"] }, "e a"],
  [{ statuses: ["ended", "posting"] }, "b c"],
  [{ statuses: [] }, ""],
  [{ type: "sticky_banner" }, "c"],
  [{ type: "toast" }, ""],
  [{ platform: "web" }, "c a"],
  [{ platform: "android" }, ""],
  [{ q: "ALPHA" }, "b e"],
  [{ q: "übeR" }, "c"],
  [{ q: "äö" }, "c"],
  [{ q: "" }, "b c e a"],
  [{ q: "alpha", statuses: ["writing"] }, "e"],
  [{ platform: "web", type: "modal_text" }, "a"],
  [{ limit: 2 }, "b c"],
  [{ after: { value: new Date(2).toISOString(), id: "c" } }, "e a"],
  [{ after: { value: new Date(2).toISOString(), id: "d" } }, "e a"],
  [{ after: { value: new Date(2).toISOString(), id: "d" }, descending: true }, "c b"],
  [{ after: { value: "~", id: "" } }, ""],
  [{ after: { value: "", id: "" } }, "b c e a"],
];

Deno.test("campaign list: filters, search and sorts", () => {
  const model = modelOf(few);
  for (const [query, ids] of table) {
    const { rows } = listCampaigns(model, { ...all, ...query });
    assertEquals(rows.map(({ id }) => id).join(" "), ids, JSON.stringify(query));
  }
});

Deno.test("campaign list: there is a next page only where something follows", () => {
  const model = modelOf(few);
  assertEquals(listCampaigns(model, { ...all, limit: 4 }).next, null);
  assertEquals(listCampaigns(model, { ...all, limit: 3 }).next, {
    value: new Date(2).toISOString(),
    id: "e",
  });
  assertEquals(listCampaigns(modelOf([]), all), { rows: [], next: null });
});

const instants = [0, 1, 999, 1_000, 1_700_000_000_000];
const instantMs = fc.constantFrom(...instants);
const names = ["a", "A", "b", "Ab", "é", "e\u0301", "😀", "\uffff", "z z"];
const row: fc.Arbitrary<Some> = fc.record({
  id: fc.stringMatching(/^[ab_~]{1,4}$/),
  status: fc.constantFrom<CampaignStatus | "deleted">("writing", "posting", "ended", "deleted"),
  createdAtMs: instantMs,
  updatedAtMs: instantMs,
  settings: fc.record({
    name: fc.constantFrom(...names),
    type: fc.constantFrom("modal_text" as const, "sticky_banner"),
    platforms: fc.constantFrom(["web" as const], ["web" as const, "ios" as const], []),
    schedule: fc.record({
      startAt: fc.option(instantMs.map((ms) => new Date(ms).toISOString())),
    }, { requiredKeys: [] }),
  }),
});
const query: fc.Arbitrary<ListQuery> = fc.record({
  statuses: fc.constantFrom<CampaignStatus[]>(["writing", "posting"], ["ended"]),
  type: fc.constantFrom("modal_text", "sticky_banner"),
  platform: fc.constantFrom("web" as const, "ios"),
  q: fc.constantFrom("a", "B", "É", "\u0301"),
  sort: fc.constantFrom(...listSorts),
  descending: fc.boolean(),
  limit: fc.integer({ min: 1, max: 5 }),
}, { requiredKeys: ["sort", "descending", "limit"] });
const uniqueRows = fc.uniqueArray(row, { selector: ({ id }) => id, maxLength: 25 });

/** Written anew, without a thought of pages. */
function wanted(rows: readonly Some[], { sort, descending, ...query }: ListQuery): string[] {
  const found = rows.map(rowOf).filter(({ status, settings }) =>
    status !== "deleted" &&
    (!query.statuses || query.statuses.includes(status)) &&
    (!query.type || settings.type === query.type) &&
    (!query.platform || settings.platforms!.includes(query.platform)) &&
    (!query.q || settings.name.toLowerCase().includes(query.q.toLowerCase()))
  );
  const value: Record<ListSort, (row: CampaignRow) => string | number> = {
    createdAt: (row) => row.createdAtMs,
    updatedAt: (row) => row.updatedAtMs,
    startAt: (row) => Date.parse(row.settings.schedule?.startAt ?? "1900-01-01"),
    name: (row) => row.settings.name.toLowerCase(),
  };
  const compare = <T>(a: T, b: T) => a < b ? -1 : a > b ? 1 : 0;
  found.sort((a, b) => compare(value[sort](a), value[sort](b)) || compare(a.id, b.id));
  return (descending ? found.reverse() : found).map(({ id }) => id);
}

/** All pages; `between` may add rows before each page but the first. */
function paged(
  model: CampaignsProjection,
  query: ListQuery,
  between: () => void = () => {},
): string[] {
  const ids: string[] = [];
  for (let page = query;; between()) {
    const { rows, next } = listCampaigns(model, page);
    ids.push(...rows.map(({ id }) => id));
    assert(rows.length <= query.limit);
    if (next === null) return ids;
    assertEquals(rows.length, query.limit);
    page = { ...query, after: next };
  }
}

Deno.test("campaign list: any pages give each campaign once and in order", () => {
  law(fc.tuple(uniqueRows, query), ([rows, query]) => {
    assertEquals(paged(modelOf(rows), query), wanted(rows, query));
  }, 1_000);
});

Deno.test("campaign list: campaigns that come between pages leave the others as they were", () => {
  law(fc.tuple(uniqueRows, fc.nat(25), query), ([rows, first, query]) => {
    const before = rows.slice(0, first), later = rows.slice(first);
    const model = modelOf(before);
    const ids = paged(model, query, () => {
      for (const row of later.splice(0, 2)) put(model, row);
    });
    const there = new Set(before.map(({ id }) => id));
    assertEquals(ids.filter((id) => there.has(id)), wanted(before, query));
    // New ones appear behind the page that was read, or not at all; never twice, always in order.
    assertEquals(ids, wanted(rows, query).filter((id) => ids.includes(id)));
  }, 1_000);
});

Deno.test("campaign list: after any changes it is as if it were sorted anew", () => {
  law(fc.tuple(fc.array(row, { maxLength: 60 }), fc.nat(60), query), ([changes, first, query]) => {
    const model = new CampaignsProjection();
    const last = new Map<string, Some>();
    for (const [index, change] of changes.entries()) {
      // The orders are made when they are first asked for, and kept from then on.
      if (index === first) { for (const sort of listSorts) listCampaigns(model, { ...all, sort }); }
      put(model, change);
      last.set(change.id, change);
    }
    const rows = [...last.values()];
    assertEquals(paged(model, query), wanted(rows, query));
    for (const status of campaignStatuses) {
      assertEquals(model.count(status), rows.filter((row) => row.status === status).length);
    }
  }, 1_000);
});
