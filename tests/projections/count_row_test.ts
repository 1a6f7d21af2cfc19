import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { CountRow } from "../../projections/count_row.ts";
import { law } from "../support/laws.ts";

function rowOf(numbers: Iterable<number>): CountRow {
  const row = new CountRow("row");
  for (const number of numbers) row.add(number);
  return row;
}

function loaded(bytes: Uint8Array): CountRow {
  const row = new CountRow("row");
  row.load(bytes);
  return row;
}

/** Numbers as often as the counts say, the first so many of 65,536. */
function* repeated(numbers: number, count: (number: number) => number): Iterable<number> {
  for (let number = 0; number < numbers; number++) {
    for (let times = count(number); times > 0; times--) yield number;
  }
}

Deno.test("count row: each number as often as it was added, whatever the way", () => {
  const some = fc.oneof(fc.nat(20), fc.nat(65_535));
  const numbers = fc.array(fc.tuple(some, fc.oneof(fc.nat(3), fc.nat(40))), { maxLength: 400 });
  law(fc.tuple(numbers, fc.nat(4), fc.nat()), ([added, background, cut]) => {
    const all = added.flatMap(([number, times]) => Array<number>(times).fill(number));
    // Enough others to leave the table, and to need more bits.
    for (let number = 0; number < background * 1_000; number++) all.push((number * 13) & 0xffff);
    const counts = new Map<number, number>();
    for (const number of all) counts.set(number, (counts.get(number) ?? 0) + 1);
    const row = rowOf(all);
    for (let number = 0; number < 65_536; number += 17) {
      assertEquals(row.get(number), counts.get(number) ?? 0);
    }
    for (const [number, count] of counts) assertEquals(row.get(number), count);
    const bytes = row.encode();
    assertEquals(rowOf(all.toReversed()).encode(), bytes, "the order leaves no trace");
    const together = new CountRow("row");
    together.addAll(Uint32Array.from([9, ...all, 9]), 1, all.length + 1);
    assertEquals(together.encode(), bytes);
    const restarted = loaded(rowOf(all.slice(0, cut % (all.length + 1))).encode());
    for (const number of all.slice(cut % (all.length + 1))) restarted.add(number);
    assertEquals(restarted.encode(), bytes, "nor does a restart");
  }, 60);
});

Deno.test("count row: numbers are told apart by their lowest 16 bits only", () => {
  const row = rowOf([65_536 + 7, 7]);
  assertEquals([row.get(7), row.get(65_536 * 9 + 7), row.get(8)], [2, 2, 0]);
});

for (
  const [name, numbers, count] of [
    ["in a table", 3, () => 70_000],
    ["of a few among many", 4_000, (number) => number < 3 ? 70_000 : 1],
    ["of hundreds", 4_000, (number) => number < 300 ? 70_000 : 1],
    ["of all", 65_536, (number) => 1 + number % 300],
  ] as readonly [string, number, (number: number) => number][]
) {
  Deno.test(`count row: large counts ${name}`, () => {
    const row = rowOf(repeated(numbers, count));
    const again = loaded(row.encode());
    for (let number = 0; number < 65_536; number++) {
      const expected = number < numbers ? count(number) : 0;
      if (row.get(number) !== expected || again.get(number) !== expected) {
        throw new Error(`${number}: ${row.get(number)}, ${again.get(number)}, not ${expected}`);
      }
    }
    assertEquals(again.encode(), row.encode());
  });
}

Deno.test("count row: bytes are few, and always fit one commit", () => {
  const bytes = (numbers: number, count: (number: number) => number) =>
    rowOf(repeated(numbers, count)).encode().length;
  assert(bytes(1_000, () => 1) <= 4 * 1_000 + 5);
  assert(bytes(65_536, () => 2) <= 65_536 / 4 + 5);
  assert(bytes(65_536, (number) => number < 1_000 ? 20 : 2) <= 65_536 + 8 * 256 + 5);
});
