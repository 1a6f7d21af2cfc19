/** When a campaign is posted: its start and end, and the days and hours between them. */
import { z } from "zod";
import { instantSchema } from "./instant.ts";
import { rule, unique } from "./problem.ts";

export const windowsMax = 10;

export const weekdays = ["mon", "tue", "wed", "thu", "fri", "sat", "sun"] as const;
export type Weekday = (typeof weekdays)[number];

const timeOfDay = z.string().regex(
  /^(?:[01]\d|2[0-3]):[0-5]\d$/,
  "Write a time of day from 00:00 to 23:59.",
);

/** From `from` on, up to and without `to`; a `to` before `from` is on the next day. */
const timeWindow = z.strictObject({ from: timeOfDay, to: timeOfDay }).check(
  rule(({ from, to }) =>
    from !== to ? null : {
      code: "out_of_range",
      message: "A window needs some length: make its end differ from its start.",
      path: ["to"],
    }
  ),
);

export const scheduleSchema = z.strictObject({
  startAt: instantSchema.nullable().optional(),
  endAt: instantSchema.nullable().optional(),
  /** The zone of weekdays, windows and cap days; null is the workspace's. */
  timeZone: z.string().check(rule((zone) =>
    isTimeZone(zone) ? null : {
      code: "invalid_time_zone",
      message: "Write the name of a time zone of the IANA database, like Asia/Seoul.",
    }
  )).nullable().optional(),
  /** Empty for every day. */
  weekdays: z.array(z.enum(weekdays)).check(unique((day) => day)).optional(),
  /** Empty for the whole day. */
  windows: z.array(timeWindow).max(windowsMax)
    .check(unique(({ from, to }) => `${from}–${to}`)).optional(),
}).check(rule(({ startAt, endAt }) =>
  !startAt || !endAt || startAt < endAt ? null : {
    code: "end_not_after_start",
    message: "Move the end to after the start.",
    path: ["endAt"],
  }
));

export type CampaignSchedule = z.infer<typeof scheduleSchema>;
export type FullCampaignSchedule = Required<CampaignSchedule>;

export function fullSchedule(given: CampaignSchedule | undefined): FullCampaignSchedule {
  return {
    startAt: given?.startAt ?? null,
    endAt: given?.endAt ?? null,
    timeZone: given?.timeZone ?? null,
    weekdays: given?.weekdays ?? [],
    windows: given?.windows ?? [],
  };
}

const knownTimeZones = new Set<string>(["UTC"]);
/** Zones may be spelled in any case, so a caller could otherwise fill the memory with spellings. */
const knownTimeZonesMax = 1_000;

/** Whether `zone` names a time zone; offsets such as "+09:00" are none, they know no DST. */
export function isTimeZone(zone: string): boolean {
  if (knownTimeZones.has(zone)) return true;
  if (zone.length > 100 || !/^[A-Za-z]/.test(zone)) return false;
  try {
    new Intl.DateTimeFormat("en", { timeZone: zone });
  } catch {
    return false;
  }
  if (knownTimeZones.size < knownTimeZonesMax) knownTimeZones.add(zone);
  return true;
}
