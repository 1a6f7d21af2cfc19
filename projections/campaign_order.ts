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
  readonly #counts = new Map<CampaignStatus, number>();
  /** By sort. Made when somebody first asks for it, so that a start need not sort anything. */
  readonly #orders = new Map<ListSort, Map<CampaignStatus, SortedBlocks<ListedCampaign>>>();
  /** One list for all campaigns that have the same platforms. */
  readonly #platforms = new Map<string, readonly string[]>();

  set(row: CampaignRow): void {
    const before = this.#byId.get(row.id);
    if (before) this.#count(before.status, -1);
    if (row.status === "deleted") {
      this.#byId.delete(row.id);
      if (before) { for (const order of this.#orders.values()) remove(order, before); }
      return;
    }
    const now = this.#listed(row, row.status);
    this.#count(now.status, 1);
    if (!before) {
      this.#byId.set(row.id, now);
      for (const [sort, order] of this.#orders) add(order, sort, now);
      return;
    }
    const moved = [...this.#orders].filter(([sort]) =>
      before.status !== now.status || comparisons[sort](before, now) !== 0
    );
    for (const [, order] of moved) remove(order, before);
    // The same object stays in the orders that it does not move in.
    Object.assign(before, now);
    for (const [sort, order] of moved) add(order, sort, before);
  }

  count(status: CampaignStatus): number {
    return this.#counts.get(status) ?? 0;
  }

  /** Those of some statuses in order, from behind a place on, as far as `take` says true. */
  take(
    { sort, descending, statuses = campaignStatuses, after }: {
      readonly sort: ListSort;
      readonly descending: boolean;
      readonly statuses?: readonly CampaignStatus[];
      readonly after?: Place;
    },
    take: (listed: ListedCampaign) => boolean,
  ): void {
    const order = this.#orders.get(sort) ?? this.#sorted(sort);
    const lists = [...new Set(statuses)].flatMap((status) => {
      const blocks = order.get(status);
      if (!blocks || blocks.size === 0) return [];
      return [
        descending
          ? blocks.downFrom((item) => !after || comparePlaces(placeOf(item, sort), after) < 0)
          : blocks.upFrom((item) => !!after && comparePlaces(placeOf(item, sort), after) <= 0),
      ];
    }).filter((walk) => walk.item !== undefined);
    const compare = comparisons[sort];
    const direction = descending ? -1 : 1;
    while (lists.length > 0) {
      let first = 0;
      for (let other = 1; other < lists.length; other++) {
        if (compare(lists[other]!.item!, lists[first]!.item!) * direction < 0) first = other;
      }
      const walk = lists[first]!;
      if (!take(walk.item!)) return;
      walk.step();
      if (walk.item === undefined) lists.splice(first, 1);
    }
  }

  #sorted(sort: ListSort): Map<CampaignStatus, SortedBlocks<ListedCampaign>> {
    const order = new Map<CampaignStatus, SortedBlocks<ListedCampaign>>();
    const byStatus = Map.groupBy(this.#byId.values(), ({ status }) => status);
    for (const [status, listed] of byStatus) {
      order.set(status, new SortedBlocks(comparisons[sort], listed));
    }
    this.#orders.set(sort, order);
    return order;
  }

  #count(status: CampaignStatus, change: number): void {
    this.#counts.set(status, this.count(status) + change);
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
      name: settings.name.toLowerCase(),
      type: settings.type,
      platforms: this.#platforms.get(key)!,
    };
  }
}

function add(
  order: Map<CampaignStatus, SortedBlocks<ListedCampaign>>,
  sort: ListSort,
  listed: ListedCampaign,
): void {
  let blocks = order.get(listed.status);
  if (!blocks) order.set(listed.status, blocks = new SortedBlocks(comparisons[sort]));
  blocks.add(listed);
}

function remove(
  order: ReadonlyMap<CampaignStatus, SortedBlocks<ListedCampaign>>,
  listed: ListedCampaign,
): void {
  order.get(listed.status)!.delete(listed);
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
