/** Assignment: the published hash, shares as they are set, and no subject that moves. */
import { assert, assertEquals } from "@std/assert";
import { assignmentSubject, inControlGroup, variantFor } from "../../events/assignment.ts";
import { murmur3 } from "../../events/murmur3.ts";

Deno.test("murmur3: published vectors (x86, 32 bits, seed 0)", () => {
  const vectors: [string, number][] = [
    ["", 0],
    ["test", 0xba6bd213],
    ["Hello, world!", 0xc0363e43],
    ["The quick brown fox jumps over the lazy dog", 0x2e4ff723],
  ];
  for (const [text, expected] of vectors) assertEquals(murmur3(text), expected, text);
});

Deno.test("murmur3: UTF-8, whatever the length", () => {
  // Without the fast way for ASCII both must agree: "é" is two bytes.
  assertEquals(murmur3("é"), murmur3(String.fromCharCode(0xe9)));
  const long = "user:" + "x".repeat(5_000);
  assertEquals(murmur3(long), murmur3(long));
  assert(murmur3(long) !== murmur3(long + "x"));
});

Deno.test("assignment: the user where there is one, so that a user's devices agree", () => {
  assertEquals(assignmentSubject("d1", "u1"), assignmentSubject("d2", "u1"));
  assertEquals(assignmentSubject("u1", undefined) === assignmentSubject("x", "u1"), false);
});

Deno.test("assignment: shares are as set, independent of each other, and grow without moving", () => {
  const subjects = Array.from({ length: 20_000 }, (_, nth) => `user:${nth}`);
  const variants = [{ key: "a", weight: 20 }, { key: "b", weight: 50 }];
  const counts = new Map<string | null, number>();
  let control = 0, both = 0;
  for (const subject of subjects) {
    const variant = variantFor(variants, "c1", subject);
    counts.set(variant, (counts.get(variant) ?? 0) + 1);
    const held = inControlGroup("c1", subject, 10);
    if (held) control++;
    if (held && variant === "b") both++;
    if (inControlGroup("c1", subject, 10)) assert(inControlGroup("c1", subject, 20), subject);
  }
  const near = (count: number, share: number) =>
    assert(Math.abs(count / subjects.length - share) < 0.015, `${count} for ${share}`);
  near(counts.get("a")!, 0.2);
  near(counts.get("b")!, 0.5);
  near(counts.get(null)!, 0.3);
  near(control, 0.1);
  near(both, 0.05);
});

Deno.test("assignment: nobody is in a control group of 0 %, nobody in a variant without weight", () => {
  for (let nth = 0; nth < 1_000; nth++) {
    assertEquals(inControlGroup("c", `device:${nth}`, 0), false);
    assertEquals(variantFor([{ key: "a", weight: 0 }], "c", `device:${nth}`), null);
    assertEquals(variantFor([{ key: "a", weight: 100 }], "c", `device:${nth}`), "a");
  }
});
