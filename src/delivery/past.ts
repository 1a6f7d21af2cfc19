/**
 * A campaign and the workspace as they were at an instant: what had been recorded by then, and what the
 * clock had done by then though nobody had looked.
 */
import { type CampaignEvent, campaignStreamPrefix } from "../../events/campaign_events.ts";
import type { RecordedEvent } from "../../events/recorded_event.ts";
import { workspaceStream } from "../../events/workspace_events.ts";
import { type CampaignRow, campaignsFold } from "../../projections/campaigns.ts";
import { workspaceFold, type WorkspaceRow } from "../../projections/workspace.ts";
import { campaignDecider, type ClockDurations, dueEvents } from "../campaign/mod.ts";
import type { LogReader, StreamIndex } from "../event_store/mod.ts";

export class Past {
  constructor(
    readonly reader: LogReader,
    readonly index: () => StreamIndex,
    readonly durations: ClockDurations,
  ) {}

  /** Undefined where there was none. */
  async campaign(id: string, atMs: number): Promise<CampaignRow | undefined> {
    let row: CampaignRow | undefined;
    let state = campaignDecider.initial;
    let last: RecordedEvent | undefined;
    const fold = (recorded: RecordedEvent) => {
      row = campaignsFold.fold(row, recorded);
      state = campaignDecider.evolve(state, recorded.event as CampaignEvent, recorded.timeMs);
      last = recorded;
    };
    for (const recorded of await this.#recorded(campaignStreamPrefix + id, atMs)) fold(recorded);
    if (!last || row?.status === "deleted") return undefined;
    for (const event of dueEvents(state, { ...this.durations, nowMs: atMs })) {
      fold({ ...last, event, timeMs: atMs });
    }
    return row;
  }

  async workspace(atMs: number): Promise<WorkspaceRow | undefined> {
    const recorded = await this.#recorded(workspaceStream, atMs);
    return recorded.reduce<WorkspaceRow | undefined>(
      (row, event) => workspaceFold.fold(row, event),
      undefined,
    );
  }

  async #recorded(stream: string, atMs: number): Promise<RecordedEvent[]> {
    const events = await this.reader.readAt(this.index().positions(stream, 0, Infinity));
    return events.filter(({ timeMs }) => timeMs <= atMs);
  }
}
