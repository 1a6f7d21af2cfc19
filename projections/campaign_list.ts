/** The question "which campaigns are there?": filter, search, sort, page. */
import type { CampaignStatus } from "../events/campaign_events.ts";
import type { Platform } from "../events/workspace_events.ts";
import { type ListedCampaign, type ListSort, type Place, placeOf } from "./campaign_order.ts";
import type { CampaignRow, CampaignsProjection } from "./campaigns.ts";

export { type ListSort, listSorts } from "./campaign_order.ts";

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
  readonly after?: Place;
}

export interface ListPage {
  readonly rows: readonly CampaignRow[];
  readonly next: Place | null;
}

export function listCampaigns(campaigns: CampaignsProjection, query: ListQuery): ListPage {
  const wanted = query.q?.toLowerCase();
  const page: ListedCampaign[] = [];
  let more = false;
  campaigns.order.take(query, (listed) => {
    if (query.type !== undefined && listed.type !== query.type) return true;
    if (query.platform && !listed.platforms.includes(query.platform)) return true;
    if (wanted && !listed.name.includes(wanted)) return true;
    more = page.length === query.limit;
    if (!more) page.push(listed);
    return !more;
  });
  return {
    rows: page.map(({ id }) => campaigns.get(id)!),
    next: more ? placeOf(page.at(-1)!, query.sort) : null,
  };
}
