/** The question "what has become of this campaign?": its statuses, oldest first. */
import type { CampaignEvent, CampaignStatus } from "../events/campaign_events.ts";
import { campaignStreamPrefix } from "../events/campaign_events.ts";
import type { RecordedEvent } from "../events/recorded_event.ts";
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
  /** Those that are posting: no other status ends with an edit. */
  readonly #posting: ReadonlySet<string>;

  constructor() {
    const posting = new Set<string>();
    super(statusesFold, (id, { timeline }) => {
      if (timeline.at(-1)?.status === "posting") posting.add(id);
      else posting.delete(id);
    });
    this.#posting = posting;
  }

  /** Most events are edits that leave the status as it is: for them no row need be unpacked. */
  override fold(recorded: RecordedEvent): void {
    if (recorded.event.type === "campaign_edited") {
      const id = statusesFold.rowKey(recorded);
      if (id === undefined || !this.#posting.has(id)) return;
    }
    super.fold(recorded);
  }
}
