/** Read models of single streams at a place in the past: nothing else of the log is read. */
import { namedAudiences } from "../../events/named_audiences.ts";
import { workspaceStream } from "../../events/workspace_events.ts";
import { AudiencesProjection } from "../../projections/audiences.ts";
import { CampaignsProjection } from "../../projections/campaigns.ts";
import { StatusesProjection } from "../../projections/statuses.ts";
import { WorkspaceProjection } from "../../projections/workspace.ts";
import { StreamStates } from "../event_store/mod.ts";
import {
  audienceStream,
  campaignStream,
  streamRules,
  streamStatesRevision,
} from "../transact/mod.ts";
import type { PastLog } from "./past_log.ts";
import type { Place } from "./place.ts";

/** A campaign, and whether the audiences that it names were there. */
export class PastCampaign {
  readonly campaigns = new CampaignsProjection();
  readonly statuses = new StatusesProjection();
  readonly states = new StreamStates(streamStatesRevision, streamRules);
  readonly audiences = new AudiencesProjection();

  private constructor() {}

  static async at(log: PastLog, id: string, place: Place): Promise<PastCampaign> {
    const past = new PastCampaign();
    const models = [past.campaigns, past.statuses, past.states];
    const stream = campaignStream(id);
    for (const recorded of await log.stream(stream, place.position)) {
      for (const model of models) model.fold(recorded);
    }
    const row = past.campaigns.get(id);
    if (!row) return past;
    if (place.instantMs !== null) {
      for (const recorded of await log.boundariesBy(stream, row.version, place.instantMs)) {
        for (const model of models) model.fold(recorded);
      }
    }
    for (const { audienceId } of namedAudiences(row.settings)) {
      const events = await log.stream(audienceStream(audienceId), place.position);
      for (const recorded of events) past.audiences.fold(recorded);
    }
    return past;
  }
}

export class PastWorkspace {
  readonly workspace = new WorkspaceProjection();

  private constructor() {}

  static async at(log: PastLog, place: Place): Promise<PastWorkspace> {
    const past = new PastWorkspace();
    const events = await log.stream(workspaceStream, place.position);
    for (const recorded of events) past.workspace.fold(recorded);
    return past;
  }
}
