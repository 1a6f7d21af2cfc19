/** Local time: windows by the wall clock across changes of it, units of caps, and when to look again. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { weekdays } from "../../events/campaign_schedule.ts";
import { LocalTime } from "../../src/delivery/local_time.ts";
import { law } from "../support/laws.ts";

const at = (instant: string) => Date.parse(instant);
const berlin = "Europe/Berlin";
const night = { weekdays: [], windows: [{ from: "22:00", to: "02:00" }] };

Deno.test("local time: a window that wraps belongs to the day on which it begins", () => {
  const local = new LocalTime();
  const saturdays = { ...night, weekdays: ["sat" as const] };
  const cases: [string, boolean][] = [
    ["2026-06-05T20:00:00Z", false], // Friday 22:00
    ["2026-06-05T22:30:00Z", false], // Saturday 00:30 is Friday's window
    ["2026-06-06T19:59:59.999Z", false],
    ["2026-06-06T20:00:00Z", true], // Saturday 22:00
    ["2026-06-06T23:59:59.999Z", true], // Sunday 01:59
    ["2026-06-07T00:00:00Z", false], // Sunday 02:00
  ];
  for (const [instant, within] of cases) {
    assertEquals(local.isWithin(saturdays, at(instant), berlin), within, instant);
  }
});

Deno.test("local time: a repeated hour is within twice, a skipped one never", () => {
  const local = new LocalTime();
  const two = { weekdays: [], windows: [{ from: "02:00", to: "03:00" }] };
  let minutes = 0;
  for (let ms = at("2026-10-24T22:00:00Z"); ms < at("2026-10-25T22:00:00Z"); ms += 60_000) {
    if (local.isWithin(two, ms, berlin)) minutes++;
  }
  assertEquals(minutes, 120);
  minutes = 0;
  for (let ms = at("2026-03-28T23:00:00Z"); ms < at("2026-03-29T22:00:00Z"); ms += 60_000) {
    if (local.isWithin(two, ms, berlin)) minutes++;
  }
  assertEquals(minutes, 0);
});

Deno.test("local time: a day has 23, 24 or 25 hours, a repeated hour is two units", () => {
  const local = new LocalTime();
  const hours = (instant: string) => {
    const { fromMs, toMs } = local.unit(at(instant), "day", berlin);
    return (toMs - fromMs) / 3_600_000;
  };
  assertEquals(
    ["2026-03-29T10:00:00Z", "2026-03-30T10:00:00Z", "2026-10-25T10:00:00Z"].map(hours),
    [23, 24, 25],
  );
  const one = local.unit(at("2026-10-25T00:30:00Z"), "hour", berlin);
  const again = local.unit(at("2026-10-25T01:30:00Z"), "hour", berlin);
  assertEquals(one.toMs, again.fromMs);
  assertEquals(local.dayAfter(at("2026-10-24T10:00:00Z"), 1, berlin), at("2026-10-24T22:00:00Z"));
  assertEquals(local.dayAfter(at("2026-10-24T10:00:00Z"), 3, berlin), at("2026-10-26T23:00:00Z"));
});

const timeOfDay = fc.integer({ min: 0, max: 1_439 }).map((minute) =>
  `${String(Math.floor(minute / 60)).padStart(2, "0")}:${String(minute % 60).padStart(2, "0")}`
);
const schedules = fc.record({
  weekdays: fc.subarray([...weekdays]),
  windows: fc.array(
    fc.record({ from: timeOfDay, to: timeOfDay }).filter(({ from, to }) => from !== to),
    { maxLength: 3 },
  ),
}, { noNullPrototype: true });
const zones = ["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "UTC"];

Deno.test("local time: nothing changes before nextChange says so", () => {
  const instants = fc.integer({
    min: at("2026-03-01T00:00:00Z"),
    max: at("2026-11-10T00:00:00Z"),
  });
  law(fc.tuple(schedules, instants, fc.constantFrom(...zones)), ([schedule, fromMs, zone]) => {
    const local = new LocalTime();
    const now = local.isWithin(schedule, fromMs, zone);
    const next = local.nextChange(schedule, fromMs, zone);
    assert(next > fromMs);
    for (let step = 0; step < 40; step++) {
      const ms = Math.min(fromMs + step * 613_000, next - 1, fromMs + 86_400_000);
      assertEquals(local.isWithin(schedule, ms, zone), now, new Date(ms).toISOString());
    }
  }, 500);
});
