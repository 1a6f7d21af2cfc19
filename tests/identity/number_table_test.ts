/** The table of numbers at hand: what it says is true, and it says it of nearly all that fit. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { idDigest, idDigests } from "../../events/id_digest.ts";
import { NumberTable } from "../../src/identity/number_table.ts";
import { law } from "../support/laws.ts";

Deno.test("number table: it never says a wrong number, and forgets only when it is full", () => {
  const step = fc.record({
    does: fc.constantFrom("set", "set", "set", "delete", "deleteNumbers"),
    id: fc.nat(60),
  });
  law(fc.array(step, { maxLength: 200 }), (steps) => {
    const table = new NumberTable(1_000);
    const model = new Map<number, number>();
    for (const { does, id } of steps) {
      const digest = () => idDigest(`id${id}`);
      if (does === "set") {
        table.set(digest(), id + 1);
        model.set(id, id + 1);
      } else if (does === "delete") {
        table.delete(digest());
        model.delete(id);
      } else {
        table.deleteNumbers(new Set([id + 1]));
        model.delete(id);
      }
      assertEquals(table.size, model.size);
    }
    for (let id = 0; id <= 60; id++) {
      assertEquals(table.find(idDigest(`id${id}`)), model.get(id) ?? 0);
    }
    const ids = Array.from({ length: 61 }, (_, id) => id);
    const found = table.findAll(idDigests(ids.map((id) => `id${id}`)), ids.length);
    assertEquals([...found.subarray(0, ids.length)], ids.map((id) => model.get(id) ?? 0));
  });
});

Deno.test("number table: it grows, holds what it is made for, and beyond it stays within bounds", () => {
  const entriesMax = 50_000;
  const table = new NumberTable(entriesMax);
  const atHand = (count: number) => {
    let known = 0;
    for (let id = 1; id <= count; id++) {
      const number = table.find(idDigest(`id${id}`));
      assert(number === 0 || number === id, `id${id} is ${number}`);
      if (number === id) known++;
    }
    return known;
  };
  const small = table.memory;
  for (let id = 1; id <= entriesMax; id++) table.set(idDigest(`id${id}`), id);
  assert(table.memory !== small);
  const full = table.memory;
  for (let id = 1; id <= entriesMax; id++) if (id > 4_096) table.delete(idDigest(`id${id}`));
  assert(table.size <= 4_096);
  for (let id = 1; id <= entriesMax; id++) table.set(idDigest(`id${id}`), id);
  assert(table.memory === full, "it grows once");
  assertEquals(atHand(entriesMax), table.size);
  assert(table.size > entriesMax * 0.99, `${table.size}`);
  const { byteLength } = table.memory;
  for (let id = entriesMax + 1; id <= 3 * entriesMax; id++) table.set(idDigest(`id${id}`), id);
  assertEquals([table.memory.byteLength, atHand(3 * entriesMax)], [byteLength, table.size]);
  // Another reader over the same memory sees the same; the greatest number fits.
  table.set(idDigest("last"), 2 ** 32 - 1);
  assertEquals(new NumberTable(1, table.memory).find(idDigest("last")), 2 ** 32 - 1);
});
