/**
 * Answers that were given lately, for as long as nothing can have changed them: a campaign, what the
 * subject has seen, the user's attributes, or time itself.
 */
import type { Exposures } from "../../projections/exposures.ts";
import type { Asked, Composed } from "./delivery.ts";
import type { Eligibility } from "./eligibility.ts";
import type { Views } from "./live_campaigns.ts";

/** About 1 KB each with 30 campaigns. */
const answersKeptMax = 100_000;

interface Kept {
  readonly composed: Composed;
  readonly attributes: Asked["attributes"];
  /** What device and user have seen and chosen, as it was counted then. */
  readonly deviceStamp: number;
  readonly userStamp: number;
  readonly fromMs: number;
  readonly untilMs: number;
}

export class AnswerMemo {
  readonly #answers = new Map<string, Kept>();
  #views: Views | null = null;
  #exposures: Exposures | null = null;

  constructor(readonly eligibility: Eligibility) {}

  get(asked: Asked, views: Views, nowMs: number): Composed | undefined {
    const { exposures } = this.eligibility;
    // Stamps are those of one model: a rebuild exchanges it.
    if (this.#views !== views || this.#exposures !== exposures) {
      this.#answers.clear();
      this.#views = views;
      this.#exposures = exposures;
      return undefined;
    }
    const kept = this.#answers.get(keyOf(asked));
    if (!kept || nowMs < kept.fromMs || nowMs >= kept.untilMs) return undefined;
    const { eligibility } = this;
    const { device, user } = asked.subject;
    const holds = kept.deviceStamp === eligibility.stamp("device", device) &&
      kept.userStamp === eligibility.stamp("user", user) && kept.attributes === asked.attributes;
    return holds ? kept.composed : undefined;
  }

  set(asked: Asked, views: Views, nowMs: number, composed: Composed): void {
    // Each new session is another one where sessions are counted.
    if (views.countsSessions && !asked.session) return;
    const { subject, attributes } = asked;
    let untilMs = this.eligibility.nextLapse(subject, nowMs);
    for (const { showable, capUnits } of views.live) {
      const next = this.eligibility.nextChange(showable, capUnits, subject, nowMs);
      untilMs = Math.min(untilMs, next);
    }
    for (const { row } of views.tested) {
      for (const test of row.tests) {
        if (test.untilMs > nowMs) untilMs = Math.min(untilMs, test.untilMs);
      }
    }
    const key = keyOf(asked);
    this.#answers.delete(key);
    if (this.#answers.size >= answersKeptMax) {
      this.#answers.delete(this.#answers.keys().next().value!);
    }
    const deviceStamp = this.eligibility.stamp("device", subject.device);
    const userStamp = this.eligibility.stamp("user", subject.user);
    this.#answers.set(key, {
      composed,
      attributes,
      deviceStamp,
      userStamp,
      fromMs: nowMs,
      untilMs,
    });
  }
}

function keyOf({ platform, subject, session, locale }: Asked): string {
  const { deviceId, userId, device, user } = subject;
  const token = session ? `${session.startedAtMs} ${session.position} ${pinsOf(session.pins)}` : "";
  // Ids have no control characters. Numbers are given to those who had none.
  return `${platform}\n${locale ?? ""}\n${deviceId}\n${
    userId ?? "\n"
  }\n${device} ${user}\n${token}`;
}

function pinsOf(pins: Readonly<Record<string, number>>): string {
  let text = "";
  for (const id in pins) text += `${id} ${pins[id]} `;
  return text;
}
