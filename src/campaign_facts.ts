/** What the ingest of interactions has to know of a campaign: from its state and its row. */
import { actionsOnly, deliveredOf } from "../projections/content_revisions.ts";
import type { CampaignState } from "./campaign/mod.ts";
import type { StreamStates } from "./event_store/mod.ts";
import type { Models } from "./http/mod.ts";
import type { CampaignFacts } from "./ingest/mod.ts";
import { campaignStream, type StreamState } from "./transact/mod.ts";

/** What interactions are judged by. */
export function campaignFacts(
  states: StreamStates<StreamState>,
  { campaigns }: Models,
  campaignId: string,
): CampaignFacts | undefined {
  const state = states.head(campaignStream(campaignId)).state as CampaignState;
  if (state.status === "none" || state.status === "deleted") return undefined;
  const { firstPostedAtMs, endedAtMs, contentRevision } = state;
  const row = campaigns.model.get(campaignId);
  const revisions = row?.revisions.map(({ revision, delivered }) => ({ revision, delivered })) ??
    [];
  // Before the first posting it is what the settings say.
  if (row && revisions.length === 0) {
    revisions.push({ revision: 0, delivered: deliveredOf(row, undefined) });
  }
  const messages = revisions.map(({ revision, delivered }) => {
    const { content, variants } = actionsOnly(delivered);
    return { revision, message: { content, variants } };
  });
  return { firstPostedAtMs, endedAtMs, contentRevision, messages };
}
