/** What may be shown now: the live campaigns of a platform, each in the revision of the session. */
import { clickableElements } from "../../events/campaign_settings.ts";
import type { Platform } from "../../events/workspace_events.ts";
import type { CampaignRow, CampaignsProjection } from "../../projections/campaigns.ts";
import type { ContentRevision } from "../../projections/content_revisions.ts";
import { sha256Hex } from "../event_store/mod.ts";
import { decodeSession, encodeSession, type Session } from "../../events/session_token.ts";

export interface DeliveryAnswer {
  /** JSON text. */
  readonly body: string;
  readonly etag: string;
}

/** Answers kept ready; one for each platform and session token. */
const answersKeptMax = 5_000;

export class Delivery {
  #answers = new Map<string, DeliveryAnswer>();
  #model: CampaignsProjection | null = null;
  #changes = -1;
  /** The JSON of a message, by the revision that it was made of. */
  #messageTexts = new WeakMap<ContentRevision, string>();

  constructor(
    readonly campaigns: () => CampaignsProjection,
    readonly statusCheckSeconds: number,
    readonly nowMs: () => number,
  ) {}

  /** Null when the session token is none. */
  sync(platform: Platform, sessionToken: string | undefined): DeliveryAnswer | null {
    const campaigns = this.campaigns();
    if (this.#model !== campaigns || this.#changes !== campaigns.deliveryChanges.count) {
      this.#answers.clear();
      this.#model = campaigns;
      this.#changes = campaigns.deliveryChanges.count;
    }
    const key = `${platform} ${sessionToken ?? ""}`;
    const ready = this.#answers.get(key);
    if (ready) return ready;
    const session = sessionToken === undefined
      ? {
        position: campaigns.deliveryChanges.position,
        startedAtMs: this.nowMs(),
        pins: {},
      }
      : decodeSession(sessionToken);
    if (!session) return null;
    const answer = this.#answer(campaigns, platform, session);
    if (this.#answers.size >= answersKeptMax) {
      this.#answers.delete(this.#answers.keys().next().value!);
    }
    this.#answers.set(key, answer);
    return answer;
  }

  /** Which of these campaigns may be shown. */
  active(campaignIds: readonly string[]): string[] {
    const { live } = this.campaigns();
    return campaignIds.filter((campaignId) => live.has(campaignId));
  }

  #answer(campaigns: CampaignsProjection, platform: Platform, session: Session): DeliveryAnswer {
    const rows = [...campaigns.live.values()]
      .filter(({ settings }) => settings.platforms?.includes(platform))
      .filter(isForEverybody)
      .map((row) => ({ row, revision: revisionFor(row, session) }))
      .sort(byPriority);
    const pins = pinsStillNeeded(campaigns, session);
    for (const { row, revision } of rows) {
      if (isPostedAfter(row, session)) pins[row.id] = revision.revision;
    }
    const texts = rows.map(({ row, revision }) => this.#messageText(row, revision));
    const validator = sha256Hex(JSON.stringify([session.position, pins, texts])).slice(0, 32);
    const body = `{"session":${JSON.stringify(encodeSession({ ...session, pins }))},` +
      `"messages":[${texts.join(",")}],"statusCheckSeconds":${this.statusCheckSeconds}}`;
    return { body, etag: `"${validator}"` };
  }

  #messageText(row: CampaignRow, revision: ContentRevision): string {
    const ready = this.#messageTexts.get(revision);
    if (ready) return ready;
    const { type, content, trigger, priority, exposure } = revision.delivered;
    const text = JSON.stringify({
      campaignId: row.id,
      revision: revision.revision,
      type,
      content,
      trigger,
      priority,
      caps: { limits: exposure.caps },
      elementIds: clickableElements(revision.delivered),
    });
    this.#messageTexts.set(revision, text);
    return text;
  }
}

function isForEverybody({ settings }: CampaignRow): boolean {
  return (settings.audience?.kind ?? "all") === "all";
}

/** A campaign that has ended is not shown again; a stopped one may be. */
function pinsStillNeeded(campaigns: CampaignsProjection, { pins }: Session) {
  return Object.fromEntries(
    Object.entries(pins).filter(([id]) => (campaigns.get(id)?.status ?? "ended") !== "ended"),
  );
}

/** Whether the campaign was first posted after the session began. */
function isPostedAfter({ revisions }: CampaignRow, session: Session): boolean {
  const first = revisions[0]!;
  // Revisions begin at 1: where they do not, older ones are not kept any more.
  return first.revision === 1 && first.position > session.position;
}

/** The revision that the session began with; the latest for a campaign that was posted after it. */
function revisionFor(row: CampaignRow, session: Session): ContentRevision {
  const { revisions } = row;
  if (Object.hasOwn(session.pins, row.id)) {
    return revisions.find(({ revision }) => revision >= session.pins[row.id]!) ?? revisions.at(-1)!;
  }
  if (isPostedAfter(row, session)) return revisions.at(-1)!;
  return revisions.findLast(({ position }) => position <= session.position) ?? revisions[0]!;
}

interface Candidate {
  readonly row: CampaignRow;
  readonly revision: ContentRevision;
}

/** Higher priority first; then more conditions, then the latest settings change, then the id. */
function byPriority(a: Candidate, b: Candidate): number {
  return b.revision.delivered.priority - a.revision.delivered.priority ||
    conditionCount(b) - conditionCount(a) ||
    b.row.settingsChangedAtMs - a.row.settingsChangedAtMs ||
    (a.row.id < b.row.id ? -1 : 1);
}

function conditionCount({ revision: { delivered: { trigger } } }: Candidate): number {
  return trigger.kind === "event" ? trigger.conditions?.and.length ?? 0 : 0;
}
