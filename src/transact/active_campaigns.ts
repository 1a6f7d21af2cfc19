/** Which campaigns are active now, and which of any status have a boundary ahead. */
import { campaignStreamPrefix, isActiveStatus } from "../../events/campaign_events.ts";
import { namedAudiences } from "../../events/named_audiences.ts";
import type { CampaignState } from "../campaign/mod.ts";
import type { Draft, StreamStates } from "../event_store/mod.ts";
import { campaignIdOf, type StreamState } from "./streams.ts";

export class ActiveCampaigns {
  readonly #streams = new Set<string>();

  constructor(states: StreamStates<StreamState>) {
    states.onChange((stream, head) => {
      if (!stream.startsWith(campaignStreamPrefix)) return;
      if (isActiveStatus((head.state as CampaignState).status)) this.#streams.add(stream);
      else this.#streams.delete(stream);
    });
  }

  /** The streams of the active campaigns, as the draft would leave them. */
  streams(draft: Draft<StreamState>): string[] {
    const candidates = new Set(this.#streams);
    for (const stream of draft.changedStreams()) {
      if (stream.startsWith(campaignStreamPrefix)) candidates.add(stream);
    }
    return [...candidates].filter((stream) =>
      isActiveStatus((draft.state(stream) as CampaignState).status)
    );
  }

  /** Ids of the active campaigns that name an audience, to show to it or to leave it out. */
  naming(draft: Draft<StreamState>, audienceId: string): string[] {
    return this.streams(draft)
      .filter((stream) =>
        namedAudiences((draft.state(stream) as CampaignState).settings)
          .some((named) => named.audienceId === audienceId)
      )
      .map(campaignIdOf).sort();
  }
}
