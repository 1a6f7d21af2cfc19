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
import { chunkDigests } from "../events/interaction_chunk.ts";
import type { InteractionEvent } from "../events/interaction_events.ts";
import type { DomainEvent, RecordedEvent } from "../events/recorded_event.ts";
import { withConversions } from "./conversion_query.ts";
import { isConversionKey } from "./conversion_keys.ts";
import { Conversions } from "./conversions.ts";
import { digestDay, digestDaysKept, DigestSet } from "./digest_set.ts";
import { Exposures, hotDays, rowPrefix as exposurePrefix } from "./exposures.ts";
import { ChunkCounter } from "./kpi_chunk_counter.ts";
import { type ColdReading } from "./kpi_cold_rows.ts";
import { isIndexKey, KpiCounts, type KpiCountsOptions, lateKey } from "./kpi_counts.ts";
import { decidesLateness, type LateEvent } from "./kpi_late.ts";
import { isThrough } from "./kpi_quarter.ts";
import { answerKpi, type KpiAnswer, type KpiQuery } from "./kpi_query.ts";
import { RecallIndex } from "./kpi_recall.ts";
import type { Projection, RowSource } from "./projection.ts";
import { bodyOf, chunkOf } from "./recorded_chunk.ts";

export interface KpiOptions extends KpiCountsOptions {
  readonly conversionBlockRecords?: number;
  readonly withExposures?: boolean;
}

export class KpiProjection implements Projection {
  readonly name = "kpi";
  readonly revision = 3;
  readonly bodiesOf = ["interactions_recorded"];
  readonly exposures = new Exposures((rowKey) => this.#dirty.add(rowKey));
  readonly conversions: Conversions;
  readonly #counts: KpiCounts;
  readonly #seen = new DigestSet();
  readonly #recallIndex = new RecallIndex();
  readonly #dirty = new Set<string>();
  #settledMs = -Infinity;
  /** Interactions that are to be recalled, from that day on. */
  #foreseen: { count: number; readonly day: number } | null = null;

  /** Without exposures it answers questions about KPIs, and its rows are not all. */
  readonly #withExposures: boolean;

  constructor(options: KpiOptions = {}) {
    this.#withExposures = options.withExposures ?? true;
    this.#counts = new KpiCounts(this.#dirty, options);
    // Rows are stored in this order, and what is noted last must come last.
    const noteLast = (rowKey: string) => {
      this.#dirty.delete(rowKey);
      this.#dirty.add(rowKey);
    };
    this.conversions = new Conversions(noteLast, options.conversionBlockRecords);
  }

  fold(recorded: RecordedEvent): void {
    const { event, stream } = recorded;
    if (this.#withExposures) this.exposures.advance(recorded.timeMs, recorded.position);
    this.conversions.advance(recorded.timeMs);
    this.conversions.fold(recorded);
    this.#counts.advance(recorded);
    if (event.type === "interactions_recorded") this.#foldChunk(recorded);
    else if (isClaim(recorded)) this.#foldClaim(recorded);
    if (isCampaignEvent(event, stream) && decidesLateness(event)) {
      this.#foldCampaign(event, recorded);
      this.#settle(recorded, recorded.timeMs);
    } else {
      const gridMs = Math.floor(recorded.timeMs / settleEveryMs) * settleEveryMs;
      if (gridMs !== this.#settledMs) this.#settle(recorded, gridMs);
    }
  }

  /** Reads what it needs, and answers as the model is then: at that moment it calls `answered`. */
  async ask(query: KpiQuery, answered?: () => void): Promise<KpiAnswer> {
    const cold = this.#counts.reading();
    for (;;) {
      const answer = this.#answer(query, cold);
      if (cold.missing.size === 0) {
        answered?.();
        return answer;
      }
      await cold.load();
    }
  }

  /** Answers where no row has left memory. */
  query(query: KpiQuery): KpiAnswer {
    const cold = this.#counts.reading();
    const answer = this.#answer(query, cold);
    if (cold.missing.size > 0) throw new Error("rows have left memory: ask instead");
    return answer;
  }

  *warm(): Iterable<unknown> {
    yield* this.conversions.warm();
    for (const query of this.#counts.warm()) yield query && this.ask(query);
  }

  attach(source: RowSource): void {
    this.#counts.cold.attach(source);
  }

  stored(keys: Iterable<string>): void {
    this.#counts.cold.stored(keys);
  }

  /** `checkpointMs`: the recorded time of the checkpoint's event, which makes the answer exact. */
  recallFrom(checkpointMs?: number): string | undefined {
    if (checkpointMs === undefined) return this.#recallIndex.from();
    this.exposures.begin(checkpointMs);
    // Before the first event no day has begun, and none is closed.
    if (checkpointMs > 0) this.conversions.advance(checkpointMs);
    // What the hot days repeat is known by the digests of days before them.
    return this.#recallIndex.from(digestDay(checkpointMs) - (hotDays - 1));
  }

  foresee({ event, timeMs }: RecordedEvent): void {
    if (event.type !== "interactions_recorded") return;
    this.#foreseen ??= { count: 0, day: digestDay(timeMs) };
    this.#foreseen.count += (event as InteractionEvent).data.count;
  }

  recall(recorded: RecordedEvent): void {
    if (isClaim(recorded)) this.exposures.recall(recorded, null, null);
    if (recorded.event.type !== "interactions_recorded") return;
    if (this.#foreseen) {
      this.#seen.reserve(this.#foreseen.count, this.#foreseen.day);
      this.#foreseen = null;
    }
    const { digests } = chunkDigests(bodyOf(recorded));
    const fresh = this.#seen.addAll(digests, digestDay(recorded.timeMs));
    if (recorded.timeMs < this.exposures.hotFromMs) return;
    this.exposures.recall(recorded, chunkOf(recorded), fresh);
  }

  /** A position at or before all interactions that ids of this instant's day could repeat. */
  beforeRepeatsOf(recordedMs: number): string | undefined {
    return this.#recallIndex.before(digestDay(recordedMs) - digestDaysKept);
  }

  takeDirty(): string[] {
    const keys = [...this.#dirty];
    this.#dirty.clear();
    return keys;
  }

  encodeRow(key: string): Uint8Array {
    if (key.startsWith(exposurePrefix)) return this.exposures.encodeRow(key);
    if (isConversionKey(key)) return this.conversions.encodeRow(key);
    if (key === recallKey) return this.#recallIndex.encode();
    return this.#counts.encodeRow(key);
  }

  loadRow(key: string, bytes: Uint8Array, through: string): void {
    if (key.startsWith(exposurePrefix)) this.exposures.loadRow(key, bytes, through);
    else if (isConversionKey(key)) this.conversions.loadRow(key, bytes);
    else if (key === recallKey) this.#recallIndex.load(bytes, through);
    else this.#counts.loadRow(key, bytes, through);
  }

  isIndex(key: string): boolean {
    return isIndexKey(key);
  }

  isLeftover(key: string): boolean {
    return this.#counts.isLeftover(key);
  }

  *rowKeys(): Iterable<string> {
    if (!this.#recallIndex.isEmpty) yield recallKey;
    yield* this.#counts.rowKeys();
    yield* this.exposures.rowKeys();
    yield* this.conversions.rowKeys();
  }

  #answer(query: KpiQuery, cold: ColdReading): KpiAnswer {
    return withConversions(
      this.conversions.ask(query.campaigns),
      query,
      (span) => answerKpi(this.#counts.select(query), cold, query, span),
    );
  }

  #foldClaim(recorded: RecordedEvent<ClaimEvent>): void {
    this.#noteDay(recorded);
    if (this.#withExposures) this.exposures.foldClaim(recorded);
  }

  /** Claims too are in memory only. */
  #noteDay({ timeMs, position }: RecordedEvent): void {
    if (this.#recallIndex.note(digestDay(timeMs), position)) this.#dirty.add(recallKey);
  }

  #foldChunk(recorded: RecordedEvent): void {
    const chunk = chunkOf(recorded);
    this.#noteDay(recorded);
    const counter = new ChunkCounter(
      chunk,
      recorded,
      (campaignId, quarter) => this.#counts.rowFor(campaignId, quarter, recorded),
    );
    const fresh = recorded.judged?.fresh ??
      this.#seen.addAll(chunk.digests, digestDay(recorded.timeMs));
    counter.countAll(fresh);
    if (this.#withExposures) this.exposures.foldItems(recorded, chunk, fresh);
    this.conversions.foldItems(recorded, chunk, fresh);
    for (const row of counter.changed()) this.#counts.noteChange(row);
    this.#counts.sealSome();
  }

  #foldCampaign(event: LateEvent, recorded: RecordedEvent): void {
    const campaign = this.#counts.campaign(recorded.stream.slice(campaignStreamPrefix.length));
    campaign.timeline.fold(event, recorded.timeMs, recorded.position);
    if (!campaign.timeline.isEmpty) this.#dirty.add(lateKey(campaign));
  }

  #settle(recorded: RecordedEvent, settleMs: number): void {
    this.#settledMs = settleMs;
    const { waiting } = this.#counts;
    for (const row of waiting) {
      if (isThrough(row, recorded)) continue;
      if (row.settle(settleMs)) this.#counts.noteChange(row);
      if (row.waiting.length === 0) waiting.delete(row);
    }
  }
}

/** What waits is looked at on this grid of recorded time, so that a replay settles at the same event. */
const settleEveryMs = 1_000;
const recallKey = "recall";

function isCampaignEvent(event: DomainEvent, stream: string): event is CampaignEvent {
  return stream.startsWith(campaignStreamPrefix) && event.type in campaignEventSchemas;
}

function isClaim(recorded: RecordedEvent): recorded is RecordedEvent<ClaimEvent> {
  return recorded.stream.startsWith(claimsStreamPrefix) && recorded.event.type === "claim_granted";
}
