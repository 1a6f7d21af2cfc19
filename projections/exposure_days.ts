/**
 * The impressions of the last two days of recorded time, each for itself. They are in memory only: a
 * start fills them again from the log. Those of an hour are let go together.
 */
import type { SubjectKind } from "../events/profile_events.ts";
import { ExposureSegment, minuteMs } from "./exposure_segment.ts";

const hourMs = 60 * minuteMs;
/** Longer than a day of any calendar, and the hour in which claims are remembered. */
const hotHours = 48;
/** Recorded days of UTC that these hours lie in. */
export const hotDays = 1 + hotHours / 24;

export class ExposureDays {
  /** Oldest first; mostly there is one: another begins when the last one has no room. */
  #segments: ExposureSegment[] = [];
  /** Everything that was recorded from this instant on is here. */
  fromMs = -Infinity;
  /** No record happened longer than this after it was recorded. */
  aheadMsMax = 5 * minuteMs;

  /** By the recorded time of the next event. `goes` is told of what is let go. */
  advance(recordedMs: number, goes: (segment: ExposureSegment, beforeMs: number) => void): void {
    const fromMs = (Math.floor(recordedMs / hourMs) - hotHours) * hourMs;
    if (fromMs <= this.fromMs) return;
    this.fromMs = fromMs;
    for (const segment of this.#segments) goes(segment, fromMs);
    this.#segments = this.#segments.filter((one, index, all) =>
      !one.isEmpty || index === all.length - 1
    );
  }

  /**
   * What the records of an event are added to, of which there are so many at most, with so many
   * campaigns; undefined: it is too old.
   */
  open(recordedMs: number, campaigns: number, records: number): ExposureSegment | undefined {
    if (recordedMs < this.fromMs) return undefined;
    let last = this.#segments.at(-1);
    if (!last?.hasRoom(campaigns, records)) {
      last = new ExposureSegment(last ? last.base + last.count + 1 : 0);
      this.#segments.push(last);
    }
    last.begin(recordedMs);
    return last;
  }

  noteAhead(aheadMs: number): void {
    if (aheadMs > this.aheadMsMax) this.aheadMsMax = aheadMs;
  }

  /** Changes with every record of the subject, and never to an earlier value. */
  stamp(kind: SubjectKind, number: number): number {
    for (let index = this.#segments.length - 1; index >= 0; index--) {
      const segment = this.#segments[index]!;
      const head = segment.head(kind, number);
      if (head !== 0) return segment.base + head;
    }
    return this.#segments[0]?.base ?? 0;
  }

  /** Those that happened in the minutes, and had been recorded by then. Counting stops at `max`. */
  count(
    campaignId: string,
    kind: SubjectKind,
    number: number,
    wanted: {
      readonly fromMinute: number;
      readonly toMinute: number;
      readonly session: number | undefined;
      readonly max: number;
      readonly knownMs: number;
    },
  ): number {
    const { fromMinute, knownMs, max } = wanted;
    const earliestMs = fromMinute * minuteMs - this.aheadMsMax;
    let counted = 0;
    for (let index = this.#segments.length - 1; index >= 0 && counted < max; index--) {
      const segment = this.#segments[index]!;
      const campaign = segment.knownCampaign(campaignId);
      if (campaign === 0) continue;
      counted += segment.countOf(kind, number, {
        ...wanted,
        campaign,
        fromRecord: segment.firstAfter(earliestMs - 1),
        toRecord: segment.firstAfter(knownMs),
        max: max - counted,
      });
    }
    return Math.min(counted, max);
  }
}
