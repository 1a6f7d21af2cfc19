/** Rows as text: whatever is packed and read between, a row is always the last that was set. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { PackedRows } from "../../projections/packed_rows.ts";
import { law } from "../support/laws.ts";

Deno.test("packed rows: the same as a map, whatever is packed and read between", () => {
  const key = fc.nat(1_200).map(String);
  const step = fc.tuple(fc.constantFrom("set", "text", "setText", "get"), key, fc.nat(1_300));
  law(fc.array(step, { maxLength: 200 }), (steps) => {
    const rows = new PackedRows<{ value: number }>();
    const oracle = new Map<string, { value: number }>();
    steps.forEach(([what, key, count], nth) => {
      const row = { value: nth };
      if (what === "set" || what === "setText") oracle.set(key, row);
      if (what === "set") rows.set(key, row);
      if (what === "setText") assertEquals(rows.setText(key, JSON.stringify(row)), row);
      if (what === "text" && oracle.has(key)) {
        assertEquals(JSON.parse(rows.text(key)), oracle.get(key));
      }
      // A long read lets those that were read before it fall out of what is at hand.
      if (what === "get") { for (let one = 0; one < count; one++) rows.get(String(one)); }
      assertEquals(rows.get(key), oracle.get(key));
    });
    assertEquals(new Map(rows), oracle);
    assertEquals([...rows.values()], [...oracle.values()]);
    assertEquals([rows.size, [...rows.keys()]], [oracle.size, [...oracle.keys()]]);
  }, 100);
});
