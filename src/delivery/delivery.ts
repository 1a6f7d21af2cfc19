/** What may be shown now: the live campaigns of a platform, each in the revision of the session. */
import { clickableElements } from "../../events/campaign_settings.ts";
import type { Platform } from "../../events/workspace_events.ts";
import type {
  MessageRevision,
  MessageRow,
  MessagesProjection,
} from "../../projections/messages.ts";
import { sha256Hex } from "../event_store/mod.ts";
import { decodeSession, encodeSession, type Session } from "./session.ts";

export interface DeliveryAnswer {
  /** JSON text. */
  readonly body: string;
  readonly etag: string;
}

/** Answers kept ready; one for each platform and session token. */
const answersKeptMax = 5_000;

export class Delivery {
  #answers = new Map<string, DeliveryAnswer>();
  #changes = -1;
  /** The JSON of a message, by the revision that it was made of. */
  #messageTexts = new WeakMap<MessageRevision, string>();

  constructor(
    readonly messages: () => MessagesProjection,
    readonly statusCheckSeconds: number,
  ) {}

  /** Null when the session token is none. */
  sync(platform: Platform, sessionToken: string | undefined): DeliveryAnswer | null {
    const messages = this.messages();
    if (this.#changes !== messages.changes.count) {
      this.#answers.clear();
      this.#changes = messages.changes.count;
    }
    const key = `${platform} ${sessionToken ?? ""}`;
    const ready = this.#answers.get(key);
    if (ready) return ready;
    const session = sessionToken === undefined
      ? { position: messages.changes.position, pins: {} }
      : decodeSession(sessionToken);
    if (!session) return null;
    const answer = this.#answer(messages, platform, session);
    if (this.#answers.size >= answersKeptMax) {
      this.#answers.delete(this.#answers.keys().next().value!);
    }
    this.#answers.set(key, answer);
    return answer;
  }

  /** Which of these campaigns may be shown. */
  active(campaignIds: readonly string[]): string[] {
    const { live } = this.messages();
    return campaignIds.filter((campaignId) => live.has(campaignId));
  }

  #answer(messages: MessagesProjection, platform: Platform, session: Session): DeliveryAnswer {
    const rows = [...messages.live.values()]
      .filter(({ campaign }) => campaign.settings.platforms?.includes(platform))
      .filter(isForEverybody)
      .map((row) => ({ row, revision: revisionFor(row, session) }))
      .sort(byPriority);
    const pins = { ...session.pins };
    for (const { row, revision } of rows) {
      if (row.revisions[0]!.position > session.position) pins[row.campaign.id] = revision.revision;
    }
    const texts = rows.map(({ row, revision }) => this.#messageText(row, revision));
    const body = `{"session":${JSON.stringify(encodeSession({ ...session, pins }))},` +
      `"messages":[${texts.join(",")}],"statusCheckSeconds":${this.statusCheckSeconds}}`;
    return { body, etag: `"${sha256Hex(body).slice(0, 32)}"` };
  }

  #messageText(row: MessageRow, revision: MessageRevision): string {
    const ready = this.#messageTexts.get(revision);
    if (ready) return ready;
    const { type, content, trigger, priority, exposure } = revision.delivered;
    const text = JSON.stringify({
      campaignId: row.campaign.id,
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

function isForEverybody({ campaign }: MessageRow): boolean {
  return (campaign.settings.audience?.kind ?? "all") === "all";
}

/** The revision that the session began with; the latest for a campaign that was posted after it. */
function revisionFor(row: MessageRow, session: Session): MessageRevision {
  const pinned = Object.hasOwn(session.pins, row.campaign.id)
    ? row.revisions.find(({ revision }) => revision === session.pins[row.campaign.id])
    : row.revisions.findLast(({ position }) => position <= session.position);
  return pinned ?? row.revisions.at(-1)!;
}

interface Candidate {
  readonly row: MessageRow;
  readonly revision: MessageRevision;
}

/** Higher priority first; then more conditions, then the latest settings change, then the id. */
function byPriority(a: Candidate, b: Candidate): number {
  return b.revision.delivered.priority - a.revision.delivered.priority ||
    conditionCount(b) - conditionCount(a) ||
    b.row.settingsChangedAtMs - a.row.settingsChangedAtMs ||
    (a.row.campaign.id < b.row.campaign.id ? -1 : 1);
}

function conditionCount({ revision: { delivered: { trigger } } }: Candidate): number {
  return trigger.kind === "event" ? trigger.conditions?.and.length ?? 0 : 0;
}
