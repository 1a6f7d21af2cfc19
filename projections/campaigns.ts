/** The campaigns themselves: what GET of one and the list answer from. */
import type { CampaignEvent, CampaignStatus } from "../events/campaign_events.ts";
import { campaignStreamPrefix } from "../events/campaign_events.ts";
import type { CampaignSettings } from "../events/campaign_settings.ts";
import type { RecordedEvent } from "../events/recorded_event.ts";
import { statusChange } from "./campaign_status.ts";
import { type RowFold, RowProjection } from "./row_projection.ts";

export interface CampaignRow {
  readonly id: string;
  readonly status: CampaignStatus | "deleted";
  /** As given, defaults left out. */
  readonly settings: CampaignSettings;
  readonly version: number;
  readonly contentRevision: number;
  readonly copiedFrom: string | null;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

export const campaignsFold: RowFold<CampaignRow> = {
  name: "campaigns",
  revision: 1,

  rowKey: ({ stream }) =>
    stream.startsWith(campaignStreamPrefix) ? stream.slice(campaignStreamPrefix.length) : undefined,

  fold(row, recorded) {
    const event = recorded.event as CampaignEvent;
    const change = statusChange(row?.status, event, recorded.timeMs);
    const base = row ?? firstRow(recorded);
    return {
      ...base,
      ...(event.type === "campaign_edited"
        ? {
          settings: withSet(base.settings, event.data.set),
          contentRevision: event.data.contentRevision,
        }
        : {}),
      status: change?.status ?? base.status,
      version: recorded.version,
      updatedAtMs: recorded.timeMs,
    };
  },
};

function firstRow(recorded: RecordedEvent): CampaignRow {
  const event = recorded.event as CampaignEvent;
  if (event.type !== "campaign_created") {
    throw new Error(`${recorded.stream} begins with ${event.type}`);
  }
  return {
    id: recorded.stream.slice(campaignStreamPrefix.length),
    status: "writing",
    settings: event.data.settings as CampaignSettings,
    version: recorded.version,
    contentRevision: 1,
    copiedFrom: event.data.copiedFrom,
    createdAtMs: recorded.timeMs,
    updatedAtMs: recorded.timeMs,
  };
}

/** An edit names whole top-level settings; `null` takes one back to its default. */
function withSet(settings: CampaignSettings, set: Record<string, unknown>): CampaignSettings {
  const next: Record<string, unknown> = { ...settings };
  for (const [name, value] of Object.entries(set)) {
    if (value === null) delete next[name];
    else next[name] = value;
  }
  return next as CampaignSettings;
}

/** The read model: the rows, and how many campaigns each status has. */
export class CampaignsProjection extends RowProjection<CampaignRow> {
  readonly #counts: Map<string, number>;

  constructor() {
    const counts = new Map<string, number>();
    const count = (status: string, change: number) =>
      counts.set(status, (counts.get(status) ?? 0) + change);
    super(campaignsFold, (_key, row, previous) => {
      if (previous) count(previous.status, -1);
      count(row.status, 1);
    });
    this.#counts = counts;
  }

  /** Undefined for one that never existed and for one that was deleted. */
  get(id: string): CampaignRow | undefined {
    const row = this.rows.get(id);
    return row?.status === "deleted" ? undefined : row;
  }

  count(status: CampaignStatus): number {
    return this.#counts.get(status) ?? 0;
  }
}
