/**
 * Counts impressions and clicks exactly. An id counts once in the workspace, the first one in the log;
 * what is late is judged by when it happened. Interactions of the kinds `event` and `hide` use up their
 * id and count in no cell: they are in none of the nine metrics.
 */
import type { CampaignEvent } from "../events/campaign_events.ts";
import { campaignEventSchemas, campaignStreamPrefix } from "../events/campaign_events.ts";
import {
  chunkDigests,
  chunkPlatforms,
  decodeChunk,
  type DecodedChunk,
  digestBytes,
  interactionKinds,
} from "../events/interaction_chunk.ts";
import type { DomainEvent, RecordedEvent } from "../events/recorded_event.ts";
import { Exposures } from "./exposures.ts";
import { DigestSet } from "./digest_set.ts";
import {
  CampaignKpi,
  quarterMs,
  type QuarterRow,
  shapeOf,
  type WaitingImpression,
} from "./kpi_campaign.ts";
import type { Cell } from "./kpi_cells.ts";
import { decidesLateness, type LateEvent, type LateTimelineJson } from "./kpi_late.ts";
import { answerKpi, type KpiAnswer, type KpiQuery } from "./kpi_query.ts";
import { RangeMemo } from "./kpi_range_memo.ts";
import { RecallIndex } from "./kpi_recall.ts";
import type { Projection } from "./projection.ts";

export class KpiProjection implements Projection {
  readonly exposures = new Exposures();
  readonly name = "kpi";
  readonly revision = 1;
  readonly #campaigns = new Map<string, CampaignKpi>();
  readonly #seen = new DigestSet();
  readonly #recallIndex = new RecallIndex();
  readonly #memo = new RangeMemo();
  readonly #dirty = new Set<string>();
  /** Rows with live cells, the longest untouched first. */
  readonly #live = new Set<QuarterRow>();
  readonly #waiting = new Set<QuarterRow>();
  #settledMs = -Infinity;

  fold(recorded: RecordedEvent): void {
    if (recorded.event.type === "interactions_recorded") this.#foldChunk(recorded);
    const { event, stream } = recorded;
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
    return answerKpi(campaigns, this.#memo, query);
  }

  /** `checkpointMs`: the recorded time of the checkpoint's event, which makes the answer exact. */
  recallFrom(checkpointMs?: number): string | undefined {
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
    const { kind, campaignId, quarter } = parseRowKey(key);
    if (kind === "recall") return this.#recallIndex.encode();
    const campaign = this.#campaign(campaignId);
    if (kind === "quarter") return campaign.row(quarter).encode();
    return new TextEncoder().encode(JSON.stringify(campaign.timeline.toJson()));
  }

  loadRow(key: string, bytes: Uint8Array, through: string): void {
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
  }

  #foldChunk(recorded: RecordedEvent): void {
    const chunk = decodeChunk(bodyOf(recorded));
    const day = dayOf(recorded.timeMs);
    if (this.#recallIndex.note(day, recorded.position)) this.#dirty.add(recallKey);
    const counter = new ChunkCounter(chunk, recorded, (campaignId, quarter) => {
      const row = this.#campaign(campaignId).row(quarter);
      return isThrough(row, recorded) ? null : row;
    });
    const { digests, kind } = chunk;
    for (let i = 0; i < chunk.count; i++) {
      if (!this.#seen.add(digests, i * digestBytes, day)) continue;
      if (kind[i]! <= clickCode) counter.count(i);
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

/**
 * Counts the items of one chunk. Rows and cells are looked up once for each combination in the chunk,
 * by the numbers of its dictionaries.
 */
class ChunkCounter {
  readonly #rows = new Map<number, RowInChunk>();
  #last: RowInChunk | undefined;
  readonly #revisions = new Map<number, number>();

  constructor(
    private readonly chunk: DecodedChunk,
    private readonly recorded: RecordedEvent,
    /** Null when the row has the event already. */
    private readonly openRow: (campaignId: string, quarter: number) => QuarterRow | null,
  ) {}

  count(index: number): void {
    const { chunk } = this;
    const campaign = chunk.campaign[index]!;
    if (campaign === 0) return;
    const occurredAtMs = chunk.occurredAtMs[index]!;
    const inChunk = this.#rowInChunk(campaign, Math.floor(occurredAtMs / quarterMs));
    const { row } = inChunk;
    if (!row) return;
    if (chunk.kind[index]! !== clickCode) {
      const { timeline } = row.campaign;
      if (!timeline.isSettled(occurredAtMs, this.recorded.timeMs)) {
        row.waiting.push(this.#waitingImpression(index));
        return;
      }
      if (timeline.isLate(occurredAtMs)) {
        row.late++;
        return;
      }
    }
    this.#cell(inChunk, row, index).add(chunk.device[index]!, chunk.user[index]!);
  }

  *changed(): Iterable<QuarterRow> {
    for (const { row } of this.#rows.values()) if (row) yield row;
  }

  #rowInChunk(campaign: number, quarter: number): RowInChunk {
    // A chunk has fewer than 2^21 campaigns, and a quarter's number fits 33 bits.
    const key = quarter * 2 ** 21 + campaign;
    if (this.#last?.key === key) return this.#last;
    let found = this.#rows.get(key);
    if (!found) {
      const row = this.openRow(this.chunk.campaigns[campaign - 1]!, quarter);
      found = { key, row, cells: new Map() };
      this.#rows.set(key, found);
    }
    this.#last = found;
    return found;
  }

  #cell({ cells }: RowInChunk, row: QuarterRow, index: number): Cell {
    const { chunk } = this;
    const revision = this.#revisionNumber(chunk.revision[index]!);
    let key = chunk.element[index]! * (chunk.variants.length + 1) + chunk.variant[index]!;
    key = key * chunkPlatforms.length + chunk.platform[index]!;
    key = (key * 2 + chunk.kind[index]!) * chunk.count + revision;
    let cell = cells.get(key);
    if (!cell) {
      const kind = chunk.kind[index] === clickCode ? "click" : "impression";
      cell = row.cells.cell(shapeOf(kind, this.#waitingImpression(index)));
      cells.set(key, cell);
    }
    return cell;
  }

  #revisionNumber(revision: number): number {
    let number = this.#revisions.get(revision);
    if (number === undefined) {
      number = this.#revisions.size;
      this.#revisions.set(revision, number);
    }
    return number;
  }

  #waitingImpression(index: number): WaitingImpression {
    const { chunk } = this;
    return {
      occurredAtMs: chunk.occurredAtMs[index]!,
      device: chunk.device[index]!,
      user: chunk.user[index]!,
      element: chunk.elements[chunk.element[index]! - 1] ?? null,
      platform: chunkPlatforms[chunk.platform[index]!]!,
      variant: chunk.variants[chunk.variant[index]! - 1] ?? null,
      revision: chunk.revision[index]!,
    };
  }
}

interface RowInChunk {
  readonly key: number;
  readonly row: QuarterRow | null;
  readonly cells: Map<number, Cell>;
}

/** What waits is looked at on this grid of recorded time, so that a replay settles at the same event. */
const settleEveryMs = 1_000;
const liveRowsMax = 2_048;
const dayMs = 24 * 60 * 60 * 1000;
const clickCode = interactionKinds.indexOf("click");
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

function isThrough(row: QuarterRow, recorded: RecordedEvent): boolean {
  if (row.through === undefined) return false;
  if (recorded.position <= row.through) return true;
  row.through = undefined;
  return false;
}

function isCampaignEvent(event: DomainEvent, stream: string): event is CampaignEvent {
  return stream.startsWith(campaignStreamPrefix) && event.type in campaignEventSchemas;
}

function dayOf(timeMs: number): number {
  return Math.floor(timeMs / dayMs);
}

function bodyOf(recorded: RecordedEvent): Uint8Array {
  if (!recorded.body) throw new Error(`the event at ${recorded.position} comes without its body`);
  return recorded.body;
}
