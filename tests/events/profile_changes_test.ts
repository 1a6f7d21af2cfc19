/** The body of `profiles_changed`: what goes in comes out, and what is no body is refused. */
import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  decodeProfileChanges,
  encodeProfileChanges,
  MalformedProfileChangesError,
  profileChangesBytes,
} from "../../events/profile_changes.ts";
import { subjectKinds } from "../../events/profile_events.ts";
import { law } from "../support/laws.ts";

const u32 = { max: 0xffff_ffff };
const changes = fc.array(fc.record({
  kind: fc.constantFrom(...subjectKinds),
  number: fc.integer({ min: 1, ...u32 }),
  user: fc.integer({ min: 0, ...u32 }),
  digest: fc.uint8Array({ minLength: 16, maxLength: 16 }),
}, { noNullPrototype: true }));

Deno.test("profile changes: what goes in comes out", () =>
  law(changes, (given) => {
    const bytes = encodeProfileChanges(given);
    assertEquals(bytes.length, profileChangesBytes(given.length));
    const { count, kind, number, user, digests } = decodeProfileChanges(bytes);
    const decoded = Array.from({ length: count }, (_, i) => ({
      kind: subjectKinds[kind[i]!]!,
      number: number[i]!,
      user: user[i]!,
      digest: digests.slice(16 * i, 16 * i + 16),
    }));
    assertEquals(decoded, given);
  }));

Deno.test("profile changes: the bytes of a stored one, for ever", () => {
  const digest = Uint8Array.from({ length: 16 }, (_, index) => index);
  const digests = "000102030405060708090a0b0c0d0e0f".repeat(2);
  const given = [
    { kind: "device", number: 2, user: 0, digest },
    { kind: "user", number: 3, user: 7, digest },
  ] as const;
  assertEquals(
    encodeProfileChanges(given).toHex(),
    "01" + "02000000" + "0001" + "0200000003000000" + "0000000007000000" + digests,
  );
});

Deno.test("profile changes: what is no body is refused", () => {
  const digest = new Uint8Array(16);
  const good = encodeProfileChanges([{ kind: "user", number: 1, user: 0, digest }]);
  const bent = (at: number, byte: number) => {
    const bytes = good.slice();
    bytes[at] = byte;
    return bytes;
  };
  const cut = [0, 4, 5, good.length - 1].map((length) => good.slice(0, length));
  for (const bytes of [...cut, bent(0, 2), bent(1, 2), bent(5, 2), bent(6, 0)]) {
    assertThrows(() => decodeProfileChanges(bytes), MalformedProfileChangesError);
  }
});
