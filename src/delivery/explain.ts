/** Why was it (not) shown? Every rule with what it looked at, now or at any past instant. */
import { variantFor } from "../../events/assignment.ts";
import { type Session, sessionKey } from "../../events/session_token.ts";
import type { Platform } from "../../events/workspace_events.ts";
import type { CampaignRow } from "../../projections/campaigns.ts";
import type { Eligibility, Verdict } from "./eligibility.ts";
import type { CampaignView, LiveCampaigns } from "./live_campaigns.ts";
import type { Past } from "./past.ts";
import type { PastExposures } from "./past_exposures.ts";
import { revisionFor } from "./session_revisions.ts";
import type { Subject } from "./subject.ts";

export interface ExplainQuestion {
  readonly campaignId: string;
  readonly subject: Subject;
  readonly platform: Platform | null;
  readonly session: Session | null;
  readonly atMs: number;
  /** Whether `atMs` is now: then it is answered from the read models. */
  readonly isNow: boolean;
}

export interface Explanation {
  readonly shown: boolean;
  readonly at: string;
  readonly rules: readonly {
    readonly rule: string;
    /** Null: unknown, what it would have to look at is gone. */
    readonly passed: Verdict;
    readonly detail: string;
  }[];
  readonly revision: number | null;
  readonly variant: string | null;
}

export class Explain {
  constructor(
    readonly campaigns: LiveCampaigns,
    readonly past: Past,
    readonly pastExposures: PastExposures,
    readonly eligibility: Eligibility,
  ) {}

  /** Null where there was no such campaign. */
  async explain(question: ExplainQuestion): Promise<Explanation | null> {
    const view = await this.#view(question);
    if (!view) return null;
    const { campaignId, subject, platform, session, atMs, isNow } = question;
    const at = new Date(atMs).toISOString();
    const testUntilMs = subject.device === 0 ? undefined : view.testUntil(subject.device);
    if (view.draft && testUntilMs !== undefined) {
      return { at, ...asTest(view, testUntilMs, question), revision: 1, variant: variantOf(view) };
    }
    const revision = view.row.revisions.length === 0 ? null : revisionFor(view.row, session);
    const rules = this.eligibility.explain({
      showable: { ...view.showable, revision },
      subject,
      platform,
      session: session ? sessionKey(session) : 0,
      atMs,
      seen: (isNow ? null : await this.pastExposures.at(campaignId, subject, atMs)) ??
        await this.pastExposures.ofSession(session, subject, [campaignId]),
    });
    return {
      shown: rules.every(({ passed }) => passed === true),
      at,
      rules,
      revision: revision?.revision ?? null,
      variant: variantOf(view),
    };

    function variantOf({ row, draft }: CampaignView): string | null {
      const shown = draft ?? (row.revisions.length === 0 ? null : revisionFor(row, session));
      return shown && variantFor(shown.delivered.variants, row.id, subject.assignedAs);
    }
  }

  async #view(
    { campaignId, atMs, isNow }: ExplainQuestion,
  ): Promise<CampaignView | undefined> {
    const { campaigns, past } = this;
    let row: CampaignRow | undefined;
    let zone = campaigns.workspaceZone();
    if (isNow) row = campaigns.campaigns().get(campaignId);
    else {
      row = await past.campaign(campaignId, atMs);
      zone = (await past.workspace(atMs))?.timeZone ?? zone;
    }
    return row && await campaigns.view(row, zone);
  }
}

function asTest(view: CampaignView, untilMs: number, { platform, atMs }: ExplainQuestion) {
  const onPlatform = platform === null || view.isTestOn(platform);
  const rules = [
    {
      rule: "test_message",
      passed: untilMs > atMs,
      detail: `shown to this device as a test until ${new Date(untilMs).toISOString()}`,
    },
    { rule: "platform", passed: onPlatform, detail: `${platform ?? "no platform"} was asked for` },
  ];
  return { shown: rules.every(({ passed }) => passed), rules };
}
