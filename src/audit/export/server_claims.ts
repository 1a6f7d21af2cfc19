/** What a server says of its campaigns as of a position, and which there are. */
import { type Claim, claimLine } from "./export_format.ts";
import type { HistoryClient } from "./history_client.ts";

/** The most that a list gives at a time. */
const pageLimit = 200;

/** The line of a campaign's claim. */
export async function serverClaim(
  client: HistoryClient,
  campaignId: string,
  position: string,
): Promise<string> {
  const path = `/v1/campaigns/${encodeURIComponent(campaignId)}`;
  const asOf = `?asOf=${encodeURIComponent(position)}`;
  const [status, kpi] = await Promise.all([
    client.json(`${path}/status${asOf}`),
    client.json(`${path}/kpi${asOf}`),
  ]);
  const claim: Claim = { campaignId, status, kpi };
  return claimLine(claim);
}

/** Those that the server's own list has; of deleted ones it says nothing. */
export async function* listedCampaigns(
  client: HistoryClient,
  position: string,
): AsyncGenerator<string> {
  let cursor: string | null = null;
  do {
    const from: string = cursor === null ? "" : `&cursor=${encodeURIComponent(cursor)}`;
    const path = `/v1/campaigns?limit=${pageLimit}&asOf=${encodeURIComponent(position)}${from}`;
    const page = await client.json(path);
    for (const { id } of page.items) yield id as string;
    cursor = page.nextCursor;
  } while (cursor !== null);
}
