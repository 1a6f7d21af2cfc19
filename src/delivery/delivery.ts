/**
 * What may be shown now to this device and user: the live campaigns that pass every rule, each in the
 * revision of the session, in the subject's variant and locale, highest priority first.
 */
import { variantFor } from "../../events/assignment.ts";
import type { ExposureCap } from "../../events/campaign_settings.ts";
import { canonicalLocale } from "../../events/locale.ts";
import { encodeSession, type Session, sessionKey } from "../../events/session_token.ts";
import type { Platform } from "../../events/workspace_events.ts";
import type { CampaignsProjection } from "../../projections/campaigns.ts";
import type { ContentRevision } from "../../projections/content_revisions.ts";
import { sha256Hex } from "../event_store/mod.ts";
import type { Eligibility, Question } from "./eligibility.ts";
import type { CampaignView, Views } from "./live_campaigns.ts";
import { type Attributes, filledContent, messageText } from "./message.ts";
import { pinsAfter, revisionFor } from "./session_revisions.ts";
import type { Subject } from "./subject.ts";
import { conditionCount } from "./trigger.ts";

export interface Asked {
  readonly platform: Platform;
  readonly subject: Subject;
  /** Null: a session begins with this answer. */
  readonly session: Session | null;
  readonly locale: string | null;
  /** Of the user; empty where there is none. */
  readonly attributes: Attributes;
}

export interface DeliveryAnswer {
  readonly etag: string;
  /** JSON text, made when it is asked for. */
  body(): string;
}

/** A message that may be shown, before it is written. */
export interface Eligible {
  readonly view: CampaignView;
  readonly revision: ContentRevision;
  readonly question: Question;
}

export class Delivery {
  constructor(
    readonly campaigns: () => CampaignsProjection,
    readonly eligibility: Eligibility,
    readonly statusCheckSeconds: number,
  ) {}

  sync(asked: Asked, views: Views, nowMs: number): DeliveryAnswer {
    const eligible = this.eligible(asked, views, nowMs);
    const { position } = this.campaigns().deliveryChanges;
    const session = asked.session ?? { position, startedAtMs: nowMs, pins: {} };
    const shown = eligible.filter(({ view }) => view.draft === null)
      .map(({ view: { row }, revision }) => ({ row, revision }));
    const pins = pinsAfter(this.campaigns(), session, shown);
    const texts: string[] = [];
    // An answer that starts a session is as good as the one before, unless sessions are counted.
    let validator = asked.session || !eligible.some(countsSessions) ? "" : `${nowMs}`;
    for (const pin in pins) validator += ` ${pin} ${pins[pin]}`;
    validator += session.position;
    for (const one of eligible) {
      const message = this.#message(one, asked);
      validator += message.validator + message.caps;
      texts.push(message.text, message.caps, "},");
    }
    const { statusCheckSeconds } = this;
    return {
      etag: `"${sha256Hex(validator).slice(0, 32)}"`,
      body: () => {
        const messages = texts.join("").slice(0, -1);
        const token = encodeSession({ ...session, pins });
        return `{"session":"${token}","messages":[${messages}],` +
          `"statusCheckSeconds":${statusCheckSeconds}}`;
      },
    };
  }

  /** All that may be shown, the first to be shown first. */
  eligible({ platform, subject, session }: Asked, views: Views, nowMs: number): Eligible[] {
    const key = session ? sessionKey(session) : 0;
    const eligible: Eligible[] = [];
    for (const view of views.live) {
      const revision = revisionFor(view.row, session);
      const showable = { ...view.showable, revision };
      const question = { showable, subject, platform, session: key, atMs: nowMs };
      if (this.eligibility.firstFailure(question) === null) {
        eligible.push({ view, revision, question });
      }
    }
    for (const view of views.tested) {
      const untilMs = subject.device === 0 ? undefined : view.testUntil(subject.device);
      if (untilMs === undefined || untilMs <= nowMs || !view.isTestOn(platform)) continue;
      const revision = view.draft!;
      const showable = { ...view.showable, revision };
      const question = { showable, subject, platform, session: key, atMs: nowMs };
      eligible.push({ view, revision, question });
    }
    return eligible.sort(byPriority);
  }

  /** The JSON of one message. */
  message(one: Eligible, asked: Asked): string {
    const { text, caps } = this.#message(one, asked);
    return `${text}${caps}}`;
  }

  /** Which of these campaigns may be shown. */
  active(campaignIds: readonly string[]): string[] {
    const { live } = this.campaigns();
    return campaignIds.filter((campaignId) => live.has(campaignId));
  }

  #message({ view, revision, question }: Eligible, { subject, locale, attributes }: Asked) {
    const { variants, exposure } = revision.delivered;
    const variant = variantFor(variants, view.row.id, subject.assignedAs);
    let text = view.text(revision, variant, locale);
    if (text.personal) {
      const [head, tail] = view.frame(revision, variant);
      text = messageText(head, filledContent(text.personal, attributes), tail);
    }
    const caps = view.draft ? noCaps : this.#caps(exposure.caps, question);
    return { ...text, caps };
  }

  #caps(caps: readonly ExposureCap[], question: Question): string {
    if (caps.length === 0) return noCaps;
    let least: number | null = null;
    const limits = caps.map((cap) => {
      const { per, by, max } = cap;
      const remaining = max === null ? null : max - this.eligibility.used(cap, question);
      if (remaining !== null) least = Math.min(least ?? Infinity, remaining);
      return `{"per":"${per}","by":"${by}","max":${max},"remaining":${remaining}}`;
    });
    return `{"limits":[${limits.join()}],"remaining":${least}}`;
  }
}

const noCaps = '{"limits":[],"remaining":null}';

function countsSessions({ revision }: Eligible): boolean {
  return revision.delivered.exposure.caps.some(({ per, max }) => per === "session" && max !== null);
}

/** The locale that was asked for, as far as it is a tag; phones write `pt_BR`. */
export function localeOf(asked: string | undefined): string | null {
  return asked === undefined ? null : canonicalLocale(asked.replaceAll("_", "-"));
}

/**
 * Higher priority first; then a test, then more conditions, then the latest settings change, then the
 * id.
 */
function byPriority(a: Eligible, b: Eligible): number {
  const one = a.revision.delivered, other = b.revision.delivered;
  return other.priority - one.priority ||
    Number(b.view.draft !== null) - Number(a.view.draft !== null) ||
    conditionCount(other.trigger) - conditionCount(one.trigger) ||
    b.view.row.settingsChangedAtMs - a.view.row.settingsChangedAtMs ||
    (a.view.row.id < b.view.row.id ? -1 : 1);
}
