/** The question "which campaigns are there?": filter, search, sort, page. */
import type { CampaignStatus } from "../events/campaign_events.ts";
import type { Platform } from "../events/workspace_events.ts";
import type { CampaignRow, CampaignsProjection } from "./campaigns.ts";

export const listSorts = ["createdAt", "updatedAt", "startAt", "name"] as const;
export type ListSort = (typeof listSorts)[number];

export interface ListQuery {
  readonly statuses?: readonly CampaignStatus[];
  readonly type?: string;
  readonly platform?: Platform;
  /** Part of the name, whatever the case. */
  readonly q?: string;
  readonly sort: ListSort;
  readonly descending: boolean;
  readonly limit: number;
  /** The last row of the page before: its sort value and id. Stable while campaigns come and go. */
  readonly after?: { readonly value: string; readonly id: string };
}

export interface ListPage {
  readonly rows: readonly CampaignRow[];
  readonly next: { readonly value: string; readonly id: string } | null;
}

export function listCampaigns(campaigns: CampaignsProjection, query: ListQuery): ListPage {
  const wanted = query.q?.toLocaleLowerCase("en");
  const found: { value: string; row: CampaignRow }[] = [];
  for (const row of campaigns.rows.values()) {
    if (row.status === "deleted") continue;
    if (query.statuses && !query.statuses.includes(row.status)) continue;
    if (query.type !== undefined && row.settings.type !== query.type) continue;
    if (query.platform && !row.settings.platforms?.includes(query.platform)) continue;
    if (wanted && !row.settings.name.toLocaleLowerCase("en").includes(wanted)) continue;
    const value = sortValue(row, query.sort);
    if (query.after && order(query, { value, id: row.id }, query.after) <= 0) continue;
    found.push({ value, row });
  }
  found.sort((a, b) =>
    order(query, { value: a.value, id: a.row.id }, { value: b.value, id: b.row.id })
  );
  const page = found.slice(0, query.limit);
  const last = page.at(-1);
  return {
    rows: page.map(({ row }) => row),
    next: last && found.length > page.length ? { value: last.value, id: last.row.id } : null,
  };
}

interface Place {
  readonly value: string;
  readonly id: string;
}

function order(query: ListQuery, a: Place, b: Place): number {
  const up = a.value < b.value
    ? -1
    : a.value > b.value
    ? 1
    : a.id < b.id
    ? -1
    : a.id > b.id
    ? 1
    : 0;
  return query.descending ? -up : up;
}

/** Text in the order of the values; a campaign without a start comes first. */
function sortValue(row: CampaignRow, sort: ListSort): string {
  switch (sort) {
    case "createdAt":
      return new Date(row.createdAtMs).toISOString();
    case "updatedAt":
      return new Date(row.updatedAtMs).toISOString();
    case "startAt":
      return row.settings.schedule?.startAt ?? "";
    case "name":
      return row.settings.name.toLocaleLowerCase("en");
  }
}
