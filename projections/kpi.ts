/**
 * Counts impressions and clicks exactly. An id counts once in the workspace, the first one in the log;
 * what is late is judged by when it happened. Interactions of the kinds `event` and `hide` use up their
 * id and count in no cell: they are in none of the nine metrics. What single subjects were shown and
 * what was a conversion is recorded beside, by the same verdict on ids: see `exposures.ts` and
 * `conversions.ts`.
 */
import type { CampaignEvent } from "../events/campaign_events.ts";
import { campaignEventSchemas, campaignStreamPrefix } from "../events/campaign_events.ts";
import { type ClaimEvent, claimsStreamPrefix } from "../events/claim_events.ts";
import { chunkDigests, digestBytes } from "../events/interaction_chunk.ts";
import type { DomainEvent, RecordedEvent } from "../events/recorded_event.ts";
import { withConversions } from "./conversion_query.ts";
import { isConversionKey } from "./conversion_keys.ts";
import { Conversions } from "./conversions.ts";
import { DigestSet } from "./digest_set.ts";
import { Exposures, rowPrefix as exposurePrefix } from "./exposures.ts";
import { CampaignKpi, type QuarterRow } from "./kpi_campaign.ts";
import { ChunkCounter, isThrough } from "./kpi_chunk_counter.ts";
import { decidesLateness, type LateEvent, type LateTimelineJson } from "./kpi_late.ts";
import { answerKpi, type KpiAnswer, type KpiQuery } from "./kpi_query.ts";
import { RangeMemo } from "./kpi_range_memo.ts";
import { RecallIndex } from "./kpi_recall.ts";
import type { Projection } from "./projection.ts";
import { bodyOf, chunkOf } from "./recorded_chunk.ts";

export class KpiProjection implements Projection {
  readonly name = "kpi";
  readonly revision = 3;
  readonly exposures: Exposures;
  readonly conversions: Conversions;
  readonly #campaigns = new Map<string, CampaignKpi>();
  readonly #seen = new DigestSet();
  readonly #recallIndex = new RecallIndex();
  readonly #memo = new RangeMemo();
  readonly #dirty = new Set<string>();
  /** Rows with live cells, the longest untouched first. */
  readonly #live = new Set<QuarterRow>();
  readonly #waiting = new Set<QuarterRow>();
  #settledMs = -Infinity;

  constructor(options: { exposureBlockRecords?: number; conversionBlockRecords?: number } = {}) {
    this.exposures = new Exposures(
      (rowKey) => this.#dirty.add(rowKey),
      options.exposureBlockRecords,
    );
    // Rows are stored in this order, and what is noted last must come last.
    const noteLast = (rowKey: string) => {
      this.#dirty.delete(rowKey);
      this.#dirty.add(rowKey);
    };
    this.conversions = new Conversions(noteLast, options.conversionBlockRecords);
  }

  fold(recorded: RecordedEvent): void {
    const { event, stream } = recorded;
    this.exposures.advance(recorded.timeMs);
    this.conversions.advance(recorded.timeMs);
    this.conversions.fold(recorded);
    if (event.type === "interactions_recorded") this.#foldChunk(recorded);
    else if (isClaim(recorded)) this.exposures.foldClaim(recorded);
    if (isCampaignEvent(event, stream) && decidesLateness(event)) {
      this.#foldCampaign(event, recorded);
      this.#settle(recorded, recorded.timeMs);
    } else {
      const gridMs = Math.floor(recorded.timeMs / settleEveryMs) * settleEveryMs;
      if (gridMs !== this.#settledMs) this.#settle(recorded, gridMs);
    }
  }

  query(query: KpiQuery): KpiAnswer {
    const campaigns = [...new Set(query.campaigns)].flatMap((id) => this.#campaigns.get(id) ?? []);
    return withConversions(
      this.conversions.ask(query.campaigns),
      query,
      (span) => answerKpi(campaigns, this.#memo, query, span),
    );
  }

  /** `checkpointMs`: the recorded time of the checkpoint's event, which makes the answer exact. */
  recallFrom(checkpointMs?: number): string | undefined {
    // Claims that were forgotten by then are not remembered anew.
    if (checkpointMs !== undefined) this.exposures.advance(checkpointMs);
    if (checkpointMs !== undefined) this.conversions.advance(checkpointMs);
    return this.#recallIndex.from(checkpointMs === undefined ? undefined : dayOf(checkpointMs));
  }

  recall(recorded: RecordedEvent): void {
    if (recorded.event.type !== "interactions_recorded") return;
    const { count, digests } = chunkDigests(bodyOf(recorded));
    const day = dayOf(recorded.timeMs);
    for (let i = 0; i < count; i++) this.#seen.add(digests, i * digestBytes, day);
  }

  takeDirty(): string[] {
    const keys = [...this.#dirty];
    this.#dirty.clear();
    return keys;
  }

  encodeRow(key: string): Uint8Array {
    if (key.startsWith(exposurePrefix)) return this.exposures.encodeRow(key);
    if (isConversionKey(key)) return this.conversions.encodeRow(key);
    const { kind, campaignId, quarter } = parseRowKey(key);
    if (kind === "recall") return this.#recallIndex.encode();
    const campaign = this.#campaign(campaignId);
    if (kind === "quarter") return campaign.row(quarter).encode();
    return new TextEncoder().encode(JSON.stringify(campaign.timeline.toJson()));
  }

  loadRow(key: string, bytes: Uint8Array, through: string): void {
    if (key.startsWith(exposurePrefix)) return this.exposures.loadRow(key, bytes);
    if (isConversionKey(key)) return this.conversions.loadRow(key, bytes);
    const { kind, campaignId, quarter } = parseRowKey(key);
    if (kind === "recall") return this.#recallIndex.load(bytes, through);
    const campaign = this.#campaign(campaignId);
    if (kind === "quarter") {
      const row = campaign.row(quarter);
      row.load(bytes, through);
      if (row.waiting.length > 0) this.#waiting.add(row);
      campaign.noteChange(quarter);
    } else {
      campaign.timeline.load(JSON.parse(new TextDecoder().decode(bytes)) as LateTimelineJson);
      campaign.timelineThrough = through;
    }
  }

  *rowKeys(): Iterable<string> {
    if (!this.#recallIndex.isEmpty) yield recallKey;
    for (const campaign of this.#campaigns.values()) {
      if (!campaign.timeline.isEmpty) yield lateKey(campaign);
      for (const row of campaign.quarters.values()) yield quarterKey(row);
    }
    yield* this.exposures.rowKeys();
    yield* this.conversions.rowKeys();
  }

  #foldChunk(recorded: RecordedEvent): void {
    const chunk = chunkOf(recorded);
    const day = dayOf(recorded.timeMs);
    if (this.#recallIndex.note(day, recorded.position)) this.#dirty.add(recallKey);
    const counter = new ChunkCounter(chunk, recorded, (campaignId, quarter) => {
      const row = this.#campaign(campaignId).row(quarter);
      return isThrough(row, recorded) ? null : row;
    });
    this.exposures.openChunk(recorded, chunk);
    this.conversions.openChunk(recorded, chunk);
    const { digests } = chunk;
    for (let i = 0; i < chunk.count; i++) {
      if (!this.#seen.add(digests, i * digestBytes, day)) continue;
      counter.count(i);
      this.exposures.record(i);
      this.conversions.record(i);
    }
    for (const row of counter.changed()) this.#noteChange(row);
    this.#sealSome();
  }

  #foldCampaign(event: LateEvent, recorded: RecordedEvent): void {
    const campaign = this.#campaign(recorded.stream.slice(campaignStreamPrefix.length));
    if (campaign.timelineThrough !== undefined) {
      if (recorded.position <= campaign.timelineThrough) return;
      campaign.timelineThrough = undefined;
    }
    campaign.timeline.fold(event, recorded.timeMs);
    if (!campaign.timeline.isEmpty) this.#dirty.add(lateKey(campaign));
  }

  #settle(recorded: RecordedEvent, settleMs: number): void {
    this.#settledMs = settleMs;
    for (const row of this.#waiting) {
      if (isThrough(row, recorded)) continue;
      if (row.settle(settleMs)) this.#noteChange(row);
      if (row.waiting.length === 0) this.#waiting.delete(row);
    }
  }

  #noteChange(row: QuarterRow): void {
    this.#dirty.add(quarterKey(row));
    row.campaign.noteChange(row.quarter);
    if (row.waiting.length > 0) this.#waiting.add(row);
    this.#live.delete(row);
    this.#live.add(row);
  }

  #sealSome(): void {
    for (const row of this.#live) {
      if (this.#live.size <= liveRowsMax) return;
      row.cells.seal();
      this.#live.delete(row);
    }
  }

  #campaign(id: string): CampaignKpi {
    let campaign = this.#campaigns.get(id);
    if (!campaign) {
      campaign = new CampaignKpi(id);
      this.#campaigns.set(id, campaign);
    }
    return campaign;
  }
}

/** What waits is looked at on this grid of recorded time, so that a replay settles at the same event. */
const settleEveryMs = 1_000;
const liveRowsMax = 2_048;
const dayMs = 24 * 60 * 60 * 1000;
const recallKey = "recall";

function quarterKey({ campaign, quarter }: QuarterRow): string {
  return `quarter/${campaign.id}/${quarter}`;
}

function lateKey(campaign: CampaignKpi): string {
  return `late/${campaign.id}`;
}

function parseRowKey(key: string): { kind: string; campaignId: string; quarter: number } {
  if (key === recallKey) return { kind: key, campaignId: "", quarter: 0 };
  const kind = key.slice(0, key.indexOf("/"));
  const rest = key.slice(kind.length + 1);
  if (kind === "late") return { kind, campaignId: rest, quarter: 0 };
  const slash = rest.lastIndexOf("/");
  return { kind, campaignId: rest.slice(0, slash), quarter: Number(rest.slice(slash + 1)) };
}

function isCampaignEvent(event: DomainEvent, stream: string): event is CampaignEvent {
  return stream.startsWith(campaignStreamPrefix) && event.type in campaignEventSchemas;
}

function isClaim(recorded: RecordedEvent): recorded is RecordedEvent<ClaimEvent> {
  return recorded.stream.startsWith(claimsStreamPrefix) && recorded.event.type === "claim_granted";
}

function dayOf(timeMs: number): number {
  return Math.floor(timeMs / dayMs);
}
