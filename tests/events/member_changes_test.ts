/** The bytes of changes of members: what goes in comes out, and damage is noticed. */
import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  decodeMemberChanges,
  encodeMemberChanges,
  MalformedMemberChangesError,
  type MemberChange,
} from "../../events/member_changes.ts";
import { law } from "../support/laws.ts";

const change: fc.Arbitrary<MemberChange> = fc.record({
  op: fc.constantFrom("add" as const, "remove"),
  kind: fc.constantFrom("device" as const, "user"),
  number: fc.oneof(fc.integer({ min: 1, max: 300 }), fc.integer({ min: 1, max: 2 ** 32 - 1 })),
}, { noNullPrototype: true });
const changes = fc.array(change, { minLength: 1, maxLength: 200 });

Deno.test("member changes: what goes in comes out, in order", () => {
  law(changes, (given) => assertEquals(decodeMemberChanges(encodeMemberChanges(given)), given));
});

Deno.test("member changes: bytes of the first format are read for ever", () => {
  const stored = "AQMAAAAotS/9AEh5AAADAAIBLAEAAQAAAAAAAAA=";
  assertEquals(decodeMemberChanges(Uint8Array.fromBase64(stored)), [
    { op: "remove", kind: "user", number: 1 },
    { op: "add", kind: "device", number: 300 },
    { op: "add", kind: "user", number: 1 },
  ]);
});

Deno.test("member changes: damage is told, and is no other failure", () => {
  const bytes = encodeMemberChanges([{ op: "add", kind: "user", number: 7 }]);
  const damaged = [
    new Uint8Array(),
    bytes.subarray(0, 4),
    bytes.subarray(0, -1),
    Uint8Array.of(2, ...bytes.subarray(1)),
    Uint8Array.of(1, 2, 0, 0, 0, ...bytes.subarray(5)),
    Uint8Array.of(1, 0, 0, 0, 0, ...bytes.subarray(5)),
    Uint8Array.of(1, 255, 255, 255, 255, ...bytes.subarray(5)),
    encodeMemberChanges([{ op: "add", kind: "user", number: 0 }]),
  ];
  for (const one of damaged) {
    assertThrows(() => decodeMemberChanges(one), MalformedMemberChangesError);
  }
  law(fc.uint8Array({ maxLength: 60 }), (some) => {
    try {
      decodeMemberChanges(some);
    } catch (error) {
      if (!(error instanceof MalformedMemberChangesError)) throw error;
    }
  });
});
