/** A campaign as clients see it: all settings with their defaults, and what follows from its status. */
import type { CampaignStatus } from "../../events/campaign_events.ts";
import { type CampaignSettings, withDefaults } from "../../events/campaign_settings.ts";
import { allowedActions, missingSettings } from "../campaign/mod.ts";

export interface CampaignFacts {
  readonly status: CampaignStatus | "none" | "deleted";
  readonly settings: CampaignSettings;
  readonly contentRevision: number;
  readonly copiedFrom: string | null;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

/** The same from a decider's state and from a row of the read model. */
export function campaignJson(
  id: string,
  version: number,
  campaign: CampaignFacts,
  audienceExists: (audienceId: string) => boolean,
) {
  return {
    id,
    ...withDefaults(campaign.settings),
    status: campaign.status,
    version,
    contentRevision: campaign.contentRevision,
    allowedActions: allowedActions(campaign.status as CampaignStatus),
    missing: missingSettings(campaign.settings, { audienceExists }),
    createdAt: instant(campaign.createdAtMs),
    updatedAt: instant(campaign.updatedAtMs),
    copiedFrom: campaign.copiedFrom,
  };
}

const instantsMax = 1_024;
/** Instants that were written lately, each at its place: the same ones come again and again. */
const instants = new Array<{ readonly ms: number; readonly text: string } | undefined>(instantsMax);

export function instant(ms: number): string {
  const place = Math.trunc(Math.abs(ms)) % instantsMax;
  const known = instants[place];
  if (known?.ms === ms) return known.text;
  const text = new Date(ms).toISOString();
  instants[place] = { ms, text };
  return text;
}
