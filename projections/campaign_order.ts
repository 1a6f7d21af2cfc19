/**
 * The campaigns in every order that a list may ask for, by status, and what lists choose by. It follows
 * each change of a row, so that a page costs the same however many campaigns there are.
 */
import type { CampaignStatus } from "../events/campaign_events.ts";
import { campaignStatuses } from "../events/campaign_events.ts";
import type { CampaignRow } from "./campaigns.ts";
import { SortedBlocks } from "./sorted_blocks.ts";

export const listSorts = ["createdAt", "updatedAt", "startAt", "name"] as const;
export type ListSort = (typeof listSorts)[number];

/** Where a campaign stands in a list: its sort value as text, and its id. */
export interface Place {
  readonly value: string;
  readonly id: string;
}

/** What a list chooses and sorts a campaign by. */
export interface ListedCampaign {
  readonly id: string;
  readonly status: CampaignStatus;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  /** Empty for none: it comes first. */
  readonly startAt: string;
  /** In lower case. */
  readonly name: string;
  readonly type: string;
  readonly platforms: readonly string[];
}

export class CampaignOrder {
  readonly #byId = new Map<string, ListedCampaign>();
  readonly #orders = new Map<CampaignStatus, Record<ListSort, SortedBlocks<ListedCampaign>>>();
  /** One list for all campaigns that have the same platforms. */
  readonly #platforms = new Map<string, readonly string[]>();

  set(row: CampaignRow): void {
    const before = this.#byId.get(row.id);
    if (row.status === "deleted") {
      this.#byId.delete(row.id);
      if (before) this.#remove(before, listSorts);
      return;
    }
    const now = this.#listed(row, row.status);
    if (!before) {
      this.#byId.set(row.id, now);
      this.#add(now, listSorts);
      return;
    }
    const moved = listSorts.filter((sort) =>
      before.status !== now.status || comparisons[sort](before, now) !== 0
    );
    this.#remove(before, moved);
    // The same object stays in the orders that it does not move in.
    Object.assign(before, now);
    this.#add(before, moved);
  }

  count(status: CampaignStatus): number {
    return this.#orders.get(status)?.createdAt.size ?? 0;
  }

  /** Those of some statuses in order, from behind a place on. */
  *list(
    { sort, descending, statuses = campaignStatuses, after }: {
      readonly sort: ListSort;
      readonly descending: boolean;
      readonly statuses?: readonly CampaignStatus[];
      readonly after?: Place;
    },
  ): Generator<ListedCampaign> {
    const lists = [...new Set(statuses)].flatMap((status) => {
      const order = this.#orders.get(status)?.[sort];
      if (!order) return [];
      const items = descending
        ? order.downFrom((item) => !after || comparePlaces(placeOf(item, sort), after) < 0)
        : order.upFrom((item) => !!after && comparePlaces(placeOf(item, sort), after) <= 0);
      const { value } = items.next();
      return value ? [{ items, head: value }] : [];
    });
    const compare = comparisons[sort];
    const direction = descending ? -1 : 1;
    while (lists.length > 0) {
      let first = 0;
      for (let other = 1; other < lists.length; other++) {
        if (compare(lists[other]!.head, lists[first]!.head) * direction < 0) first = other;
      }
      const list = lists[first]!;
      yield list.head;
      const { value } = list.items.next();
      if (value) list.head = value;
      else lists.splice(first, 1);
    }
  }

  #order(status: CampaignStatus): Record<ListSort, SortedBlocks<ListedCampaign>> {
    let order = this.#orders.get(status);
    if (!order) {
      order = {
        createdAt: new SortedBlocks(comparisons.createdAt),
        updatedAt: new SortedBlocks(comparisons.updatedAt),
        startAt: new SortedBlocks(comparisons.startAt),
        name: new SortedBlocks(comparisons.name),
      };
      this.#orders.set(status, order);
    }
    return order;
  }

  #add(listed: ListedCampaign, sorts: readonly ListSort[]): void {
    for (const sort of sorts) this.#order(listed.status)[sort].add(listed);
  }

  #remove(listed: ListedCampaign, sorts: readonly ListSort[]): void {
    for (const sort of sorts) this.#order(listed.status)[sort].delete(listed);
  }

  #listed(row: CampaignRow, status: CampaignStatus): ListedCampaign {
    const { id, createdAtMs, updatedAtMs, settings } = row;
    const platforms = settings.platforms ?? [];
    const key = platforms.join();
    if (!this.#platforms.has(key)) this.#platforms.set(key, platforms);
    return {
      id,
      status,
      createdAtMs,
      updatedAtMs,
      startAt: settings.schedule?.startAt ?? "",
      name: settings.name.toLocaleLowerCase("en"),
      type: settings.type,
      platforms: this.#platforms.get(key)!,
    };
  }
}

export function placeOf(listed: ListedCampaign, sort: ListSort): Place {
  return { value: sortValue(listed, sort), id: listed.id };
}

/** Text in the order of the values. */
function sortValue(listed: ListedCampaign, sort: ListSort): string {
  switch (sort) {
    case "createdAt":
      return new Date(listed.createdAtMs).toISOString();
    case "updatedAt":
      return new Date(listed.updatedAtMs).toISOString();
    case "startAt":
      return listed.startAt;
    case "name":
      return listed.name;
  }
}

const comparisons: Record<ListSort, (one: ListedCampaign, other: ListedCampaign) => number> = {
  createdAt: (one, other) => one.createdAtMs - other.createdAtMs || compareTexts(one.id, other.id),
  updatedAt: (one, other) => one.updatedAtMs - other.updatedAtMs || compareTexts(one.id, other.id),
  startAt: (one, other) =>
    compareTexts(one.startAt, other.startAt) || compareTexts(one.id, other.id),
  name: (one, other) => compareTexts(one.name, other.name) || compareTexts(one.id, other.id),
};

function comparePlaces(one: Place, other: Place): number {
  return compareTexts(one.value, other.value) || compareTexts(one.id, other.id);
}

function compareTexts(one: string, other: string): number {
  return one < other ? -1 : one > other ? 1 : 0;
}
