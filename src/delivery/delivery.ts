/**
 * What may be shown now to this device and user: the live campaigns that pass every rule, each in the
 * revision of the session, in the subject's variant and locale, highest priority first.
 */
import { variantFor } from "../../events/assignment.ts";
import { canonicalLocale } from "../../events/locale.ts";
import { encodeSession, type Session, sessionKey } from "../../events/session_token.ts";
import type { Platform } from "../../events/workspace_events.ts";
import type { CampaignsProjection } from "../../projections/campaigns.ts";
import type { ContentRevision } from "../../projections/content_revisions.ts";
import type { ExposureView } from "../../projections/exposures.ts";
import { sha256Hex } from "../event_store/mod.ts";
import { AnswerMemo } from "./answer_memo.ts";
import { capsText, noCaps } from "./caps_text.ts";
import type { Eligibility, Question } from "./eligibility.ts";
import type { CampaignView, Views } from "./live_campaigns.ts";
import { type Attributes, filledContent, messageText } from "./message.ts";
import { compareRanks, type Ranked } from "./order.ts";
import type { PastExposures } from "./past_exposures.ts";
import { pinsAfter, revisionFor } from "./session_revisions.ts";
import type { Subject } from "./subject.ts";

export interface Asked {
  readonly platform: Platform;
  readonly subject: Subject;
  /** Null: a session begins with this answer. */
  readonly session: Session | null;
  readonly locale: string | null;
  /** Of the user; empty where there is none. */
  readonly attributes: Attributes;
  /** What an old session has seen; null: what the read model has is all there is. */
  readonly seen: ExposureView | null;
}

/** An answer as it is kept: made into JSON only for those who do not have it. */
export interface Composed {
  readonly etag: string;
  /** The JSON of each message; answers share them. */
  readonly messages: readonly string[];
  readonly pins: Readonly<Record<string, number>>;
}

export interface DeliveryAnswer {
  readonly etag: string;
  /** JSON text. */
  body(): string;
}

/** A message that may be shown, before it is written. */
export interface Eligible {
  readonly view: CampaignView;
  readonly revision: ContentRevision;
  /** Of each cap; null: no cap. */
  readonly remaining: readonly (number | null)[];
}

export class Delivery {
  readonly #memo: AnswerMemo;

  constructor(
    readonly campaigns: () => CampaignsProjection,
    readonly eligibility: Eligibility,
    readonly statusCheckSeconds: number,
    readonly past: PastExposures,
  ) {
    this.#memo = new AnswerMemo(eligibility);
  }

  /** With what a session that began long ago has seen; a promise where that has to be looked for. */
  complete(asked: Asked, views: Views): Asked | Promise<Asked> {
    const { session, subject } = asked;
    if (!views.countsSessions || !session) return asked;
    const counted = views.live.filter(({ countsSessions }) => countsSessions);
    const seen = this.past.ofSession(session, subject, counted.map(({ row }) => row.id));
    return seen ? seen.then((seen) => ({ ...asked, seen })) : asked;
  }

  sync(asked: Asked, views: Views, nowMs: number): DeliveryAnswer {
    const { statusCheckSeconds } = this;
    const { position } = this.campaigns().deliveryChanges;
    const session = asked.session ?? { position, startedAtMs: nowMs, pins: {} };
    let composed = this.#memo.get(asked, views, nowMs);
    if (!composed) {
      composed = this.#compose(asked, session, views, nowMs);
      this.#memo.set(asked, views, nowMs, composed);
    }
    const { etag, messages, pins } = composed;
    return {
      etag,
      body: () => {
        const token = encodeSession({ ...session, pins });
        // Added up and not joined: the whole is then written out only once, where it is sent.
        let body = `{"session":"${token}","messages":[`;
        for (let nth = 0; nth < messages.length; nth++) {
          body += (nth > 0 ? "," : "") + messages[nth];
        }
        return body + `],"statusCheckSeconds":${statusCheckSeconds}}`;
      },
    };
  }

  /** All that may be shown, the first to be shown first. */
  eligible({ platform, subject, session, seen }: Asked, views: Views, nowMs: number): Eligible[] {
    const key = session ? sessionKey(session) : 0;
    const eligible: Eligible[] = [];
    for (const view of views.live) {
      const revision = revisionFor(view.row, session);
      const showable = view.showableIn(revision);
      const question: Question = { showable, subject, platform, session: key, atMs: nowMs, seen };
      const remaining = this.eligibility.remaining(question);
      if (typeof remaining !== "string") eligible.push({ view, revision, remaining });
    }
    for (const view of views.tested) {
      const untilMs = subject.device === 0 ? undefined : view.testUntil(subject.device);
      if (untilMs === undefined || untilMs <= nowMs || !view.isTestOn(platform)) continue;
      eligible.push({ view, revision: view.draft!, remaining: [] });
    }
    return eligible.sort(byRank);
  }

  /** The JSON of one message. */
  message(one: Eligible, asked: Asked): string {
    const { text, caps } = this.#message(one, asked);
    return text.with(caps);
  }

  /** Which of these campaigns may be shown. */
  active(campaignIds: readonly string[]): string[] {
    const { live } = this.campaigns();
    return campaignIds.filter((campaignId) => live.has(campaignId));
  }

  #compose(asked: Asked, session: Session, views: Views, nowMs: number): Composed {
    const eligible = this.eligible(asked, views, nowMs);
    const shown = eligible.filter(({ view }) => view.draft === null)
      .map(({ view: { row }, revision }) => ({ row, revision }));
    const pins = pinsAfter(this.campaigns(), session, shown);
    // An answer that starts a session is as good as the one before, unless sessions are counted.
    let validator = asked.session || !views.countsSessions ? "" : `${session.startedAtMs}`;
    for (const pin in pins) validator += ` ${pin} ${pins[pin]}`;
    validator += ` ${session.position}`;
    const messages: string[] = [];
    for (const one of eligible) {
      const { text, caps } = this.#message(one, asked);
      validator += ` ${text.validator} ${one.remaining.join()}`;
      messages.push(text.with(caps));
    }
    return { etag: `"${sha256Hex(validator).slice(0, 32)}"`, messages, pins };
  }

  #message(
    { view, revision, remaining }: Eligible,
    { subject, locale, attributes }: Asked,
  ) {
    const { variants, exposure } = revision.delivered;
    const variant = variantFor(variants, view.row.id, subject.assignedAs);
    let text = view.text(revision, variant, locale);
    if (text.personal) {
      const [head, tail] = view.frame(revision, variant);
      text = messageText(head, filledContent(text.personal, attributes), tail);
    }
    return { text, caps: view.draft ? noCaps : capsText(exposure.caps, remaining) };
  }
}

/** The locale that was asked for, as far as it is a tag; phones write `pt_BR`. */
export function localeOf(asked: string | undefined): string | null {
  return asked === undefined ? null : canonicalLocale(asked.replaceAll("_", "-"));
}

function byRank(a: Eligible, b: Eligible): number {
  return compareRanks(rankOf(a), rankOf(b));
}

function rankOf({ view: { row, draft }, revision: { delivered } }: Eligible): Ranked {
  const { id: campaignId, settingsChangedAtMs } = row;
  return { campaignId, isTest: draft !== null, settingsChangedAtMs, delivered };
}
