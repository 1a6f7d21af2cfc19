/**
 * Counts impressions and clicks exactly. An id counts once in the workspace, the first one in the log;
 * what is late is judged by when it happened. Interactions of the kinds `event` and `hide` use up their
 * id and count in no cell: they are in none of the nine metrics. What single subjects were shown is
 * recorded beside, by the same verdict on ids: see `exposures.ts`.
 */
import type { CampaignEvent } from "../events/campaign_events.ts";
import { campaignEventSchemas, campaignStreamPrefix } from "../events/campaign_events.ts";
import { type ClaimEvent, claimsStreamPrefix } from "../events/claim_events.ts";
import { chunkDigests, digestBytes } from "../events/interaction_chunk.ts";
import type { DomainEvent, RecordedEvent } from "../events/recorded_event.ts";
import { DigestSet } from "./digest_set.ts";
import { Exposures, rowPrefix as exposurePrefix } from "./exposures.ts";
import { ChunkCounter } from "./kpi_chunk_counter.ts";
import { isIndexKey, KpiCounts, type KpiCountsOptions, lateKey } from "./kpi_counts.ts";
import { decidesLateness, type LateEvent } from "./kpi_late.ts";
import { isThrough } from "./kpi_quarter.ts";
import { answerKpi, type KpiAnswer, type KpiQuery } from "./kpi_query.ts";
import { RecallIndex } from "./kpi_recall.ts";
import type { Projection, RowSource } from "./projection.ts";
import { bodyOf, chunkOf } from "./recorded_chunk.ts";

export class KpiProjection implements Projection {
  readonly name = "kpi";
  readonly revision = 3;
  readonly exposures: Exposures;
  readonly #counts: KpiCounts;
  readonly #seen = new DigestSet();
  readonly #recallIndex = new RecallIndex();
  readonly #dirty = new Set<string>();
  #settledMs = -Infinity;

  constructor(options: KpiCountsOptions & { exposureBlockRecords?: number } = {}) {
    this.#counts = new KpiCounts(this.#dirty, options);
    this.exposures = new Exposures(
      (rowKey) => this.#dirty.add(rowKey),
      options.exposureBlockRecords,
    );
  }

  fold(recorded: RecordedEvent): void {
    const { event, stream } = recorded;
    this.exposures.advance(recorded.timeMs);
    this.#counts.advance(recorded);
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

  /** Reads what it needs, and answers as the model is then. */
  async ask(query: KpiQuery): Promise<KpiAnswer> {
    const cold = this.#counts.reading();
    for (;;) {
      const answer = answerKpi(this.#counts.select(query), cold, query);
      if (cold.missing.size === 0) return answer;
      await cold.load();
    }
  }

  /** Answers where no row has left memory. */
  query(query: KpiQuery): KpiAnswer {
    const cold = this.#counts.reading();
    const answer = answerKpi(this.#counts.select(query), cold, query);
    if (cold.missing.size > 0) throw new Error("rows have left memory: ask instead");
    return answer;
  }

  warm(): Iterable<void> {
    return this.#counts.warm();
  }

  attach(source: RowSource): void {
    this.#counts.cold.attach(source);
  }

  stored(keys: Iterable<string>): void {
    this.#counts.cold.stored(keys);
  }

  /** `checkpointMs`: the recorded time of the checkpoint's event, which makes the answer exact. */
  recallFrom(checkpointMs?: number): string | undefined {
    // Claims that were forgotten by then are not remembered anew.
    if (checkpointMs !== undefined) this.exposures.advance(checkpointMs);
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
    if (key === recallKey) return this.#recallIndex.encode();
    return this.#counts.encodeRow(key);
  }

  loadRow(key: string, bytes: Uint8Array, through: string): void {
    if (key.startsWith(exposurePrefix)) this.exposures.loadRow(key, bytes);
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
  }

  #foldChunk(recorded: RecordedEvent): void {
    const chunk = chunkOf(recorded);
    const day = dayOf(recorded.timeMs);
    if (this.#recallIndex.note(day, recorded.position)) this.#dirty.add(recallKey);
    const counter = new ChunkCounter(
      chunk,
      recorded,
      (campaignId, quarter) => this.#counts.rowFor(campaignId, quarter, recorded),
    );
    this.exposures.openChunk(recorded, chunk);
    const { digests } = chunk;
    for (let i = 0; i < chunk.count; i++) {
      if (!this.#seen.add(digests, i * digestBytes, day)) continue;
      counter.count(i);
      this.exposures.record(i);
    }
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
const dayMs = 24 * 60 * 60 * 1000;
const recallKey = "recall";

function isCampaignEvent(event: DomainEvent, stream: string): event is CampaignEvent {
  return stream.startsWith(campaignStreamPrefix) && event.type in campaignEventSchemas;
}

function isClaim(recorded: RecordedEvent): recorded is RecordedEvent<ClaimEvent> {
  return recorded.stream.startsWith(claimsStreamPrefix) && recorded.event.type === "claim_granted";
}

function dayOf(timeMs: number): number {
  return Math.floor(timeMs / dayMs);
}
