/** Which content revisions of a campaign clients may hold, and from when; pure. */
import {
  type CampaignSettings,
  deliveredSettings,
  withDefaults,
} from "../events/campaign_settings.ts";

/** What clients receive of one content revision. */
export type Delivered = ReturnType<typeof deliveredSettings>;

export interface ContentRevision {
  readonly revision: number;
  /** The position from which this revision was current. */
  readonly position: string;
  readonly delivered: Delivered;
}

/**
 * Revisions kept for sessions that began long ago. One that is older still is answered with the
 * oldest that is kept.
 */
const revisionsKeptMax = 100;

/** Oldest first; empty before the first posting and after the end. */
export function nextRevisions(
  before: readonly ContentRevision[],
  campaign: {
    readonly status: string;
    readonly contentRevision: number;
    readonly settings: CampaignSettings;
  },
  position: string,
): readonly ContentRevision[] {
  if (campaign.status === "ended") return before.length === 0 ? before : [];
  const posted = before.length > 0 || campaign.status === "posting";
  if (!posted || before.at(-1)?.revision === campaign.contentRevision) return before;
  const current: ContentRevision = {
    revision: campaign.contentRevision,
    position,
    delivered: deliveredSettings(withDefaults(campaign.settings)),
  };
  return [...before, current].slice(-revisionsKeptMax);
}
