import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { ChainTable } from "../../projections/chain_table.ts";
import { law } from "../support/laws.ts";

Deno.test("a chain table holds head and length of every number", () => {
  const numbers = fc.array(fc.oneof(fc.nat(20), fc.integer({ min: 0, max: 2 ** 32 - 1 })));
  law(numbers, (pushed) => {
    const table = new ChainTable();
    const heads = new Map<number, number[]>();
    pushed.forEach((number, index) => {
      const chain = heads.get(number) ?? [];
      heads.set(number, chain);
      assertEquals(table.push(number, index + 1), chain.at(-1) ?? 0);
      chain.push(index + 1);
      assertEquals([table.head, table.length], [index + 1, chain.length]);
    });
    assertEquals(table.size, heads.size);
    for (const [number, chain] of heads) {
      assertEquals(table.find(number), true);
      assertEquals([table.head, table.length], [chain.at(-1), chain.length]);
    }
    assertEquals(table.find(21), heads.has(21));
  });
});

Deno.test("a chain table of many numbers is split again and again", () => {
  const table = new ChainTable();
  const count = 200_000;
  for (let number = 1; number <= count; number++) table.push(number, number + 1);
  assertEquals(table.size, count);
  for (let number = 1; number <= count; number++) {
    if (!table.find(number) || table.head !== number + 1) throw new Error(`lost ${number}`);
  }
  assertEquals([table.find(count + 1), table.head, table.length], [false, 0, 0]);
});
