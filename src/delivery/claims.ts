/**
 * May I show it? Claims are decided by the one writer of events, each on what all claims before it took,
 * so a cap holds across devices and instances. A claim counts until its impression comes or it lapses.
 */
import { type ClaimEvent, claimLapseMs } from "../../events/claim_events.ts";
import type { ExposureCap } from "../../events/campaign_settings.ts";
import { type Session, sessionKey } from "../../events/session_token.ts";
import type { EventMeta } from "../../events/recorded_event.ts";
import type { Exposures } from "../../projections/exposures.ts";
import { type CampaignState, dueEvents } from "../campaign/mod.ts";
import {
  type Command,
  type Draft,
  type Outcome,
  sha256Hex,
  type Writer,
} from "../event_store/mod.ts";
import type { IdentityRegister } from "../identity/mod.ts";
import {
  campaignStream,
  claimsStream,
  type Durations,
  type GrantedClaims,
  type StreamState,
} from "../transact/mod.ts";
import { capName, capsOf, type Eligibility, type Question } from "./eligibility.ts";
import type { CampaignView, LiveCampaigns } from "./live_campaigns.ts";
import type { PastExposures } from "./past_exposures.ts";
import { revisionFor } from "./session_revisions.ts";
import { cappedBy, type Subject, subjectOf } from "./subject.ts";

export interface ClaimRequest {
  readonly claimId: string;
  readonly campaignId: string;
  readonly subject: Subject;
  readonly session: Session | null;
  readonly meta: EventMeta;
  readonly remember?: Command<StreamState, unknown>["remember"];
}

export interface ClaimAnswer {
  readonly granted: boolean;
  /** Why not: the name of the rule that did not hold, or one of `claimCodes`. */
  readonly code?: string;
}

/** Beyond the names of rules. */
export const claimCodes = ["unknown_campaign", "claim_lapsed", "claim_reused"] as const;

export interface ClaimsOptions {
  readonly writer: Writer<StreamState>;
  readonly identities: IdentityRegister;
  readonly campaigns: LiveCampaigns;
  readonly eligibility: Eligibility;
  readonly past: PastExposures;
  readonly durations: Durations;
}

/** A request with what was read for it; what is as good as no more is read again. */
interface Ready extends ClaimRequest {
  readonly view: CampaignView | undefined;
  readonly seen: Question["seen"];
  /** `seen` is what was shown before. */
  readonly hotFromMs: number;
}

export class Claims {
  constructor(readonly options: ClaimsOptions) {}

  async claim(request: ClaimRequest): Promise<Outcome<ClaimAnswer>> {
    for (;;) {
      const row = this.options.campaigns.campaigns().get(request.campaignId);
      const view = row &&
        await this.options.campaigns.view(row, this.options.campaigns.workspaceZone());
      const subject = view ? await this.#registered(request.subject) : request.subject;
      const seen = view?.countsSessions
        ? await this.options.past.ofSession(request.session, subject, [request.campaignId])
        : null;
      const { hotFromMs } = this.options.eligibility.exposures;
      const ready = { ...request, subject, view, seen, hotFromMs };
      const outcome = await this.options.writer.submit<ClaimAnswer | "again">({
        decide: (draft) => {
          const answer = this.#decide(draft, ready);
          return { answer, success: answer !== "again" && answer.granted };
        },
        looksAtReadModels: true,
        ...(request.remember ? { remember: request.remember } : {}),
      });
      const { answer } = outcome;
      if (answer !== "again") return { ...outcome, answer };
    }
  }

  /** Only who has a number can be counted. */
  async #registered({ deviceId, userId }: Subject): Promise<Subject> {
    const { identities } = this.options;
    const devices = await identities.assign("device", [deviceId]);
    const users = userId === undefined ? null : await identities.assign("user", [userId]);
    return subjectOf(deviceId, userId, devices.get(deviceId)!, users?.get(userId!) ?? 0);
  }

  #decide(draft: Draft<StreamState>, ready: Ready): ClaimAnswer | "again" {
    const { campaignId, subject, session, view, seen } = ready;
    const row = this.options.campaigns.campaigns().get(campaignId);
    if (!row) return { granted: false, code: "unknown_campaign" };
    // The snapshot was read for the row as it was: read again for another activation.
    if (!view || row.snapshotId !== view.row.snapshotId) return "again";
    const dayIsOver = ready.hotFromMs !== this.options.eligibility.exposures.hotFromMs;
    if (view.countsSessions && dayIsOver) return "again";
    const claim = sha256Hex(ready.claimId).slice(0, 32);
    const pending = pendingClaims(draft, campaignId, this.options.eligibility.exposures);
    const earlier = this.#earlier(claim, pending, draft.timeMs, ready);
    if (earlier) return earlier;

    const revision = row.revisions.length === 0 ? null : revisionFor(row, session);
    const question: Question = {
      showable: { ...view.showable, status: this.#status(draft, campaignId), revision },
      subject,
      platform: null,
      session: session ? sessionKey(session) : 0,
      atMs: draft.timeMs,
      seen,
    };
    const failed = this.options.eligibility.firstFailure(question) ??
      this.#takenInThisCommit(question, pending);
    if (failed !== null) return { granted: false, code: failed };
    // Where nothing is capped there is nothing to hold.
    if (capsOf(question).length === 0) return { granted: true };
    const data = {
      claim,
      device: subject.device,
      user: subject.user,
      session: question.session,
    };
    draft.append(
      claimsStream(campaignId),
      [{ type: "claim_granted", schema: 1, data }],
      ready.meta,
    );
    return { granted: true };
  }

  /** The answer to a claim id that was granted before; null: it is a new one. */
  #earlier(
    claim: string,
    pending: readonly ClaimEvent["data"][],
    nowMs: number,
    { campaignId, subject }: ClaimRequest,
  ): ClaimAnswer | null {
    const granted = this.options.eligibility.exposures.claim(claim);
    const twin = pending.find((one) => one.claim === claim);
    if (!granted && !twin) return null;
    const same = (granted?.campaignId ?? campaignId) === campaignId &&
      (granted ?? twin!).device === subject.device && (granted ?? twin!).user === subject.user;
    if (!same) return { granted: false, code: "claim_reused" };
    const lapsed = granted && !granted.used && nowMs >= granted.atMs + claimLapseMs;
    return lapsed ? { granted: false, code: "claim_lapsed" } : { granted: true };
  }

  /** As the commands before this one in the commit, and the clock, leave it. */
  #status(draft: Draft<StreamState>, campaignId: string) {
    const state = draft.state(campaignStream(campaignId)) as CampaignState;
    const due = dueEvents(state, { ...this.options.durations, nowMs: draft.timeMs });
    if (due.some(({ type }) => type === "campaign_ended")) return "ended";
    return state.status === "none" ? "deleted" : state.status;
  }

  /** The first cap that is used up by what the read models know and this commit grants together. */
  #takenInThisCommit(question: Question, pending: readonly ClaimEvent["data"][]): string | null {
    if (pending.length === 0) return null;
    for (const cap of capsOf(question)) {
      const taken = pending.filter((claim) => countsFor(cap, claim, question)).length;
      if (this.options.eligibility.used(cap, question) + taken >= cap.max!) return capName(cap);
    }
    return null;
  }
}

/** Claims granted by commands before this one that the read models have not folded. */
function pendingClaims(draft: Draft<StreamState>, campaignId: string, exposures: Exposures) {
  const { timeMs, claims } = draft.state(claimsStream(campaignId)) as GrantedClaims;
  // Those of an earlier time have been folded, and may be forgotten since.
  if (timeMs !== draft.timeMs) return [];
  return claims.filter(({ claim }) => exposures.claim(claim) === undefined);
}

function countsFor(
  cap: ExposureCap,
  claim: ClaimEvent["data"],
  { subject, session }: Question,
): boolean {
  if (cap.per === "session" && claim.session !== session) return false;
  const { kind, number } = cappedBy(cap.by, subject);
  return number !== 0 && claim[kind] === number;
}
