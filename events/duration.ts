/** Durations in ISO 8601, of the part that has one length everywhere: weeks, days and shorter. */
const pattern =
  /^P(?:(\d{1,6})W|(?:(\d{1,6})D)?(?:T(?=\d)(?:(\d{1,6})H)?(?:(\d{1,6})M)?(?:(\d{1,8})S)?)?)$/;

/** The duration in milliseconds, or null if `text` is none. */
export function durationMs(text: string): number | null {
  const match = pattern.exec(text);
  if (!match || text === "P") return null;
  const [weeks, days, hours, minutes, seconds] = match.slice(1).map((part) => Number(part ?? 0));
  return ((((weeks! * 7 + days!) * 24 + hours!) * 60 + minutes!) * 60 + seconds!) * 1_000;
}
