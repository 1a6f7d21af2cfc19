/** The question "which campaigns use this audience?": those that could still be shown because of it. */
import { namedAudiences } from "../events/named_audiences.ts";
import type { CampaignRow } from "./campaigns.ts";

/** Ids of campaigns, in order, by the audience that they name; the deleted and the ended left out. */
export function audienceUsers(campaigns: Iterable<CampaignRow>): ReadonlyMap<string, string[]> {
  const users = new Map<string, string[]>();
  for (const { id, status, settings } of campaigns) {
    if (status === "deleted" || status === "ended") continue;
    for (const audienceId of new Set(namedAudiences(settings).map((one) => one.audienceId))) {
      const ids = users.get(audienceId);
      if (ids) ids.push(id);
      else users.set(audienceId, [id]);
    }
  }
  for (const ids of users.values()) ids.sort();
  return users;
}
