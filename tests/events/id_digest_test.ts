/** Digests of ids are the platform's SHA-256, however long the id is and whatever it is written in. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { createHash } from "node:crypto";
import { idDigest, idDigestHex, idDigests, putDigest } from "../../events/id_digest.ts";
import { law } from "../support/laws.ts";

const expected = (id: string) => createHash("sha256").update(id).digest().subarray(0, 16);

function check(id: string): void {
  const bytes = new Uint8Array(20);
  putDigest(bytes, 2, idDigest(id), 0);
  assertEquals(bytes.subarray(2, 18).toHex(), expected(id).toString("hex"), JSON.stringify(id));
  assertEquals([bytes[0], bytes[1], bytes[18], bytes[19]], [0, 0, 0, 0]);
  assertEquals(idDigestHex(id), expected(id).toString("hex"));
  assertEquals(idDigest(id)[0], expected(id).readInt32BE(0));
}

Deno.test("id digest: every length around a block, ASCII and not", () => {
  for (let length = 0; length <= 130; length++) {
    check("x".repeat(length));
    check("é".repeat(length));
    check("a".repeat(length) + "\u007f\u0080");
  }
  check("\ud800");
});

Deno.test("id digest: any text", () => {
  law(
    fc.oneof(fc.uuid(), fc.string({ maxLength: 70 }), fc.string({ unit: "binary" })),
    check,
    2_000,
  );
});

Deno.test("id digest: many at once are the same as one at a time", () => {
  const anyId = fc.oneof(fc.uuid(), fc.string({ maxLength: 70 }), fc.string({ unit: "binary" }));
  law(fc.array(anyId, { maxLength: 30 }), (ids) => {
    const digests = idDigests(ids);
    ids.forEach((id, index) => {
      assertEquals(
        [...digests.subarray(4 * index, 4 * index + 4)],
        [0, 4, 8, 12].map((at) => expected(id).readInt32BE(at)),
        JSON.stringify(id),
      );
    });
  }, 1_000);
  const many = Array.from({ length: 5_000 }, (_, index) => "x".repeat(index % 60) + index);
  const digests = Int32Array.from(idDigests(many));
  many.forEach((id, index) => assertEquals(digests[4 * index], idDigest(id)[0]));
});
