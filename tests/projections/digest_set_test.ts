import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { digestDaysKept, DigestSet } from "../../projections/digest_set.ts";

/** Spreads the numbers 0, 1, 2, … over all 16 bytes. */
function digestOf(id: number): Uint8Array {
  const words = new Uint32Array(4);
  let state = id;
  for (let i = 0; i < 4; i++) {
    state = (state + 0x9e3779b9) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 16), 0x85ebca6b);
    mixed = Math.imul(mixed ^ (mixed >>> 13), 0xc2b2ae35);
    words[i] = mixed ^ (mixed >>> 16);
    state = (state + Math.imul(id, 0x27d4eb2f)) >>> 0;
  }
  return new Uint8Array(words.buffer);
}

Deno.test("a digest is first once, at any offset", () => {
  const set = new DigestSet();
  const bytes = new Uint8Array(40);
  bytes.set(digestOf(1), 3);
  bytes.set(digestOf(2), 19);
  assert(set.add(bytes, 3, 100));
  assert(set.add(bytes, 19, 100));
  assert(!set.add(bytes, 3, 100));
  assert(!set.add(digestOf(2), 0, 101));
  assert(set.add(new Uint8Array(16), 0, 101), "all zeros is a digest like another");
  assert(!set.add(new Uint8Array(16), 0, 101));
  assertEquals(set.size, 3);
});

Deno.test("digests that differ in one byte are different", () => {
  const set = new DigestSet();
  assert(set.add(digestOf(7), 0, 1));
  for (let at = 0; at < 16; at++) {
    const other = digestOf(7);
    other[at]! ^= 1;
    assert(set.add(other, 0, 1));
  }
});

Deno.test("a day is forgotten as a whole, and only when it is too old", () => {
  const set = new DigestSet();
  assert(set.add(digestOf(1), 0, 50));
  assert(set.add(digestOf(2), 0, 50));
  assert(!set.add(digestOf(1), 0, 50 + digestDaysKept));
  assert(set.add(digestOf(2), 0, 50 + digestDaysKept + 1));
  assert(!set.add(digestOf(1), 0, 50 + digestDaysKept + 1), "its last arrival counts");
});

Deno.test("what was forgotten does not come back after any number of days", () => {
  for (let days = digestDaysKept + 1; days < 70; days++) {
    const set = new DigestSet();
    assert(set.add(digestOf(1), 0, 100));
    assert(set.add(digestOf(2), 0, 100 + days));
    assertEquals(set.size, 1);
    assert(set.add(digestOf(1), 0, 100 + days));
  }
});

Deno.test("days that decrease are a bug of the caller", () => {
  const set = new DigestSet();
  set.add(digestOf(1), 0, 50);
  assertThrows(() => set.add(digestOf(2), 0, 49), RangeError);
});

Deno.test("it agrees with a plain Set through many splits", () => {
  const set = new DigestSet();
  const count = 200_000;
  for (let id = 0; id < count; id++) assert(set.add(digestOf(id), 0, id < count / 2 ? 1 : 2));
  assertEquals(set.size, count);
  for (let id = 0; id < count; id++) assert(!set.add(digestOf(id), 0, 2));
  assert(set.add(digestOf(count), 0, 2));
  assertEquals(set.size, count + 1);
  assert(set.add(digestOf(count + 1), 0, 2 + digestDaysKept));
  assertEquals(set.size, count + 2, "what arrived on the second day again is still known");
  assert(set.add(digestOf(0), 0, 3 + digestDaysKept));
  assertEquals(set.size, 2);
});

Deno.test("digests made to collide in the first word are still told apart", () => {
  const set = new DigestSet();
  const collide = (id: number) => {
    const digest = digestOf(id);
    digest.fill(0, 0, 4);
    return digest;
  };
  const count = 30_000;
  for (let id = 0; id < count; id++) assert(set.add(collide(id), 0, 1));
  for (let id = 0; id < count; id++) assert(!set.add(collide(id), 0, 1));
  assertEquals(set.size, count);
});

Deno.test("it equals a naive set with a day per digest", () => {
  const steps = fc.array(fc.record({ id: fc.nat(30), days: fc.constantFrom(0, 0, 0, 1, 3, 9) }));
  fc.assert(fc.property(steps, (entries) => {
    const set = new DigestSet();
    const arrived = new Map<number, number>();
    let day = 20_000;
    for (const { id, days } of entries) {
      day += days;
      const known = arrived.get(id);
      const first = known === undefined || known < day - digestDaysKept;
      assertEquals(set.add(digestOf(id), 0, day), first);
      arrived.set(id, day);
    }
  }));
});

Deno.test("digests that are added together are judged in their order", () => {
  const chunk = fc.record({
    ids: fc.array(fc.nat(40), { minLength: 1, maxLength: 60 }),
    daysLater: fc.constantFrom(0, 0, 1, digestDaysKept + 1),
  });
  fc.assert(fc.property(fc.array(chunk, { maxLength: 8 }), (chunks) => {
    const together = new DigestSet();
    const alone = new DigestSet();
    let day = 100;
    for (const { ids, daysLater } of chunks) {
      day += daysLater;
      const digests = new Uint8Array(ids.length * 16);
      ids.forEach((id, index) => digests.set(digestOf(id), index * 16));
      const expected = ids.flatMap((id, index) => alone.add(digestOf(id), 0, day) ? [index] : []);
      assertEquals([...together.addAll(digests, day)], expected);
    }
    assertEquals(together.size, alone.size);
  }));
});

Deno.test("a set with room reserved gives the same verdicts", () => {
  const chunk = fc.record({
    ids: fc.array(fc.nat(400), { minLength: 1, maxLength: 60 }),
    daysLater: fc.constantFrom(0, 0, 1, 2, digestDaysKept, digestDaysKept + 1),
  });
  const chunks = fc.array(chunk, { minLength: 1, maxLength: 40 });
  fc.assert(fc.property(chunks, fc.nat(20_000), fc.nat(9), (chunks, reserved, daysBefore) => {
    const roomy = new DigestSet();
    const plain = new DigestSet();
    let day = 100;
    roomy.reserve(reserved, day - daysBefore);
    for (const { ids, daysLater } of chunks) {
      day += daysLater;
      const digests = new Uint8Array(ids.length * 16);
      ids.forEach((id, index) => digests.set(digestOf(id), index * 16));
      assertEquals([...roomy.addAll(digests, day)], [...plain.addAll(digests, day)]);
      assertEquals(roomy.size, plain.size);
    }
  }));
});

Deno.test("far more than was reserved for fit as well, and less", () => {
  for (const reserved of [0, 1, 5_000, 100_000]) {
    const set = new DigestSet();
    set.reserve(reserved, 1);
    for (let id = 0; id < 30_000; id++) assert(set.add(digestOf(id), 0, 1));
    for (let id = 0; id < 30_000; id++) assert(!set.add(digestOf(id), 0, 2));
    assertEquals(set.size, 30_000);
    assertThrows(() => set.reserve(1, 2), Error, "not empty");
  }
});
