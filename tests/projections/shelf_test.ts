import { assert, assertEquals, assertStrictEquals } from "@std/assert";
import fc from "fast-check";
import { shelved } from "../../projections/shelf.ts";

Deno.test("what is on the shelf stays as it was, whatever comes after it", () => {
  const sizes = fc.array(fc.integer({ min: 0, max: 2_000 }), { maxLength: 200 });
  fc.assert(
    fc.property(sizes, (lengths) => {
      const given = lengths.map((length, index) => new Uint8Array(length).fill(index));
      const found = given.map(shelved);
      // The copies are whole by themselves, and writing to what was given does not reach them.
      const small = given.filter(({ length }) => length > 0 && length <= 1_024);
      const expected = given.map((bytes) => bytes.slice());
      for (const bytes of small) bytes.fill(255);
      assertEquals(found, expected);
    }),
  );
});

Deno.test("small ones share a buffer, large ones are not copied", () => {
  const buffers = [10, 20, 30].map((length) => shelved(new Uint8Array(length)).buffer);
  // One of them may have come to the end of a buffer.
  assert(new Set(buffers).size < 3);
  const large = new Uint8Array(4_096);
  assertStrictEquals(shelved(large), large);
});
