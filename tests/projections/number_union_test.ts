import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { ByteReader, ByteWriter } from "../../projections/number_bytes.ts";
import { NumberUnion } from "../../projections/number_union.ts";

/** Few and many, sparse and dense, up to the largest there is. */
const numbers = fc.oneof(
  fc.array(fc.integer({ min: 0, max: 2 ** 32 - 1 }), { maxLength: 40 }),
  fc.array(fc.nat(300), { maxLength: 400, size: "max" }),
  fc.tuple(fc.nat(2 ** 20), fc.integer({ min: 1, max: 200 }), fc.nat(9_000)).map(
    ([first, step, count]) => Array.from({ length: count }, (_, nth) => first + nth * step),
  ),
);

function union(values: readonly number[], pageNumbersMin?: number): NumberUnion {
  const set = new NumberUnion(pageNumbersMin);
  for (const value of values) set.add(value);
  return set;
}

function sorted(...lists: readonly (readonly number[])[]): number[] {
  return [...new Set(lists.flat())].sort((left, right) => left - right);
}

function valuesOf(set: NumberUnion): number[] {
  const { values, length } = set.list();
  return [...values.subarray(0, length)];
}

Deno.test("a union holds what a Set holds, however it was made", () => {
  fc.assert(fc.property(numbers, numbers, fc.constantFrom(1, 64, 1_024), (some, more, min) => {
    const expected = sorted(some, more);
    const all: NumberUnion[] = Array.from({ length: 4 }, () => union(some, min));
    for (const one of more) all[0]!.add(one);
    all[1]!.addList({ values: Uint32Array.from(more), length: more.length });
    all[2]!.addUnion(union(more));
    all[3]!.addPages(union(more).freeze());
    for (const set of all) {
      assertEquals(set.size, expected.length);
      assertEquals(valuesOf(set), expected);
      assertEquals(set.freeze().size, expected.length);
    }
  }));
});

Deno.test("bytes give back the numbers, take little room, and are the same each time", () => {
  fc.assert(fc.property(numbers, numbers, (some, more) => {
    const writer = new ByteWriter();
    for (const values of [some, more]) writer.numbers(union(values).list());
    const bytes = writer.take();
    const reader = new ByteReader(bytes);
    for (const values of [some, more]) {
      const scratch = { values: new Uint32Array(1), length: 0 };
      reader.numbers(scratch);
      assertEquals([...scratch.values.subarray(0, scratch.length)], sorted(values));
    }
    assert(reader.isAtEnd);
    for (const values of [some, more]) writer.numbers(union(sorted(values).reverse(), 1).list());
    assertEquals(writer.take(), bytes);
    assert(bytes.length <= (some.length + more.length) * 5 + 30);
    if (bytes.length < 4) return;
    const cut = new ByteReader(bytes.slice(0, bytes.length - 1));
    const scratch = { values: new Uint32Array(1), length: 0 };
    assertThrows(() => {
      cut.numbers(scratch);
      cut.numbers(scratch);
    }, RangeError);
  }));
});
