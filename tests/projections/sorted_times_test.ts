import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { SortedTimes } from "../../projections/sorted_times.ts";

const time = fc.oneof(fc.nat(20), fc.nat(5_000));
const step = fc.oneof(
  { weight: 30, arbitrary: fc.record({ add: time }) },
  { weight: 1, arbitrary: fc.record({ addOften: time, times: fc.nat(2_000) }) },
  { weight: 1, arbitrary: fc.record({ forgetBefore: time }) },
);

Deno.test("sorted times are those of a sorted list", () => {
  fc.assert(
    fc.property(fc.array(step, { size: "max", maxLength: 200 }), fc.array(time), (steps, asked) => {
      const times = new SortedTimes();
      let plain: number[] = [];
      for (const one of steps) {
        if ("add" in one) plain.push(one.add), times.add(one.add);
        else if ("addOften" in one) {
          for (let n = 0; n < one.times; n++) plain.push(one.addOften), times.add(one.addOften);
        } else {
          times.forgetBefore(one.forgetBefore);
          const kept = [...times.between(-Infinity, Infinity)];
          // Perhaps not all, and none that is later.
          const later = plain.filter((timeMs) => timeMs >= one.forgetBefore).sort(byNumber);
          assertEquals(kept.filter((timeMs) => timeMs >= one.forgetBefore), later);
          plain = kept;
        }
      }
      plain.sort(byNumber);
      assertEquals(times.size, plain.length);
      assertEquals([...times.between(-Infinity, Infinity)], plain);
      for (const timeMs of asked) {
        assertEquals(times.last(timeMs), plain.findLast((one) => one <= timeMs) ?? -Infinity);
        assertEquals(times.next(timeMs), plain.find((one) => one > timeMs) ?? Infinity);
        const place = plain.findLastIndex((one) => one <= timeMs);
        assertEquals(times.lastOther(timeMs), plain[place - 1] ?? -Infinity);
        const until = timeMs + 300;
        assertEquals(
          [...times.between(timeMs, until)],
          plain.filter((one) => one >= timeMs && one < until),
        );
      }
    }),
    { numRuns: 200 },
  );
});

function byNumber(left: number, right: number): number {
  return left - right;
}
