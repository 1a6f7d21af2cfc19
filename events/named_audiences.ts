/** Which audiences the settings of a campaign name, and where. */
import type { CampaignSettings } from "./campaign_settings.ts";

export interface NamedAudience {
  /** JSON pointer into the settings. */
  readonly pointer: string;
  readonly audienceId: string;
}

export function namedAudiences({ audience }: Pick<CampaignSettings, "audience">): NamedAudience[] {
  const named = [];
  if (audience?.kind === "audience") {
    named.push({ pointer: "/audience/audienceId", audienceId: audience.audienceId });
  }
  if (audience?.excludeAudienceId) {
    named.push({ pointer: "/audience/excludeAudienceId", audienceId: audience.excludeAudienceId });
  }
  return named;
}
