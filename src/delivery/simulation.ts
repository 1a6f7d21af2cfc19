/** If this campaign were live: with which others would it compete, and which of the two is shown? */
import { isActiveStatus } from "../../events/campaign_events.ts";
import type { FullCampaignTrigger } from "../../events/campaign_trigger.ts";
import { deliveredSettings, withDefaults } from "../../events/campaign_settings.ts";
import type { CampaignRow } from "../../projections/campaigns.ts";
import { compareRanks, type Ranked } from "./order.ts";

export interface Competitor {
  readonly row: CampaignRow;
  /** Whether it is shown before the campaign that is simulated. */
  readonly isFirst: boolean;
}

/**
 * Active campaigns that share a platform, the occasion and some time with the campaign, those that are
 * shown first in front. A campaign without a start is taken to start now, one without an end never ends.
 */
export function competitorsOf(
  campaign: CampaignRow,
  others: Iterable<CampaignRow>,
  nowMs: number,
): Competitor[] {
  const one = withDefaults(campaign.settings);
  const rank = rankOf(campaign);
  const found: { row: CampaignRow; rank: Ranked }[] = [];
  for (const row of others) {
    if (row.id === campaign.id || !isActiveStatus(row.status)) continue;
    const other = withDefaults(row.settings);
    const competes = one.platforms.some((platform) => other.platforms.includes(platform)) &&
      sameOccasion(one.trigger, other.trigger) &&
      startMs(one.schedule, nowMs) < endMs(other.schedule) &&
      startMs(other.schedule, nowMs) < endMs(one.schedule);
    if (competes) found.push({ row, rank: rankOf(row) });
  }
  return found.sort((a, b) => compareRanks(a.rank, b.rank))
    .map(({ row, rank: other }) => ({ row, isFirst: compareRanks(other, rank) < 0 }));
}

function rankOf({ id, settings, settingsChangedAtMs }: CampaignRow): Ranked {
  const delivered = deliveredSettings(withDefaults(settings));
  return { campaignId: id, isTest: false, settingsChangedAtMs, delivered };
}

function sameOccasion(one: FullCampaignTrigger, other: FullCampaignTrigger): boolean {
  switch (one.kind) {
    case "session_start":
      return other.kind === "session_start";
    case "event":
      return other.kind === "event" && other.event === one.event;
    case "self_serve":
      return other.kind === "self_serve" && other.key === one.key;
  }
}

function startMs({ startAt }: { startAt: string | null }, nowMs: number): number {
  return Math.max(startAt === null ? nowMs : Date.parse(startAt), nowMs);
}

function endMs({ endAt }: { endAt: string | null }): number {
  return endAt === null ? Infinity : Date.parse(endAt);
}
