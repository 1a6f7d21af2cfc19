/** The campaigns themselves: what GET of one, the list and delivery answer from. */
import type { CampaignEvent, CampaignStatus } from "../events/campaign_events.ts";
import { campaignStreamPrefix } from "../events/campaign_events.ts";
import { type CampaignSettings, settingsAfter } from "../events/campaign_settings.ts";
import type { RecordedEvent } from "../events/recorded_event.ts";
import { type ContentRevision, nextRevisions } from "./content_revisions.ts";
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
  /** When the settings last changed, which breaks ties of priority. */
  readonly settingsChangedAtMs: number;
  /** What clients may hold of it. */
  readonly revisions: readonly ContentRevision[];
  /** The last event that changed what is delivered of it; empty: none has. */
  readonly deliveryChangedPosition: string;
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
    const next = {
      ...base,
      ...(event.type === "campaign_edited"
        ? {
          settings: settingsAfter(base.settings, event.data.set),
          contentRevision: event.data.contentRevision,
          settingsChangedAtMs: recorded.timeMs,
        }
        : {}),
      status: change?.status ?? base.status,
      version: recorded.version,
      updatedAtMs: recorded.timeMs,
    };
    return {
      ...next,
      revisions: nextRevisions(base.revisions, next, recorded.position),
      deliveryChangedPosition: isLive(base) || isLive(next)
        ? recorded.position
        : base.deliveryChangedPosition,
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
    settingsChangedAtMs: recorded.timeMs,
    revisions: [],
    deliveryChangedPosition: "",
  };
}

function isLive({ status }: Pick<CampaignRow, "status">): boolean {
  return status === "posting" || status === "posting_reflecting_modifications";
}

/** The read model: the rows, how many campaigns each status has, and the live ones at hand. */
export class CampaignsProjection extends RowProjection<CampaignRow> {
  readonly #counts: Map<string, number>;
  /** By id: what may be shown now. */
  readonly live: ReadonlyMap<string, CampaignRow>;
  /**
   * How often what is delivered has changed here (an answer holds while it stays the same), and the
   * position of the last change.
   */
  readonly deliveryChanges: { readonly count: number; readonly position: string };

  constructor() {
    const counts = new Map<string, number>();
    const live = new Map<string, CampaignRow>();
    const deliveryChanges = { count: 0, position: "" };
    const count = (status: string, change: number) =>
      counts.set(status, (counts.get(status) ?? 0) + change);
    super(campaignsFold, (id, row, previous) => {
      if (previous) count(previous.status, -1);
      count(row.status, 1);
      if (row.deliveryChangedPosition > deliveryChanges.position) {
        deliveryChanges.count++;
        deliveryChanges.position = row.deliveryChangedPosition;
      }
      if (isLive(row)) live.set(id, row);
      else live.delete(id);
    });
    this.#counts = counts;
    this.live = live;
    this.deliveryChanges = deliveryChanges;
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
