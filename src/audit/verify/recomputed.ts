/**
 * What the events alone say of each campaign: its timeline and its metrics, by the same projections
 * that the server answers from.
 */
import type { RecordedEvent } from "../../../events/recorded_event.ts";
import { upcast } from "../../../events/upcast.ts";
import { KpiProjection } from "../../../projections/kpi.ts";
import type { RowSource } from "../../../projections/projection.ts";
import { coldPrefix } from "../../../projections/projection.ts";
import { StatusesProjection } from "../../../projections/statuses.ts";
import { WorkspaceProjection } from "../../../projections/workspace.ts";
import { claimLine } from "../export/export_format.ts";
import type { CheckedLine } from "./line_check.ts";

/** Where rows that do not change any more wait to be read. */
export interface ColdStore extends RowSource {
  write(rows: readonly { readonly key: string; readonly bytes: Uint8Array }[]): void;
}

/** Cold rows that were read for the claims. */
const cacheBytesMax = 8 * 1024 * 1024;

/** Between two looks for rows that may leave memory. */
const eventsPerSpill = 1_000;

export class Recomputed {
  readonly #statuses = new StatusesProjection();
  readonly #kpi = new KpiProjection({ withExposures: false, cacheBytesMax });
  readonly #workspace = new WorkspaceProjection();
  readonly #models = [this.#statuses, this.#kpi, this.#workspace];
  #count = 0;

  constructor(readonly cold: ColdStore) {
    this.#kpi.attach(cold);
  }

  /** Throws where a projection cannot take the event. */
  fold({ position, stored, timeMs }: CheckedLine, body: Uint8Array | null): void {
    const { stream, version, meta, hash } = stored;
    const event = upcast(stored);
    const recorded: RecordedEvent = {
      position,
      stream,
      version,
      timeMs,
      meta,
      event,
      hash,
      ...(body && { body }),
    };
    for (const model of this.#models) model.fold(recorded);
    if (++this.#count % eventsPerSpill === 0) this.#spill();
  }

  campaignIds(): Iterable<string> {
    return this.#statuses.rowKeys();
  }

  /** The line that the server's claim must be; null: the events tell of no such campaign. */
  async claim(campaignId: string): Promise<string | null> {
    const row = this.#statuses.rows.get(campaignId);
    if (!row) return null;
    const last = row.timeline.at(-1)!;
    if (last.status === "deleted") return claimLine({ campaignId, status: null, kpi: null });
    const { timeZone } = this.#workspace.row;
    return claimLine({
      campaignId,
      status: {
        status: last.status,
        since: instant(last.atMs),
        timeline: row.timeline.map(({ status, atMs, position, cause }) => ({
          status,
          at: instant(atMs),
          position,
          cause,
        })),
      },
      kpi: await this.#kpi.ask({ campaigns: [campaignId], timeZone }),
    });
  }

  #spill(): void {
    for (const model of this.#models) {
      const keys = model.takeDirty();
      if (model !== this.#kpi) continue;
      const cold = keys.filter((key) => key.startsWith(coldPrefix));
      this.cold.write(cold.map((key) => ({ key, bytes: this.#kpi.encodeRow(key) })));
      this.#kpi.stored(cold);
    }
  }
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
