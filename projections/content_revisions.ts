/** Which content revisions of a campaign clients may hold, and from when; pure. */
import {
  type CampaignSettings,
  deliveredSettings,
  withDefaults,
} from "../events/campaign_settings.ts";
import type { VariantContent } from "../events/message_content.ts";

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

/**
 * What clients hold of a revision of the campaign: undefined, and one that is not there yet, stand for
 * the latest; of one that is kept no more, what is nearest to it.
 */
export function deliveredOf(
  { revisions, settings }: {
    readonly revisions: readonly ContentRevision[];
    readonly settings: CampaignSettings;
  },
  revision: number | undefined,
): Delivered {
  const latest = revisions.at(-1);
  if (!latest) return deliveredNow(settings);
  if (revision === undefined || revision >= latest.revision) return latest.delivered;
  return revisions.find((one) => one.revision >= revision)!.delivered;
}

/** Oldest first; empty before the first posting. After the end, what interactions still need of them. */
export function nextRevisions(
  before: readonly ContentRevision[],
  campaign: {
    readonly status: string;
    readonly contentRevision: number;
    readonly settings: CampaignSettings;
  },
  position: string,
): readonly ContentRevision[] {
  if (campaign.status === "ended") {
    if (before.length === 0) return before;
    return before.map((one) => ({ ...one, delivered: actionsOnly(one.delivered) }));
  }
  const posted = before.length > 0 || campaign.status === "posting";
  if (!posted || before.at(-1)?.revision === campaign.contentRevision) return before;
  const current: ContentRevision = {
    revision: campaign.contentRevision,
    position,
    delivered: deliveredSettings(withDefaults(campaign.settings)),
  };
  return [...before, current].slice(-revisionsKeptMax);
}

/**
 * Interactions come for some days after the end. Which variant they saw and what their button does is
 * all that is asked then; what was shown is let go of.
 */
export function actionsOnly(delivered: Delivered): Delivered {
  const { orientations, closeButton, buttons } = delivered.content;
  const content = { ...actionsOf(delivered.content), orientations, closeButton, buttons };
  return {
    ...delivered,
    content: content as Delivered["content"],
    variants: delivered.variants.map((variant) => ({
      ...variant,
      content: actionsOf(variant.content),
    })),
  };
}

type Actions = Pick<VariantContent, "buttons" | "imageAction" | "bannerAction">;

function actionsOf({ buttons, imageAction, bannerAction }: Actions): Actions {
  return {
    ...(buttons ? { buttons } : {}),
    ...(imageAction ? { imageAction } : {}),
    ...(bannerAction ? { bannerAction } : {}),
  };
}

const deliveredBySettings = new WeakMap<CampaignSettings, Delivered>();

/** Of a campaign that has not been posted. */
function deliveredNow(settings: CampaignSettings): Delivered {
  let delivered = deliveredBySettings.get(settings);
  if (!delivered) {
    delivered = deliveredSettings(withDefaults(settings));
    deliveredBySettings.set(settings, delivered);
  }
  return delivered;
}
