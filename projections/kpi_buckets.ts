/**
 * Calendar hours and days of a time zone as instants. A day has 23, 24 or 25 hours (or half an hour
 * more or less); an hour ends where the wall clock shows a whole hour or is changed.
 */

export type Granularity = "hour" | "day";

/** `to` is outside; milliseconds since the epoch. */
export interface Bucket {
  readonly fromMs: number;
  readonly toMs: number;
}

/** Adjoining buckets from `fromMs` to `toMs`, the first and last cut; at most `limit`, else null. */
export function bucketsBetween(
  fromMs: number,
  toMs: number,
  granularity: Granularity,
  timeZone: string,
  limit: number,
): Bucket[] | null {
  const buckets: Bucket[] = [];
  const nextStart = granularity === "day" ? dayStarts(timeZone) : hourStarts(timeZone, fromMs);
  for (let start = fromMs; start < toMs;) {
    if (buckets.length === limit) return null;
    const end = Math.min(nextStart(start), toMs);
    buckets.push({ fromMs: start, toMs: end });
    start = end;
  }
  return buckets;
}

/** The calendar hour or day that holds the instant. */
export function bucketAround(
  instantMs: number,
  granularity: Granularity,
  timeZone: string,
): Bucket {
  const dayStartMs = zoned(instantMs, timeZone).startOfDay().epochMilliseconds;
  if (granularity === "day") {
    return { fromMs: dayStartMs, toMs: dayStarts(timeZone)(dayStartMs) };
  }
  const nextStart = hourStarts(timeZone, dayStartMs);
  let fromMs = dayStartMs;
  for (;;) {
    const toMs = nextStart(fromMs);
    if (instantMs < toMs) return { fromMs, toMs };
    fromMs = toMs;
  }
}

const hourMs = 60 * 60 * 1000;

function zoned(instantMs: number, timeZone: string): Temporal.ZonedDateTime {
  return Temporal.Instant.fromEpochMilliseconds(instantMs).toZonedDateTimeISO(timeZone);
}

function dayStarts(timeZone: string): (instantMs: number) => number {
  return (instantMs) => {
    const date = zoned(instantMs, timeZone).toPlainDate();
    // A clock set back over midnight shows the end of a day again after the next has begun.
    for (let days = 1;; days++) {
      const start = date.add({ days }).toZonedDateTime(timeZone).epochMilliseconds;
      if (start > instantMs) return start;
    }
  };
}

/** Asks the time zone once for every change of its clock, not for every hour. Instants must rise. */
function hourStarts(timeZone: string, fromMs: number): (instantMs: number) => number {
  let offsetMs = 0;
  let changeMs = -Infinity;
  const look = (instantMs: number) => {
    const local = zoned(instantMs, timeZone);
    offsetMs = local.offsetNanoseconds / 1e6;
    changeMs = local.getTimeZoneTransition("next")?.epochMilliseconds ?? Infinity;
  };
  look(fromMs);
  return (instantMs) => {
    if (instantMs >= changeMs) look(instantMs);
    const localHour = Math.floor((instantMs + offsetMs) / hourMs);
    return Math.min((localHour + 1) * hourMs - offsetMs, changeMs);
  };
}
