/** What a campaign is, as far as its decisions depend on it. */
import type { CampaignSettings } from "../../events/campaign_settings.ts";
import type { CampaignStatus } from "../../events/campaign_events.ts";
import type { AudienceSnapshot } from "./commands.ts";

export interface CampaignState {
  /** `none` before the first event, `deleted` after the last of a deleted draft. */
  readonly status: CampaignStatus | "none" | "deleted";
  /** As given, defaults left out. */
  readonly settings: CampaignSettings;
  readonly contentRevision: number;
  readonly copiedFrom: string | null;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  /**
   * The last command that the clock rules depend on (activation, restart, an edit): no boundary is
   * dated before it.
   */
  readonly clockFloorMs: number;
  /** The last edit while published: the reflect window begins here. */
  readonly editedAtMs: number;
  /** The first posting ever; null before it. Interactions count from here. */
  readonly firstPostedAtMs: number | null;
  /** The end as it was recorded; null before it. Interactions count until some days after it. */
  readonly endedAtMs: number | null;
  /** When the calculation of this activation's audience began: the boundary's own date; else 0. */
  readonly preparingAtMs: number;
  /** The frozen audience of this activation. */
  readonly snapshot: (AudienceSnapshot & { readonly atMs: number }) | null;
}
