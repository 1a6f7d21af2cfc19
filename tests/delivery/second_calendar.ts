/**
 * What a clock on the wall of a zone shows, for the second model: `Intl` is asked minute by minute, and
 * two instants are in the same day or hour if the wall shows the same. Nothing is computed ahead.
 */
const minuteMs = 60_000;

export interface Wall {
  /** 2026-03-29 */
  readonly date: string;
  /** Days since 1970-01-01 of that date. */
  readonly day: number;
  /** 0 is Sunday. */
  readonly weekday: number;
  /** Of the day: 0 to 1,439. */
  readonly minute: number;
  /** GMT+02:00 */
  readonly offset: string;
}

export const weekdayNames = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

interface Zone {
  readonly format: Intl.DateTimeFormat;
  readonly walls: Map<number, Wall>;
}
const zones = new Map<string, Zone>();

export function wallOf(zone: string, atMs: number): Wall {
  let known = zones.get(zone);
  if (!known) {
    const format = new Intl.DateTimeFormat("en-US", {
      timeZone: zone,
      calendar: "gregory",
      hourCycle: "h23",
      year: "numeric",
      month: "2-digit",
      day: "2-digit",
      hour: "2-digit",
      minute: "2-digit",
      timeZoneName: "longOffset",
    });
    zones.set(zone, known = { format, walls: new Map() });
  }
  const minute = Math.floor(atMs / minuteMs);
  let wall = known.walls.get(minute);
  if (!wall) known.walls.set(minute, wall = read(known.format, minute * minuteMs));
  return wall;
}

export function sameDay(zone: string, aMs: number, bMs: number): boolean {
  return wallOf(zone, aMs).day === wallOf(zone, bMs).day;
}

/** A repeated hour is two. */
export function sameHour(zone: string, aMs: number, bMs: number): boolean {
  const a = wallOf(zone, aMs), b = wallOf(zone, bMs);
  return a.day === b.day && a.offset === b.offset && hourOf(a) === hourOf(b);
}

/** The same hour on the wall, and yet not the same hour. */
export function looksLikeSameHour(zone: string, aMs: number, bMs: number): boolean {
  const a = wallOf(zone, aMs), b = wallOf(zone, bMs);
  return a.day === b.day && a.offset !== b.offset && hourOf(a) === hourOf(b);
}

/** Whether the wall shows, or showed, this time twice on this day. */
export function isRepeated(zone: string, atMs: number): boolean {
  const wall = wallOf(zone, atMs);
  return [-60, -30, 30, 60].some((minutes) => {
    const other = wallOf(zone, atMs + minutes * minuteMs);
    return other.day === wall.day && other.minute === wall.minute;
  });
}

/** Minutes by which the clock is put forward (above 0) or back around this instant; 0: not at all. */
export function changeAround(zone: string, atMs: number, aroundMs: number): number {
  return ahead(wallOf(zone, atMs + aroundMs)) - ahead(wallOf(zone, atMs - aroundMs));
}

/** The first minute from `fromMs` on that has another offset than the one before. */
export function nextChange(zone: string, fromMs: number, untilMs: number): number {
  let before = wallOf(zone, fromMs).offset;
  for (let atMs = fromMs; atMs < untilMs; atMs += 15 * minuteMs) {
    const { offset } = wallOf(zone, atMs);
    if (offset !== before) return atMs;
    before = offset;
  }
  throw new Error(`no change of ${zone} from ${new Date(fromMs).toISOString()} on`);
}

function hourOf({ minute }: Wall): number {
  return Math.floor(minute / 60);
}

function ahead({ offset }: Wall): number {
  const [, sign, hours, minutes] = /^GMT(?:([+-])(\d\d):(\d\d))?$/.exec(offset)!;
  return sign === undefined ? 0 : Number(`${sign}1`) * (60 * Number(hours) + Number(minutes));
}

function read(format: Intl.DateTimeFormat, atMs: number): Wall {
  const part: Record<string, string> = {};
  for (const { type, value } of format.formatToParts(atMs)) part[type] = value;
  const date = `${part.year}-${part.month}-${part.day}`;
  const day = Date.parse(`${date}T00:00:00Z`) / (24 * 60 * minuteMs);
  return {
    date,
    day,
    weekday: new Date(`${date}T12:00:00Z`).getUTCDay(),
    minute: 60 * Number(part.hour) + Number(part.minute),
    offset: part.timeZoneName!,
  };
}
