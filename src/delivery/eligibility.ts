/**
 * May this message be shown to this subject at this instant, and why (not)? The rules in their order;
 * delivery, decide, claim and explain all ask these very ones.
 */
import { inControlGroup } from "../../events/assignment.ts";
import type { CampaignStatus } from "../../events/campaign_events.ts";
import type { FullCampaignSchedule } from "../../events/campaign_schedule.ts";
import type { ExposureCap, FullAudience } from "../../events/campaign_settings.ts";
import type { Platform } from "../../events/workspace_events.ts";
import type { ContentRevision } from "../../projections/content_revisions.ts";
import type { SubjectKind } from "../../events/profile_events.ts";
import type { Exposures, ExposureView } from "../../projections/exposures.ts";
import type { Granularity } from "../../projections/kpi_buckets.ts";
import type { Snapshot } from "../snapshots/mod.ts";
import type { LocalTime } from "./local_time.ts";
import { cappedBy, known, memberOf, type Subject } from "./subject.ts";

/** A campaign as far as eligibility looks at it, at one instant. */
export interface Showable {
  readonly campaignId: string;
  readonly status: CampaignStatus | "deleted";
  readonly platforms: readonly Platform[];
  readonly schedule: FullCampaignSchedule;
  /** The schedule's zone, else the workspace's. */
  readonly timeZone: string;
  readonly audience: FullAudience;
  /** The frozen audience; null where none is frozen (or it cannot be had any more). */
  readonly snapshot: Snapshot | null;
  /** What the session would be shown; null before the first posting. */
  readonly revision: ContentRevision | null;
}

export interface Question {
  readonly showable: Showable;
  readonly subject: Subject;
  readonly atMs: number;
  /** Null: not asked. */
  readonly platform: Platform | null;
  /** The key of the session; 0: one that begins now. */
  readonly session: number;
  /** What the subject has seen; null: as the read model of the present tells it. */
  readonly seen: ExposureView | null;
}

/** Null: what would have to be known is not. */
export type Verdict = boolean | null;

export interface Rule {
  readonly name: string;
  judge(question: Question): Verdict;
  /** What it looked at, for people. */
  detail(question: Question): string;
}

export class Eligibility {
  readonly rules: readonly Rule[];
  readonly #exposures: () => Exposures;
  readonly #localTime: LocalTime;

  constructor(exposures: () => Exposures, localTime: LocalTime) {
    this.#exposures = exposures;
    this.#localTime = localTime;
    this.rules = [status, platform, this.#schedule(), audience, exclusion, control, this.#hide()];
  }

  /** Those that are asked now. */
  get exposures(): Exposures {
    return this.#exposures();
  }

  /** What is left of each cap; or the name of the first rule that does not hold. */
  remaining(question: Question): readonly (number | null)[] | string {
    for (const rule of this.rules) if (rule.judge(question) !== true) return rule.name;
    const caps = question.showable.revision?.delivered.exposure.caps ?? [];
    if (caps.length === 0) return nothingCapped;
    const remaining: (number | null)[] = [];
    for (const cap of caps) {
      if (cap.max === null) remaining.push(null);
      else {
        const left = cap.max - this.used(cap, question);
        if (left <= 0) return capName(cap);
        remaining.push(left);
      }
    }
    return remaining;
  }

  /** The name of the first rule that does not hold; null: it may be shown. */
  firstFailure(question: Question): string | null {
    const remaining = this.remaining(question);
    return typeof remaining === "string" ? remaining : null;
  }

  /** Every rule with its verdict, caps among them. */
  explain(question: Question): { rule: string; passed: Verdict; detail: string }[] {
    const explained = this.rules.map((rule) => {
      const passed = rule.judge(question);
      const detail = rule.detail(question);
      return { rule: rule.name, passed, detail: passed === null ? `unknown: ${detail}` : detail };
    });
    for (const cap of capsOf(question)) {
      const used = this.used(cap, question);
      const { kind, number } = cappedBy(cap.by, question.subject);
      const unit = this.#unit(cap, question);
      const since = Number.isFinite(unit.fromMs)
        ? ` since ${new Date(unit.fromMs).toISOString()} (${question.showable.timeZone})`
        : "";
      const whose = number === 0 ? `a ${kind} that is not known` : `the ${kind}`;
      explained.push({
        rule: capName(cap),
        passed: used < cap.max!,
        detail: `${whose} used ${used} of ${cap.max} per ${cap.per}${since}`,
      });
    }
    return explained;
  }

  /** How much of a cap the subject has used, counted up to the cap. */
  used(cap: ExposureCap, { showable, subject, session, atMs, seen }: Question): number {
    const { kind, number } = cappedBy(cap.by, subject);
    const max = cap.max!;
    if (number === 0) return 0;
    const exposures = seen ?? this.#exposures();
    const { campaignId, timeZone } = showable;
    switch (cap.per) {
      case "total":
        return exposures.total(campaignId, kind, number, atMs, max);
      case "day":
      case "hour": {
        const { fromMs, toMs } = this.#localTime.unit(atMs, cap.per, timeZone);
        return exposures.count(campaignId, kind, number, { fromMs, toMs, max, knownMs: atMs });
      }
      case "session":
        if (session === 0) return 0;
        return exposures.count(campaignId, kind, number, {
          fromMs: -Infinity,
          toMs: Infinity,
          session,
          max,
          knownMs: atMs,
        });
    }
  }

  /**
   * The earliest instant after `atMs` at which time alone may change what holds for the subject; `units`
   * are those of the campaign's caps.
   */
  nextChange(
    { campaignId, schedule, timeZone }: Pick<Showable, "campaignId" | "schedule" | "timeZone">,
    units: readonly Granularity[],
    subject: Subject,
    atMs: number,
  ): number {
    let next = this.#localTime.nextChange(schedule, atMs, timeZone);
    for (const unit of units) {
      next = Math.min(next, this.#localTime.unit(atMs, unit, timeZone).toMs);
    }
    for (const { kind, number } of known(subject)) {
      for (const hide of this.#exposures().hides(campaignId, kind, number)) {
        const untilMs = this.#hiddenUntil(hide, timeZone);
        if (untilMs > atMs) next = Math.min(next, untilMs);
      }
    }
    return next;
  }

  /** Changes when what is known of its showings, hides and claims changes. */
  stamp(kind: SubjectKind, number: number): number {
    return number === 0 ? 0 : this.#exposures().stamp(kind, number);
  }

  /** When the earliest open claim of the subject lapses. */
  nextLapse(subject: Subject, nowMs: number): number {
    const exposures = this.#exposures();
    return Math.min(
      ...known(subject).map(({ kind, number }) => exposures.nextLapseMs(kind, number, nowMs)),
      Infinity,
    );
  }

  #unit(cap: ExposureCap, { showable, atMs }: Question): { fromMs: number } {
    if (cap.per !== "day" && cap.per !== "hour") return { fromMs: -Infinity };
    return this.#localTime.unit(atMs, cap.per, showable.timeZone);
  }

  #schedule(): Rule {
    const localTime = this.#localTime;
    return {
      name: "schedule",
      judge: ({ showable: { schedule, timeZone }, atMs }) =>
        localTime.isWithin(schedule, atMs, timeZone),
      detail: ({ showable: { schedule, timeZone }, atMs }) => {
        const days = schedule.weekdays.join(" ") || "every day";
        const windows = schedule.windows.map(({ from, to }) => `${from}–${to}`).join(" ") ||
          "the whole day";
        return `shown on ${days}, ${windows}; it was ${localTime.told(atMs, timeZone)}`;
      },
    };
  }

  #hide(): Rule {
    const hiddenUntil = ({ showable, subject, seen }: Question) => {
      const exposures = seen ?? this.#exposures();
      let untilMs = -Infinity;
      for (const { kind, number } of known(subject)) {
        for (const hide of exposures.hides(showable.campaignId, kind, number)) {
          untilMs = Math.max(untilMs, this.#hiddenUntil(hide, showable.timeZone));
        }
      }
      return untilMs;
    };
    return {
      name: "hide",
      judge: (question) => hiddenUntil(question) <= question.atMs,
      detail: (question) => {
        const untilMs = hiddenUntil(question);
        if (untilMs === -Infinity) return "nobody chose to hide it";
        if (untilMs === Infinity) return "hidden for ever";
        return `hidden until ${new Date(untilMs).toISOString()}`;
      },
    };
  }

  /** Hides last whole calendar days, the day of the choice among them. */
  #hiddenUntil(hide: { atMs: number; for: keyof typeof hiddenDays }, timeZone: string): number {
    const days = hiddenDays[hide.for];
    return days === Infinity ? Infinity : this.#localTime.dayAfter(hide.atMs, days, timeZone);
  }
}

const nothingCapped: readonly (number | null)[] = [];
const hiddenDays = { today: 1, "3d": 3, "7d": 7, forever: Infinity } as const;

export function capsOf({ showable }: Pick<Question, "showable">): readonly ExposureCap[] {
  const caps = showable.revision?.delivered.exposure.caps ?? [];
  return caps.some(({ max }) => max === null) ? caps.filter(({ max }) => max !== null) : caps;
}

export function capName({ per, by }: ExposureCap): string {
  return `cap_${per}_${by}`;
}

const status: Rule = {
  name: "status",
  judge: ({ showable: { status } }) =>
    status === "posting" || status === "posting_reflecting_modifications",
  detail: ({ showable: { status } }) => `the campaign was ${status}`,
};

const platform: Rule = {
  name: "platform",
  judge: ({ showable, platform }) => platform === null || showable.platforms.includes(platform),
  detail: ({ showable, platform }) =>
    `shown on ${showable.platforms.join(" ")}; ${platform ?? "no platform"} was asked for`,
};

const audience: Rule = {
  name: "audience",
  judge: ({ showable: { audience, snapshot }, subject }) => {
    if (audience.kind === "all") return true;
    if (!snapshot) return null;
    const { kind, number } = memberOf(subject);
    return number !== 0 && snapshot.members !== null && snapshot.members.has(kind, number);
  },
  detail: ({ showable: { audience, snapshot }, subject }) => {
    if (audience.kind === "all") return "the audience is everybody";
    if (!snapshot) return `no snapshot of the audience ${audience.audienceId} is frozen`;
    return `the ${memberOf(subject).kind} is looked up in the snapshot ${snapshot.id} of the ` +
      `audience ${audience.audienceId}`;
  },
};

const exclusion: Rule = {
  name: "exclusion",
  judge: ({ showable: { audience, snapshot }, subject }) => {
    if (audience.excludeAudienceId === null) return true;
    if (!snapshot) return null;
    const { kind, number } = memberOf(subject);
    return number === 0 || !snapshot.excluded?.has(kind, number);
  },
  detail: ({ showable: { audience, snapshot }, subject }) => {
    if (audience.excludeAudienceId === null) return "nobody is excluded";
    if (!snapshot) return `no snapshot of the exclusion ${audience.excludeAudienceId} is frozen`;
    return `the ${memberOf(subject).kind} is looked up in the snapshot ${snapshot.id} of the ` +
      `exclusion ${audience.excludeAudienceId}`;
  },
};

const control: Rule = {
  name: "control",
  judge: ({ showable: { audience, campaignId }, subject }) =>
    !inControlGroup(campaignId, subject.assignedAs, audience.controlPercent),
  detail: ({ showable: { audience } }) =>
    `${audience.controlPercent} % are in the control group, by a stable hash`,
};
