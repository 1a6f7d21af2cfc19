import { assert, assertEquals } from "@std/assert";
import type { RecordedEvent } from "../../events/recorded_event.ts";
import { ByteCache } from "../../projections/byte_cache.ts";
import { openPrefix } from "../../projections/kpi_cold_rows.ts";
import { KpiCounts } from "../../projections/kpi_counts.ts";
import { openDaySum } from "../../projections/kpi_parts.ts";
import { quartersPerDay } from "../../projections/kpi_quarter.ts";

const dayMs = 24 * 60 * 60 * 1000;
const closeAfterDays = 8;

Deno.test("what is kept of an open day is let go when the day is closed", () => {
  const counts = new KpiCounts(new Set(), { closeAfterDays });
  const days = [100, 101];
  counts.advance(recordedOn(101));
  for (const day of days) {
    counts.rowFor("c", day * quartersPerDay, recordedOn(101));
    openDaySum(counts.campaign("c"), day, counts.campaign("c").openDays.get(day)!, counts.cold);
    counts.cold.united.set(`${openPrefix(day)}all`, { bytes: 1 });
    counts.cold.united.set(`${openPrefix(day)}0/all`, { bytes: 1 });
  }
  counts.advance(recordedOn(100 + closeAfterDays + 1));
  const kept = days.map((day) => [
    counts.cold.cache.get(`${openPrefix(day)}c`) !== undefined,
    counts.cold.united.get(`${openPrefix(day)}all`) !== undefined,
    counts.cold.united.get(`${openPrefix(day)}0/all`) !== undefined,
  ]);
  assertEquals(kept, [[false, false, false], [true, true, true]]);
});

Deno.test("a cache forgets by the beginning of a key, and has the room again", () => {
  const cache = new ByteCache(3);
  for (const key of ["open/1/a", "open/1/b", "open/10/a"]) cache.set(key, { bytes: 1 });
  cache.forgetPrefix(openPrefix(1));
  assertEquals(cache.get("open/1/a"), undefined);
  for (const key of ["other", "another"]) cache.set(key, { bytes: 1 });
  assert(cache.get("open/10/a"));
});

function recordedOn(day: number): RecordedEvent {
  return {
    position: String(day),
    stream: "interactions/w",
    version: day,
    timeMs: day * dayMs,
    meta: { actor: "clock", commandId: "1", traceId: "1" },
    event: { type: "interactions_recorded", schema: 1, data: {} },
    hash: "",
  };
}
