/** Positions: opaque to callers, in the order of the log as text, safe in a URL. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import {
  formatPosition,
  logStart,
  parsePosition,
  positionBefore,
} from "../../src/event_store/mod.ts";

const places = fc.record({
  epoch: fc.integer({ min: 1, max: 0xffff }),
  versionstamp: fc.bigInt({ min: 1n, max: 2n ** 80n - 1n })
    .map((value) => value.toString(16).padStart(20, "0")),
  index: fc.integer({ min: 0, max: 0xffff }),
}, { noNullPrototype: true });
const options = { seed: 1, numRuns: 500, verbose: 1 } as const;

Deno.test("a position says where an event stands", () => {
  fc.assert(
    fc.property(places, (place) => {
      const position = formatPosition(place.epoch, place.versionstamp, place.index);
      assertEquals(parsePosition(position), place);
      assertMatch(position, /^[A-Za-z0-9._~-]+$/);
      assertEquals(position.length, logStart.length);
      assert(position > logStart);
    }),
    options,
  );
});

Deno.test("positions sort as text as their places do", () => {
  fc.assert(
    fc.property(places, places, (one, two) => {
      const order = one.epoch - two.epoch ||
        (one.versionstamp < two.versionstamp ? -1 : one.versionstamp > two.versionstamp ? 1 : 0) ||
        one.index - two.index;
      const [first, second] = [one, two].map((place) =>
        formatPosition(place.epoch, place.versionstamp, place.index)
      );
      assertEquals(Math.sign(order), first! < second! ? -1 : first! > second! ? 1 : 0);
    }),
    options,
  );
});

Deno.test("nothing stands between a position and the one before it", () => {
  fc.assert(
    fc.property(places, ({ epoch, versionstamp, index }) => {
      const position = formatPosition(epoch, versionstamp, index);
      const before = positionBefore(position);
      assert(before < position);
      const value = (text: string) => BigInt(`0x${text.replaceAll("-", "")}`);
      assertEquals(value(position) - value(before), 1n);
      assert(parsePosition(before));
    }),
    options,
  );
  assertEquals(positionBefore(logStart), logStart);
  assertEquals(
    positionBefore("0002-00000000000000000000-0000"),
    "0001-ffffffffffffffffffff-ffff",
  );
});

Deno.test("what is no position is told", () => {
  assertEquals(parsePosition(logStart), {
    epoch: 0,
    versionstamp: "00000000000000000000",
    index: 0,
  });
  for (
    const text of [
      "",
      "0",
      logStart + "0",
      " " + logStart,
      logStart + "\n",
      logStart.toUpperCase().replace("0000-", "000G-"),
      "0001-0000000000000000ABCD-0000",
      "0001-0000000000000000000-0000",
      "0001_00000000000000000000_0000",
    ]
  ) {
    assertEquals(parsePosition(text), null, JSON.stringify(text));
  }
});
