/** Which revision of each campaign a session sees: that of its beginning, until it is started anew. */
import type { CampaignRow, CampaignsProjection } from "../../projections/campaigns.ts";
import type { ContentRevision } from "../../projections/content_revisions.ts";
import type { Session } from "../../events/session_token.ts";

/** The revision that the session began with; the latest for a campaign that was posted after it. */
export function revisionFor(
  { id, revisions }: Pick<CampaignRow, "id" | "revisions">,
  session: Session | null,
): ContentRevision {
  if (session === null) return revisions.at(-1)!;
  if (Object.hasOwn(session.pins, id)) {
    return revisions.find(({ revision }) => revision >= session.pins[id]!) ?? revisions.at(-1)!;
  }
  if (isPostedAfter({ revisions }, session)) return revisions.at(-1)!;
  return revisions.findLast(({ position }) => position <= session.position) ?? revisions[0]!;
}

/** The pins of the session's next token: those still needed, and those of what is shown since. */
export function pinsAfter(
  campaigns: CampaignsProjection,
  session: Session,
  shown: readonly { readonly row: CampaignRow; readonly revision: ContentRevision }[],
): Record<string, number> {
  // A campaign that has ended is not shown again; a stopped one may be.
  const pins = Object.fromEntries(
    Object.entries(session.pins)
      .filter(([id]) => (campaigns.get(id)?.status ?? "ended") !== "ended"),
  );
  for (const { row, revision } of shown) {
    if (isPostedAfter(row, session)) pins[row.id] = revision.revision;
  }
  return pins;
}

/** Whether the campaign was first posted after the session began. */
function isPostedAfter({ revisions }: Pick<CampaignRow, "revisions">, session: Session): boolean {
  const first = revisions[0]!;
  // Revisions begin at 1: where they do not, older ones are not kept any more.
  return first.revision === 1 && first.position > session.position;
}
