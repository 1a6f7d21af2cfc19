/** Recorded times found by halves are those that a reader from the beginning sees. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { isInLog, keys, lastRecordedBy, logStart, recordedMs } from "../../src/event_store/mod.ts";
import { formatPosition } from "../../src/event_store/mod.ts";

interface Row {
  /** Versionstamps have gaps of any size. */
  readonly gap: bigint;
  readonly isNewEpoch: boolean;
  /** Rows may tell times that are earlier than those before them. */
  readonly aheadMs: number;
  readonly events: number;
}

const row: fc.Arbitrary<Row> = fc.record({
  gap: fc.oneof(fc.bigInt(1n, 5n), fc.bigInt(1n, 2n ** 70n)),
  isNewEpoch: fc.integer({ min: 0, max: 9 }).map((nth) => nth === 0),
  aheadMs: fc.constantFrom(0, 0, 0, 1, 2, 5, 60_000, -1, -2),
  events: fc.integer({ min: 1, max: 3 }),
});

function event(timeMs: number, version: number) {
  const time = new Date(timeMs).toISOString();
  const data = { text: `"time":"1999-01-01T00:00:00.000Z","type":"a","version":1}]}` };
  return { data, hash: "0", meta: {}, schema: 1, stream: "s", time, type: "something", version };
}

Deno.test("the last event by an instant, and when each was recorded", async () => {
  await fc.assert(
    fc.asyncProperty(fc.array(row, { maxLength: 40 }), async (rows) => {
      const kv = await Deno.openKv(":memory:");
      const positions: { position: string; timeMs: number }[] = [];
      let epoch = 1, stamp = 0n, timeMs = 1_000_000, latestMs = 0;
      for (const { gap, isNewEpoch, aheadMs, events } of rows) {
        if (isNewEpoch) [epoch, stamp] = [epoch + 1, 0n];
        stamp += gap;
        timeMs = Math.max(timeMs, latestMs) + aheadMs;
        latestMs = Math.max(latestMs, timeMs);
        const versionstamp = stamp.toString(16).padStart(20, "0");
        const all = Array.from({ length: events }, (_, nth) => event(timeMs, nth + 1));
        const bytes = new TextEncoder().encode(JSON.stringify({ commitId: "c", events: all }));
        await kv.set(keys.log(epoch, versionstamp), bytes);
        for (let index = 0; index < events; index++) {
          const position = formatPosition(epoch, versionstamp, index);
          positions.push({ position, timeMs: latestMs });
        }
      }
      for (const { position, timeMs } of positions) {
        assertEquals(await recordedMs(kv, position), timeMs);
        assertEquals(await isInLog(kv, position), true);
      }
      const times = new Set(positions.flatMap(({ timeMs }) => [timeMs - 1, timeMs, timeMs + 1]));
      for (const atMs of [0, ...times]) {
        const by = positions.filter((one) => one.timeMs <= atMs);
        const expected = {
          position: by.at(-1)?.position ?? logStart,
          timeMs: atMs,
          isEnd: by.length === positions.length,
        };
        assertEquals(await lastRecordedBy(kv, atMs), expected);
      }
      assertEquals(await isInLog(kv, formatPosition(epoch, "f".repeat(20), 0)), false);
      kv.close();
    }),
    { numRuns: 60 },
  );
});
