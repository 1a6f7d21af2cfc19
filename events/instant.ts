/**
 * Instants as settings hold them: RFC 3339 in UTC with milliseconds, of the years 1970 to 9999, so
 * that their order as text is their order in time.
 */
import { z } from "zod";
import { rule } from "./problem.ts";

const rfc3339 =
  /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:Z|([+-])(\d\d):(\d\d))$/;
const yearOneBeyondMs = Date.UTC(10_000, 0, 1);

/** The instant in UTC with milliseconds (finer is cut off), or null if `text` is none. */
export function normalisedInstant(text: string): string | null {
  if (isNormalised(text)) return text;
  const match = rfc3339.exec(text);
  if (!match) return null;
  const [year, month, day, hour, minute, second] = match.slice(1, 7).map(Number) as Six;
  if (hour > 23 || minute > 59 || second > 59) return null;
  const offsetHours = Number(match[9] ?? 0), offsetMinutes = Number(match[10] ?? 0);
  if (offsetHours > 23 || offsetMinutes > 59) return null;
  const date = new Date(Date.UTC(2000, 0, 1));
  date.setUTCFullYear(year, month - 1, day); // Date.UTC would read the years 0 to 99 as 1900 on
  if (date.getUTCMonth() !== month - 1 || date.getUTCDate() !== day) return null;
  const millisecond = Number((match[7] ?? "").padEnd(3, "0").slice(0, 3));
  const local = date.getTime() + ((hour * 60 + minute) * 60 + second) * 1_000 + millisecond;
  const offsetMs = (offsetHours * 60 + offsetMinutes) * 60_000;
  const instantMs = match[8] === "-" ? local + offsetMs : local - offsetMs;
  return instantMs < 0 || instantMs >= yearOneBeyondMs ? null : new Date(instantMs).toISOString();
}

/** Most instants come back as they were given out; telling so costs a fraction of the rest. */
function isNormalised(text: string): boolean {
  if (text.length !== 24 || text[23] !== "Z" || text < "1970") return false;
  const ms = Date.parse(text);
  return !Number.isNaN(ms) && new Date(ms).toISOString() === text;
}

/** A schema for an instant, with or without an offset; what it gives is normalised. */
export const instantSchema = z.string().check(
  rule((text) =>
    normalisedInstant(text) !== null ? null : {
      code: "invalid_format",
      message: "Write an instant of the years 1970 to 9999 like 2026-04-01T09:00:00.000Z.",
    }
  ),
).overwrite((text) => normalisedInstant(text) ?? text);

type Six = [number, number, number, number, number, number];
