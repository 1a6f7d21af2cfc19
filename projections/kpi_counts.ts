/**
 * The counts of all campaigns as rows. A day is closed when nothing that is accepted can fall into it
 * any more, judged by recorded time, so that a replay closes it at the same event.
 *
 * `closed/…` says which days and spans have become cold rows. It is written after those and before the
 * rows that they were made of are deleted: wherever a crash comes between, every interaction is in one
 * place. Rows that it has made useless may still be stored, and are passed over at a start.
 */
import type { RecordedEvent } from "../events/recorded_event.ts";
import { CampaignKpi, type ClosedJson, daysPerSpan, type SpanRow } from "./kpi_campaign.ts";
import { coldKeys, ColdReading, ColdRows } from "./kpi_cold_rows.ts";
import type { TimelineEvent } from "./kpi_late.ts";
import { isThrough, quarterMs, type QuarterRow, quartersPerDay } from "./kpi_quarter.ts";
import type { KpiQuery } from "./kpi_query.ts";
import { Tally } from "./kpi_tally.ts";
import { firstQueries, warmOpenDays } from "./kpi_warm.ts";

/** Interactions are accepted for 7 days, and recorded soon after. */
const closeAfterDaysDefault = 8;
/** A day of forty campaigns: rows that many chunks go to are not sealed in between. */
const liveRowsMax = 4_096;
const dayMs = quartersPerDay * quarterMs;

type Row = QuarterRow<CampaignKpi>;

export interface KpiCountsOptions {
  readonly closeAfterDays?: number;
  readonly cacheBytesMax?: number;
}

export class KpiCounts {
  readonly campaigns = new Map<string, CampaignKpi>();
  readonly cold: ColdRows;
  readonly waiting = new Set<Row>();
  /** Rows with live cells, the longest untouched first. */
  readonly #live = new Set<Row>();
  /** Campaigns that have anything on a day. */
  readonly #byDay = new Map<number, Set<CampaignKpi>>();
  readonly #openDays = new Map<number, Set<CampaignKpi>>();
  readonly #openSpans = new Set<SpanRow>();
  readonly #closeAfterDays: number;
  #closedThrough = -Infinity;
  #isLoaded = false;

  constructor(readonly dirty: Set<string>, options: KpiCountsOptions) {
    this.#closeAfterDays = options.closeAfterDays ?? closeAfterDaysDefault;
    this.cold = new ColdRows(options.cacheBytesMax);
  }

  /** To be called before anything of the event is counted. */
  advance(recorded: RecordedEvent): void {
    if (this.#isLoaded) this.#begin(recorded);
    const through = Math.floor(recorded.timeMs / dayMs) - this.#closeAfterDays - 1;
    if (through <= this.#closedThrough) return;
    this.#closedThrough = through;
    for (const [day, campaigns] of this.#openDays) {
      if (day > through) continue;
      for (const campaign of campaigns) this.#close(campaign, day, recorded);
      this.#openDays.delete(day);
      this.cold.forgetOpen(day);
    }
    for (const span of this.#openSpans) {
      if ((span.span + 1) * daysPerSpan - 1 <= through) this.#makeWhole(span);
    }
  }

  /** The row that counts what happened then; null where it has the event already. */
  rowFor(campaignId: string, quarter: number, recorded: RecordedEvent): Row | null {
    const campaign = this.campaign(campaignId);
    const day = Math.floor(quarter / quartersPerDay);
    const isOld = day <= this.#closedThrough;
    // A closed day is ahead of the event where the event is not after its closing.
    if (!isOld && campaign.closedDays.has(day)) return null;
    const row = isOld ? this.#looseRow(campaign, quarter) : this.#openRow(campaign, quarter);
    return isThrough(row, recorded) ? null : row;
  }

  noteChange(row: Row): void {
    row.changes++;
    const open = row.campaign.openDays.get(Math.floor(row.quarter / quartersPerDay));
    if (open && !row.isLoose) open.changes++;
    this.dirty.add(keyOf(row));
    if (row.waiting.length > 0) this.waiting.add(row);
    this.#live.delete(row);
    this.#live.add(row);
  }

  sealSome(): void {
    for (const row of this.#live) {
      if (this.#live.size <= liveRowsMax) return;
      row.cells.seal();
      row.key = undefined;
      this.#live.delete(row);
    }
  }

  campaign(id: string): CampaignKpi {
    let campaign = this.campaigns.get(id);
    if (!campaign) this.campaigns.set(id, campaign = new CampaignKpi(id));
    return campaign;
  }

  /** Those that a question is about and that have anything. */
  select({ campaigns: ids, fromMs = -Infinity, toMs = Infinity }: KpiQuery): CampaignKpi[] {
    if (ids) return [...new Set(ids)].sort().flatMap((id) => this.campaigns.get(id) ?? []);
    const selected = new Set<CampaignKpi>();
    for (const [day, campaigns] of this.#byDay) {
      if ((day + 1) * dayMs <= fromMs || day * dayMs >= toMs) continue;
      for (const campaign of campaigns) selected.add(campaign);
    }
    // Always in the same order.
    return [...this.campaigns.values()].filter((campaign) => selected.has(campaign));
  }

  /** Prepares what the first questions need, in small steps. */
  *warm(): Iterable<KpiQuery | void> {
    yield* warmOpenDays(this.campaigns.values(), this.cold);
    yield* firstQueries(this.campaigns, this.#byDay.keys());
  }

  reading(): ColdReading {
    return new ColdReading(this.cold);
  }

  encodeRow(key: string): Uint8Array {
    const cold = this.cold.unstored(key);
    if (cold) return cold;
    const { kind, campaignId, number } = parseKey(key);
    const campaign = this.campaigns.get(campaignId)!;
    switch (kind) {
      case "quarter":
        return campaign.openDays.get(Math.floor(number / quartersPerDay))!.get(number)!.encode();
      case "loose":
        return campaign.looseRows.get(number)!.encode();
      case "span":
        return campaign.openSpans.get(number)!.tally.encode();
      case "closed":
        return encodeJson(campaign.closedJson());
      case "late":
        return encodeJson(campaign.timeline.toJson());
      default:
        throw new Error(`row ${key} is not in memory`);
    }
  }

  /** Rows must come in the order of their keys: what is closed is known first. */
  loadRow(key: string, bytes: Uint8Array, through: string): void {
    const parsed = parseKey(key);
    const { kind, campaignId, number } = parsed;
    const campaign = this.campaign(campaignId);
    this.#isLoaded = true;
    if (this.#isPartOfCold(parsed)) {
      this.dirty.add(key);
      return;
    }
    switch (kind) {
      case "closed":
        campaign.loadClosed(decodeJson(bytes) as ClosedJson);
        for (const day of campaign.closedDays.keys()) setOf(this.#byDay, day).add(campaign);
        return;
      case "late":
        return campaign.timeline.load(decodeJson(bytes) as TimelineEvent[]);
      case "span":
        return this.#loadSpan(this.#span(campaign, number), bytes, through);
      case "quarter":
      case "loose": {
        const row = kind === "loose" ? campaign.looseRow(number) : this.#openRow(campaign, number);
        row.load(bytes, through);
        if (row.waiting.length > 0) this.waiting.add(row);
        return;
      }
      default:
        throw new Error("no such row");
    }
  }

  /** Whether a stored row has become part of a cold one. */
  isLeftover(key: string): boolean {
    return this.#isPartOfCold(parseKey(key));
  }

  #isPartOfCold({ kind, campaignId, number }: ReturnType<typeof parseKey>): boolean {
    const campaign = this.campaigns.get(campaignId);
    if (kind === "span") return campaign?.wholeSpans.has(number) ?? false;
    const day = Math.floor(number / quartersPerDay);
    return kind === "quarter" && (campaign?.closedDays.has(day) ?? false);
  }

  *rowKeys(): Iterable<string> {
    for (const campaign of this.campaigns.values()) {
      if (!campaign.timeline.isEmpty) yield lateKey(campaign);
      for (const row of campaign.hotRows(-Infinity, Infinity)) yield row.key ?? newKey(row);
      if (campaign.closedDays.size > 0) yield closedKey(campaign);
      for (const day of campaign.closedDays.keys()) {
        yield coldKeys.day(campaign.id, day);
        yield coldKeys.sum(campaign.id, day);
      }
      for (const row of campaign.openSpans.values()) yield spanKey(row);
      for (const span of campaign.wholeSpans) yield coldKeys.span(campaign.id, span);
    }
  }

  /** At the first event after the checkpoint. */
  #begin({ position }: RecordedEvent): void {
    this.#isLoaded = false;
    for (const { timeline } of this.campaigns.values()) {
      if (timeline.isAhead(position)) timeline.takeBack(position);
    }
  }

  #openRow(campaign: CampaignKpi, quarter: number): Row {
    const day = Math.floor(quarter / quartersPerDay);
    if (!campaign.openDays.has(day)) {
      setOf(this.#openDays, day).add(campaign);
      setOf(this.#byDay, day).add(campaign);
    }
    return campaign.openRow(quarter);
  }

  #looseRow(campaign: CampaignKpi, quarter: number): Row {
    setOf(this.#byDay, Math.floor(quarter / quartersPerDay)).add(campaign);
    return campaign.looseRow(quarter);
  }

  #span(campaign: CampaignKpi, span: number): SpanRow {
    const row = campaign.span(span);
    this.#openSpans.add(row);
    return row;
  }

  #close(campaign: CampaignKpi, day: number, recorded: RecordedEvent): void {
    const span = this.#span(campaign, Math.floor(day / daysPerSpan));
    const { quarters, loose, spanChanged, dayRow, sumRow } = campaign.close(day, recorded);
    this.#putCold(coldKeys.day(campaign.id, day), dayRow);
    this.#putCold(coldKeys.sum(campaign.id, day), sumRow);
    if (spanChanged) this.dirty.add(spanKey(span));
    this.dirty.add(closedKey(campaign));
    for (const row of quarters) {
      this.#live.delete(row);
      this.waiting.delete(row);
      this.dirty.add(keyOf(row));
    }
    for (const row of loose) this.noteChange(row);
  }

  #makeWhole(row: SpanRow): void {
    const { campaign, span } = row;
    this.#putCold(coldKeys.span(campaign.id, span), row.tally.encode());
    campaign.openSpans.delete(span);
    campaign.wholeSpans.add(span);
    this.#openSpans.delete(row);
    this.dirty.add(spanKey(row));
    this.dirty.add(closedKey(campaign));
  }

  #putCold(key: string, bytes: Uint8Array): void {
    this.cold.put(key, bytes);
    this.dirty.add(key);
  }

  #loadSpan(row: SpanRow, bytes: Uint8Array, through: string): void {
    row.tally = Tally.decode(bytes);
    row.through = through;
  }
}

export function lateKey(campaign: CampaignKpi): string {
  return `late/${campaign.id}`;
}

export function isIndexKey(key: string): boolean {
  return key.startsWith("closed/");
}

function setOf<T>(byDay: Map<number, Set<T>>, day: number): Set<T> {
  let set = byDay.get(day);
  if (!set) byDay.set(day, set = new Set());
  return set;
}

function closedKey(campaign: CampaignKpi): string {
  return `closed/${campaign.id}`;
}

/** Made once for a live row: it changes with nearly every chunk. */
function keyOf(row: Row): string {
  return row.key ??= newKey(row);
}

function newKey({ campaign, quarter, isLoose }: Row): string {
  return `${isLoose ? "loose" : "quarter"}/${campaign.id}/${quarter}`;
}

function spanKey({ campaign, span }: SpanRow): string {
  return `span/${campaign.id}/${span}`;
}

function parseKey(key: string): { kind: string; campaignId: string; number: number } {
  const kind = key.slice(0, key.indexOf("/"));
  const rest = key.slice(kind.length + 1);
  if (kind === "late" || kind === "closed") return { kind, campaignId: rest, number: 0 };
  const slash = rest.lastIndexOf("/");
  return { kind, campaignId: rest.slice(0, slash), number: Number(rest.slice(slash + 1)) };
}

function encodeJson(value: unknown): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(value));
}

function decodeJson(bytes: Uint8Array): unknown {
  return JSON.parse(new TextDecoder().decode(bytes));
}
