/** The question "what has become of this campaign?": its statuses, oldest first. */
import type { CampaignEvent, CampaignStatus } from "../events/campaign_events.ts";
import { campaignStreamPrefix } from "../events/campaign_events.ts";
import { statusChange } from "./campaign_status.ts";
import { type RowFold, RowProjection } from "./row_projection.ts";

export interface TimelineEntry {
  readonly status: CampaignStatus | "deleted";
  readonly atMs: number;
  readonly position: string;
  readonly cause: string;
}

export interface StatusRow {
  readonly timeline: readonly TimelineEntry[];
}

export const statusesFold: RowFold<StatusRow> = {
  name: "statuses",
  revision: 1,

  rowKey: ({ stream }) =>
    stream.startsWith(campaignStreamPrefix) ? stream.slice(campaignStreamPrefix.length) : undefined,

  fold(row, recorded) {
    const timeline = row?.timeline ?? [];
    const status = timeline.at(-1)?.status;
    const change = statusChange(status, recorded.event as CampaignEvent, recorded.timeMs);
    // An edit while an edit is still being reflected restarts the window; the status stays.
    if (!change || change.status === status) return row ?? { timeline };
    return { timeline: [...timeline, { ...change, position: recorded.position }] };
  },
};

export class StatusesProjection extends RowProjection<StatusRow> {
  constructor() {
    super(statusesFold);
  }
}
