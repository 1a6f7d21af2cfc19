/** Items in order: always the same as sorting all of them, through many splits and emptied blocks. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { SortedBlocks, type Walk } from "../../projections/sorted_blocks.ts";
import { law } from "../support/laws.ts";

Deno.test("sorted blocks: added and deleted in any order, they give what a sort gives", () => {
  const runs = fc.array(
    fc.record({
      add: fc.boolean(),
      from: fc.nat(4_000),
      count: fc.nat(900),
      step: fc.constantFrom(-3, -1, 1, 7),
    }),
    { maxLength: 12 },
  );
  const first = fc.uniqueArray(fc.nat(5_000), { maxLength: 1_500 });
  law(fc.tuple(first, runs, fc.array(fc.nat(8_000), { maxLength: 6 })), ([first, runs, places]) => {
    const blocks = new SortedBlocks<number>((one, other) => one - other, first);
    const oracle = new Set(first);
    for (const { add, from, count, step } of runs) {
      for (let nth = 0, item = from; nth < count; nth++, item += step) {
        if (!add) assertEquals(blocks.delete(item), oracle.delete(item));
        else if (!oracle.has(item)) {
          blocks.add(item);
          oracle.add(item);
        }
      }
    }
    const sorted = [...oracle].sort((one, other) => one - other);
    assertEquals(blocks.size, sorted.length);
    for (const place of [-10_000, 20_000, ...places]) {
      const up = sorted.filter((n) => n >= place);
      assertEquals(walked(blocks.upFrom((item) => item < place)), up);
      const down = sorted.filter((n) => n < place).reverse();
      assertEquals(walked(blocks.downFrom((item) => item < place)), down);
    }
  }, 100);
});

function walked(walk: Walk<number>): number[] {
  const items: number[] = [];
  for (; walk.item !== undefined; walk.step()) items.push(walk.item);
  return items;
}
