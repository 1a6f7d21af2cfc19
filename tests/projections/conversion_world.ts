/** Logs of clicks and events for the tests of conversions: written out, and random ones of any size. */
import { type ChunkItem, encodeChunk } from "../../events/interaction_chunk.ts";
import type { DomainEvent, RecordedEvent } from "../../events/recorded_event.ts";
import { ConversionOracle, type OracleItem } from "../support/conversion_oracle.ts";

export const seconds = 1_000;
export const minutes = 60 * seconds;
export const hours = 60 * minutes;
export const days = 24 * hours;
export const noonMs = Date.parse("2026-04-01T12:00:00.000Z");

/** Windows are ISO 8601; times are milliseconds after noon. */
export type Entry =
  | { readonly at: number; readonly items: readonly Item[] }
  | {
    readonly at: number;
    readonly campaign: string;
    /** Absent: an edit that leaves them. */
    readonly kpiEvents?: readonly { readonly name: string; readonly window?: string }[] | null;
  };

export interface Item {
  readonly id: number;
  readonly at: number;
  readonly device: number;
  /** The campaign that is clicked. */
  readonly click?: string;
  /** The name of an event. */
  readonly event?: string;
}

export function logOf(entries: readonly Entry[]): RecordedEvent[] {
  const created = new Set<string>();
  return entries.map((entry, index) => {
    const isChunk = "items" in entry;
    let event: DomainEvent;
    if (isChunk) {
      event = { type: "interactions_recorded", schema: 1, data: { count: entry.items.length } };
    } else {
      const set = entry.kpiEvents === undefined ? { name: "n" } : { kpiEvents: entry.kpiEvents };
      event = created.has(entry.campaign)
        ? { type: "campaign_edited", schema: 1, data: { set, contentRevision: 1 } }
        : {
          type: "campaign_created",
          schema: 1,
          data: { settings: entry.kpiEvents ? set : { name: "n" }, copiedFrom: null },
        };
      created.add(entry.campaign);
    }
    return {
      position: String(index).padStart(8, "0"),
      stream: isChunk ? "interactions/w" : `campaign/${entry.campaign}`,
      version: index + 1,
      timeMs: noonMs + entry.at,
      meta: { actor: "clock", commandId: "1", traceId: "1" },
      event,
      hash: "",
      ...(isChunk && { body: encodeChunk(entry.items.map(chunkItem)) }),
    };
  });
}

export function oracleOf(entries: readonly Entry[]): ConversionOracle {
  const oracle = new ConversionOracle();
  const created = new Set<string>();
  for (const entry of entries) {
    if ("items" in entry) {
      for (const item of entry.items) oracle.receive(oracleItem(item));
      continue;
    }
    const isNew = !created.has(entry.campaign);
    created.add(entry.campaign);
    if (entry.kpiEvents === undefined || (isNew && entry.kpiEvents === null)) continue;
    const windows = (entry.kpiEvents ?? []).map(({ name, window }) =>
      [name, windowMs(window ?? "P1D")] as const
    );
    oracle.lists(entry.campaign, noonMs + entry.at, Object.fromEntries(windows));
  }
  return oracle;
}

export const windows = ["PT1H", "PT6H", "P1D", "P3D", "P30D"] as const;

function windowMs(window: string): number {
  const [, count, unit] = /^PT?(\d+)([DH])$/.exec(window)!;
  return Number(count) * (unit === "D" ? days : hours);
}

function oracleItem({ id, at, device, click, event }: Item): OracleItem {
  return {
    id,
    kind: click !== undefined ? "click" : event !== undefined ? "event" : "impression",
    campaignId: click ?? null,
    name: event ?? null,
    device,
    occurredAtMs: noonMs + at,
  };
}

function chunkItem(item: Item): ChunkItem {
  const { id, kind, campaignId, name, device, occurredAtMs } = oracleItem(item);
  const digest = new Uint8Array(16);
  const view = new DataView(digest.buffer);
  view.setUint32(0, Math.imul(id + 1, 0x9e3779b1));
  view.setUint32(8, id + 1);
  return {
    digest,
    kind,
    // An event counts for whom it counts, whatever campaign it names.
    campaignId: kind === "impression" ? "a" : kind === "event" && id % 3 === 0 ? "b" : campaignId,
    device,
    user: 0,
    platform: "web",
    revision: 0,
    elementId: null,
    variant: null,
    name,
    session: 0,
    claim: null,
    occurredAtMs,
  };
}

/** From 0 on and below `limit`; the same numbers for the same seed. */
export function randomOf(seed: number): (limit: number) => number {
  let state = seed >>> 0;
  return (limit) => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return Math.floor(((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32 * limit);
  };
}

/**
 * 30 days of a handful of campaigns that are edited now and then. Items arrive up to 7 days late, in
 * any order, some twice; some are dated up to 5 minutes ahead. A chunk is recorded when its last item
 * arrives, and waits for it an hour at most, however seldom one comes.
 */
export function randomEntries(seed: number, itemCount: number): Entry[] {
  const random = randomOf(seed);
  const campaigns = ["a", "b", "c/d", "e", "f", "g"];
  const names = ["purchase", "signup", "view", "toString", "never listed"];
  const listing = () =>
    names.slice(0, 4).filter(() => random(2) === 0)
      .map((name) => ({ name, window: windows[random(windows.length)]! }));
  const edits: Entry[] = campaigns.flatMap((campaign, index) => [
    index === 1 ? { at: 0, campaign } : { at: 0, campaign, kpiEvents: listing() },
    ...Array.from({ length: 8 }, () => {
      const at = random(30 * days);
      const kpiEvents = [undefined, null, listing(), listing()][random(4)];
      return { at, campaign, ...(kpiEvents !== undefined && { kpiEvents }) };
    }),
  ]);
  const arrivals = Array.from({ length: itemCount }, (_, n) => {
    const lagMs = random(4) === 0
      ? random(7 * days)
      : random(3) === 0
      ? random(10 * minutes) - 5 * minutes
      : random(2 * hours);
    const happened = random(30 * days);
    const device = 1 + random(Math.max(3, itemCount / 12));
    const kind = random(10);
    const item: Item = {
      id: n,
      at: happened,
      device,
      ...(kind < 3 && { click: campaigns[random(campaigns.length)]! }),
      ...(kind >= 3 && kind < 9 && { event: names[random(names.length)]! }),
    };
    return { arrivedAt: Math.max(0, happened + lagMs), item };
  });
  for (let again = Math.ceil(itemCount / 20); again > 0; again--) {
    const { arrivedAt, item } = arrivals[random(itemCount)]!;
    const latest = item.at + 7 * days;
    arrivals.push({
      arrivedAt: arrivedAt + random(latest - arrivedAt),
      item: random(2) === 0 ? item : { ...item, device: item.device + 1 },
    });
  }
  arrivals.sort((left, right) => left.arrivedAt - right.arrivedAt);
  const chunkItems = Math.max(1, Math.min(500, Math.ceil(itemCount / 400)));
  const chunks: Entry[] = [];
  for (let from = 0, to = 0; from < arrivals.length; from = to) {
    const latest = arrivals[from]!.arrivedAt + hours;
    while (to < from + chunkItems && to < arrivals.length && arrivals[to]!.arrivedAt <= latest) {
      to++;
    }
    const some = arrivals.slice(from, to);
    chunks.push({ at: some.at(-1)!.arrivedAt, items: some.map(({ item }) => item) });
  }
  return [...edits, ...chunks].sort((left, right) => left.at - right.at);
}
