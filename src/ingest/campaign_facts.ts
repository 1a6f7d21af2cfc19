/** What is asked of a campaign when interactions come: may they count, and what was it that was seen? */
import type { CampaignTimes } from "./interaction.ts";
import type { ShownMessage } from "./shown_message.ts";

export interface CampaignFacts extends CampaignTimes {
  readonly contentRevision: number;
  /** What is known of its revisions, oldest first; the last one is shown now. */
  readonly messages: readonly RevisionMessage[];
}

export interface RevisionMessage {
  readonly revision: number;
  readonly message: ShownMessage;
}

/** What the revision showed; no revision, and one that is not there yet, stand for the latest. */
export function messageOf(
  { messages }: CampaignFacts,
  revision: number | undefined,
): ShownMessage | undefined {
  const latest = messages.at(-1);
  if (!latest || revision === undefined || revision >= latest.revision) return latest?.message;
  return messages.find((one) => one.revision >= revision)!.message;
}
