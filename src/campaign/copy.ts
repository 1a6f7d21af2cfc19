/** Copy to start: what a new draft takes of another campaign. */
import type { CampaignSettings } from "../../events/campaign_settings.ts";

/** The settings, without the dates that have passed; with another name where one is given. */
export function copySettings(
  settings: CampaignSettings,
  nowMs: number,
  name?: string,
): CampaignSettings {
  const copy = { ...settings, ...(name === undefined ? {} : { name }) };
  if (!settings.schedule) return copy;
  const schedule = { ...settings.schedule };
  for (const date of ["startAt", "endAt"] as const) {
    const at = schedule[date];
    if (at && Date.parse(at) <= nowMs) delete schedule[date];
  }
  return { ...copy, schedule };
}
