/** Sets of members: what is stored in blocks is the same set again, and the digest says which it is. */
import { assertEquals, assertNotEquals } from "@std/assert";
import { createHash } from "node:crypto";
import fc from "fast-check";
import { RoaringBitmap32 } from "roaring-wasm";
import { Members } from "../../src/snapshots/members.ts";
import { Pacer } from "../../src/snapshots/pacer.ts";
import { asyncLaw } from "../support/laws.ts";

const number = fc.oneof(
  fc.integer({ min: 1, max: 50 }),
  fc.integer({ min: 262_100, max: 262_200 }),
  fc.integer({ min: 1, max: 3_000_000 }),
);
const subject = fc.tuple(fc.constantFrom("user" as const, "device" as const), number);
const subjects = fc.array(subject, { maxLength: 60 });
type Subjects = readonly (readonly ["user" | "device", number])[];

function setOf(all: Subjects): Members {
  const members = new Members();
  for (const [kind, number] of all) members.add(kind, number);
  return members;
}

const sorted = (all: Subjects, kind: string) =>
  [...new Set(all.filter(([one]) => one === kind).map(([, number]) => number))]
    .sort((a, b) => a - b);

function digestOf(all: Subjects): string {
  const numbers = [...sorted(all, "user"), 0, ...sorted(all, "device")];
  const bytes = new Uint8Array(numbers.length * 4);
  numbers.forEach((number, index) => new DataView(bytes.buffer).setUint32(index * 4, number, true));
  return createHash("sha256").update(bytes).digest("hex");
}

Deno.test("blocks that were written as they grew make the same set", () =>
  asyncLaw(fc.tuple(subjects, subjects), async ([first, second]) => {
    const members = setOf(first);
    const stored = new Map<string, Uint8Array>();
    const write = () => {
      for (const block of members.takeDirty()) {
        stored.set(JSON.stringify(block), members.encode(block));
      }
    };
    write();
    for (const [kind, number] of second) members.add(kind, number);
    write();
    const again = new Members();
    for (const [block, bytes] of stored) again.load(JSON.parse(block), bytes);
    const all = [...first, ...second];
    assertEquals(stored.size, members.blockCount);
    assertEquals(again.blockCount, members.blockCount);
    assertEquals(again.size, members.size);
    for (const [kind, number] of all) assertEquals(again.has(kind, number), true);
    assertEquals(again.has("user", 4_000_000_000), false);
    assertEquals(await again.digest(null, new Pacer()), digestOf(all));
    assertEquals(again.takeDirty(), []);
  }));

Deno.test("size and digest are of those who are not left out", () =>
  asyncLaw(fc.tuple(subjects, subjects), async ([all, out]) => {
    const [members, excluded] = [setOf(all), setOf(out)];
    const left = all.filter(([kind, number]) => !excluded.has(kind, number));
    assertEquals(members.countWithout(excluded), setOf(left).size);
    assertEquals(await members.digest(excluded, new Pacer()), digestOf(left));
  }));

Deno.test("a list is taken whole", () =>
  asyncLaw(fc.array(number, { maxLength: 40 }), async (numbers) => {
    const members = new Members();
    members.addAll("user", numbers.length === 0 ? null : new RoaringBitmap32(numbers));
    members.addAll("device", new RoaringBitmap32());
    const all = numbers.map((one) => ["user", one] as const);
    assertEquals(await members.digest(null, new Pacer()), digestOf(all));
    assertEquals(members.takeDirty().length, setOf(all).blockCount);
  }));

Deno.test("a user and a device of the same number are two", async () => {
  const pacer = new Pacer();
  const [user, device] = [setOf([["user", 7]]), setOf([["device", 7]])];
  assertNotEquals(await user.digest(null, pacer), await device.digest(null, pacer));
  assertEquals([user.has("user", 7), user.has("device", 7)], [true, false]);
});
