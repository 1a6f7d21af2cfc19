/**
 * Local time of the zones that campaigns name: units of caps, and when a schedule lets a message be
 * shown. What was found for a zone is kept, because nearly all questions are about this very moment.
 */
import {
  type FullCampaignSchedule,
  type Weekday,
  weekdays,
} from "../../events/campaign_schedule.ts";
import { type Bucket, bucketAround, type Granularity } from "../../projections/kpi_buckets.ts";

type DaysAndHours = Pick<FullCampaignSchedule, "weekdays" | "windows">;

export class LocalTime {
  readonly #buckets = new Map<string, Bucket>();
  readonly #spans = new Map<string, OffsetSpan>();

  /** The calendar day or clock hour of the zone that holds the instant. */
  unit(atMs: number, granularity: Granularity, timeZone: string): Bucket {
    const key = `${granularity} ${timeZone}`;
    const kept = this.#buckets.get(key);
    if (kept && atMs >= kept.fromMs && atMs < kept.toMs) return kept;
    const bucket = bucketAround(atMs, granularity, timeZone);
    keep(this.#buckets, key, bucket);
    return bucket;
  }

  /** When the calendar day begins that is `days` after the day of the instant. */
  dayAfter(atMs: number, days: number, timeZone: string): number {
    let bucket = this.unit(atMs, "day", timeZone);
    for (let day = 1; day < days; day++) bucket = bucketAround(bucket.toMs, "day", timeZone);
    return bucket.toMs;
  }

  /**
   * Whether weekdays and windows hold at the instant, by the zone's wall clock. A window that wraps
   * midnight belongs to the day on which it begins.
   */
  isWithin({ weekdays: days, windows }: DaysAndHours, atMs: number, timeZone: string): boolean {
    if (days.length === 0 && windows.length === 0) return true;
    const localMs = atMs + this.#span(atMs, timeZone).offsetMs;
    const day = Math.floor(localMs / dayMs);
    const onDay = (number: number) => days.length === 0 || days.includes(weekdayOf(number));
    if (windows.length === 0) return onDay(day);
    const minute = Math.floor((localMs - day * dayMs) / minuteMs);
    return windows.some(({ from, to }) => {
      const fromMinute = minuteOf(from), toMinute = minuteOf(to);
      if (fromMinute < toMinute) return minute >= fromMinute && minute < toMinute && onDay(day);
      return (minute >= fromMinute && onDay(day)) || (minute < toMinute && onDay(day - 1));
    });
  }

  /** The earliest instant after `atMs` at which `isWithin` may change; it may come too early. */
  nextChange({ weekdays: days, windows }: DaysAndHours, atMs: number, timeZone: string): number {
    if (days.length === 0 && windows.length === 0) return Infinity;
    const { offsetMs, untilMs } = this.#span(atMs, timeZone);
    const localMs = atMs + offsetMs;
    const dayStart = Math.floor(localMs / dayMs) * dayMs;
    let next = dayStart + dayMs;
    for (const { from, to } of windows) {
      for (const edge of [from, to]) {
        const edgeMs = dayStart + minuteOf(edge) * minuteMs;
        if (edgeMs > localMs && edgeMs < next) next = edgeMs;
      }
    }
    return Math.min(next - offsetMs, untilMs);
  }

  /** The local date and time to the minute with the weekday, for people. */
  told(atMs: number, timeZone: string): string {
    const { offsetMs } = this.#span(atMs, timeZone);
    const local = new Date(atMs + offsetMs).toISOString().slice(0, 16).replace("T", " ");
    return `${weekdayOf(Math.floor((atMs + offsetMs) / dayMs))} ${local} in ${timeZone}`;
  }

  #span(atMs: number, timeZone: string): OffsetSpan {
    const kept = this.#spans.get(timeZone);
    if (kept && atMs >= kept.fromMs && atMs < kept.untilMs) return kept;
    const local = Temporal.Instant.fromEpochMilliseconds(Math.floor(atMs))
      .toZonedDateTimeISO(timeZone);
    const span = {
      offsetMs: local.offsetNanoseconds / 1e6,
      fromMs: atMs,
      untilMs: local.getTimeZoneTransition("next")?.epochMilliseconds ?? Infinity,
    };
    keep(this.#spans, timeZone, span);
    return span;
  }
}

/** From an instant that was asked for to the next change of the zone's clock. */
interface OffsetSpan {
  readonly offsetMs: number;
  readonly fromMs: number;
  readonly untilMs: number;
}

const minuteMs = 60 * 1000;
const dayMs = 24 * 60 * minuteMs;
/** Campaigns choose zones; there are some 600 names, in any spelling. */
const keptMax = 2_000;

function keep<Value>(map: Map<string, Value>, key: string, value: Value): void {
  if (map.size >= keptMax) map.clear();
  map.set(key, value);
}

/** Of a day counted from 1970-01-01, which was a Thursday. */
function weekdayOf(day: number): Weekday {
  return weekdays[(((day + 3) % 7) + 7) % 7]!;
}

function minuteOf(timeOfDay: string): number {
  return Number(timeOfDay.slice(0, 2)) * 60 + Number(timeOfDay.slice(3));
}
