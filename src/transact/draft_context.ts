/** What a command on a campaign is decided by, as a draft would leave it. */
import type { Platform } from "../../events/workspace_events.ts";
import { workspaceStream } from "../../events/workspace_events.ts";
import { type AudienceState, audienceStateExists } from "../audience/mod.ts";
import type { CampaignContext } from "../campaign/mod.ts";
import type { Draft } from "../event_store/mod.ts";
import type { WorkspaceState } from "../workspace/mod.ts";
import type { ActiveCampaigns } from "./active_campaigns.ts";
import { audienceStream, type StreamState } from "./streams.ts";

/** How long the phases of a campaign's life take; from the configuration. */
export interface Durations {
  readonly prepareLeadMs: number;
  readonly reflectWindowMs: number;
  readonly statusCheckMs: number;
}

/** What has to be looked up is looked up when it is asked for: most commands ask for none of it. */
export class DraftContext implements CampaignContext {
  readonly nowMs: number;
  readonly prepareLeadMs: number;
  readonly reflectWindowMs: number;
  readonly statusCheckMs: number;
  readonly #draft: Draft<StreamState>;
  readonly #stream: string;
  readonly #active: ActiveCampaigns;

  constructor(
    draft: Draft<StreamState>,
    stream: string,
    active: ActiveCampaigns,
    durations: Durations,
  ) {
    this.nowMs = draft.timeMs;
    this.prepareLeadMs = durations.prepareLeadMs;
    this.reflectWindowMs = durations.reflectWindowMs;
    this.statusCheckMs = durations.statusCheckMs;
    this.#draft = draft;
    this.#stream = stream;
    this.#active = active;
  }

  get activeLimit(): number {
    return this.#workspace.activeLimit;
  }

  get otherActiveCount(): number {
    return this.#active.streams(this.#draft).filter((other) => other !== this.#stream).length;
  }

  get platformsSetUp(): readonly Platform[] {
    return this.#workspace.platforms;
  }

  readonly audienceExists = (audienceId: string) => audienceExistsIn(this.#draft, audienceId);

  get #workspace(): WorkspaceState["settings"] {
    return (this.#draft.state(workspaceStream) as WorkspaceState).settings;
  }
}

export function audienceExistsIn(draft: Draft<StreamState>, audienceId: string): boolean {
  return audienceStateExists(draft.state(audienceStream(audienceId)) as AudienceState);
}
