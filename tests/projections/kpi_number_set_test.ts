import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { NumberSet } from "../../projections/kpi_number_set.ts";

Deno.test("a set has the same numbers and bytes whatever order they came in and whoever looked", () => {
  // Enough for lists and for bits of Roaring, and for what is united as a whole.
  const added = fc.tuple(
    fc.constantFrom(1, 10, 100, 3_000, 9_000),
    fc.constantFrom(50, 20_000, 2 ** 20),
    fc.integer(),
    fc.boolean(),
  );
  fc.assert(
    fc.property(fc.array(added, { maxLength: 4 }), (parts) => {
      const set = new NumberSet();
      const expected = new Set<number>();
      for (const [count, below, seed, isLookedAt] of parts) {
        for (let i = 0, value = seed; i < count; i++) {
          value = (Math.imul(value, 1_664_525) + 1_013_904_223) >>> 0;
          set.add((value >>> 8) % below);
          expected.add((value >>> 8) % below);
        }
        if (isLookedAt) assertEquals(set.size, expected.size);
      }
      const sorted = [...expected].sort((a, b) => a - b);
      const once = new NumberSet();
      for (const number of sorted) once.addNew(number);
      assertEquals(set.serialize(), once.serialize());
      assertEquals([...set.bitmap ?? []], sorted);
      set.dispose();
      once.dispose();
    }),
    { numRuns: 50 },
  );
});
