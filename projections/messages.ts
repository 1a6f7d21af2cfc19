/** What clients may be shown: the content revisions of every campaign that can still be delivered. */
import type { CampaignEvent } from "../events/campaign_events.ts";
import {
  type CampaignSettings,
  deliveredSettings,
  withDefaults,
} from "../events/campaign_settings.ts";
import type { RecordedEvent } from "../events/recorded_event.ts";
import { type CampaignRow, campaignsFold } from "./campaigns.ts";
import { type RowFold, RowProjection } from "./row_projection.ts";

/** What clients receive of one content revision. */
export type Delivered = ReturnType<typeof deliveredSettings>;

export interface MessageRevision {
  readonly revision: number;
  /** The position from which this revision was current. */
  readonly position: string;
  readonly delivered: Delivered;
}

export interface MessageRow {
  readonly campaign: CampaignRow;
  /** Oldest first; empty before the first posting and after the end. */
  readonly revisions: readonly MessageRevision[];
  /** The last event that changed what is delivered of this campaign. */
  readonly changedPosition: string;
  /** When the settings last changed, which breaks ties of priority. */
  readonly settingsChangedAtMs: number;
}

/**
 * Revisions kept for sessions that began long ago. One that is older still is answered with the
 * oldest that is kept.
 */
const revisionsKeptMax = 100;

export const messagesFold: RowFold<MessageRow> = {
  name: "messages",
  revision: 1,

  rowKey: campaignsFold.rowKey,

  fold(row, recorded) {
    const event = recorded.event as CampaignEvent;
    const campaign = campaignsFold.fold(row?.campaign, recorded);
    const wasLive = row !== undefined && isLive(row.campaign);
    const edited = event.type === "campaign_created" || event.type === "campaign_edited";
    return {
      campaign,
      revisions: nextRevisions(row, campaign, recorded),
      changedPosition: wasLive || isLive(campaign) ? recorded.position : row?.changedPosition ?? "",
      settingsChangedAtMs: edited ? recorded.timeMs : row?.settingsChangedAtMs ?? recorded.timeMs,
    };
  },
};

function nextRevisions(
  row: MessageRow | undefined,
  campaign: CampaignRow,
  recorded: RecordedEvent,
): readonly MessageRevision[] {
  const before = row?.revisions ?? [];
  if (campaign.status === "ended" || campaign.status === "deleted") return [];
  const posted = before.length > 0 || recorded.event.type === "campaign_posted";
  if (!posted || before.at(-1)?.revision === campaign.contentRevision) return before;
  const current: MessageRevision = {
    revision: campaign.contentRevision,
    position: recorded.position,
    delivered: deliveredOf(campaign.settings),
  };
  return [...before, current].slice(-revisionsKeptMax);
}

function deliveredOf(settings: CampaignSettings): Delivered {
  return deliveredSettings(withDefaults(settings));
}

function isLive({ status }: CampaignRow): boolean {
  return status === "posting" || status === "posting_reflecting_modifications";
}

/** The read model, with the live campaigns at hand. */
export class MessagesProjection extends RowProjection<MessageRow> {
  readonly live: Map<string, MessageRow>;
  /**
   * How often what is delivered has changed here (an answer holds while it stays the same), and the
   * position of the last change.
   */
  readonly changes: { count: number; position: string };

  constructor() {
    const live = new Map<string, MessageRow>();
    const changes = { count: 0, position: "" };
    super(messagesFold, (id, row) => {
      if (row.changedPosition > changes.position) {
        changes.count++;
        changes.position = row.changedPosition;
      }
      if (isLive(row.campaign)) live.set(id, row);
      else live.delete(id);
    });
    this.live = live;
    this.changes = changes;
  }
}
