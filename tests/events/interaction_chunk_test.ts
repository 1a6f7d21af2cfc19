import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  ChunkBuilder,
  chunkDigests,
  type ChunkItem,
  chunkItem,
  chunkPlatforms,
  decodeChunk,
  encodeChunk,
  interactionKinds,
  MalformedChunkError,
} from "../../events/interaction_chunk.ts";

const uint32 = fc.integer({ min: 0, max: 2 ** 32 - 1 });
const text = fc.option(fc.string({ unit: "binary", maxLength: 12 }));
const item: fc.Arbitrary<ChunkItem> = fc.record({
  digest: fc.uint8Array({ minLength: 16, maxLength: 16 }),
  kind: fc.constantFrom(...interactionKinds),
  campaignId: text,
  device: uint32,
  user: uint32,
  occurredAtMs: fc.oneof(
    fc.integer({ min: 1_775_000_000_000, max: 1_775_000_100_000 }),
    fc.maxSafeNat(),
  ),
  platform: fc.constantFrom(...chunkPlatforms),
  revision: uint32,
  elementId: text,
  variant: text,
  name: text,
  session: uint32,
  claim: fc.option(fc.stringMatching(/^[0-9a-f]{32}$/)),
});

function decodeItems(bytes: Uint8Array): ChunkItem[] {
  const chunk = decodeChunk(bytes);
  return Array.from({ length: chunk.count }, (_, index) => chunkItem(chunk, index));
}

const sample: ChunkItem = {
  digest: Uint8Array.from({ length: 16 }, (_, index) => index),
  kind: "click",
  campaignId: "cmp_1",
  device: 70_000,
  user: 3,
  occurredAtMs: Date.parse("2026-04-01T00:00:00.123Z"),
  platform: "ios",
  revision: 2,
  elementId: "buy",
  variant: "b",
  name: null,
  session: 3_000_000_000,
  claim: "00112233445566778899aabbccddeeff",
};

Deno.test("a decoded chunk holds the items that were encoded", () => {
  fc.assert(fc.property(fc.array(item, { maxLength: 400 }), (items) => {
    const plain = items.map((entry) => ({ ...entry, digest: new Uint8Array(entry.digest) }));
    assertEquals(decodeItems(encodeChunk(plain)), plain.map((entry) => ({ ...entry })));
  }));
});

Deno.test("strings that are not well-formed Unicode come back unchanged", () => {
  const odd = { ...sample, elementId: "\ud800", name: "\udc00x" };
  assertEquals(decodeItems(encodeChunk([odd])), [odd]);
});

Deno.test("the digests can be read alone, from bytes at any offset of a buffer", () => {
  const bytes = encodeChunk([sample, { ...sample, digest: new Uint8Array(16).fill(9) }]);
  const shifted = new Uint8Array(bytes.length + 3);
  shifted.set(bytes, 3);
  const { count, digests } = chunkDigests(shifted.subarray(3));
  assertEquals(count, 2);
  assertEquals([...digests], [...sample.digest, ...new Uint8Array(16).fill(9)]);
  assertEquals(decodeItems(shifted.subarray(3))[0], sample);
});

Deno.test("the bytes of format 1 stay readable for ever", () => {
  assertEquals(decodeItems(fromHex(formatOneHex)), [{ ...sample, session: 0, claim: null }]);
});

Deno.test("the bytes of format 2 stay readable for ever", () => {
  assertEquals(decodeItems(fromHex(formatTwoHex)), [sample]);
});

Deno.test("the last chunk is decoded once, and another one with the same content for itself", () => {
  const bytes = encodeChunk([sample]);
  const chunk = decodeChunk(bytes);
  assert(decodeChunk(bytes) === chunk);
  const copy = bytes.slice();
  assert(decodeChunk(copy) !== chunk);
  assertEquals(decodeItems(bytes), decodeItems(copy));
});

Deno.test("approximateBytes is not less than what is built", () => {
  fc.assert(fc.property(fc.array(item, { maxLength: 100 }), (items) => {
    const builder = new ChunkBuilder();
    for (const entry of items) builder.add(entry);
    assertEquals(builder.count, items.length);
    assert(builder.approximateBytes >= builder.build().length);
  }));
});

Deno.test("a thousand interactions with random ids take at most 28 bytes each", () => {
  let seed = 1;
  const random = (below: number) => {
    seed = (Math.imul(seed, 1_103_515_245) + 12_345) >>> 0;
    return Math.floor(seed / 2 ** 32 * below);
  };
  const items = Array.from({ length: 1_000 }, (): ChunkItem => ({
    digest: Uint8Array.from({ length: 16 }, () => random(256)),
    kind: random(5) === 0 ? "click" : "impression",
    campaignId: `cmp_0123456789abcdef${10 + random(30)}`,
    device: 1 + random(1_000_000),
    user: random(2) * random(1_000_000),
    occurredAtMs: sample.occurredAtMs + random(30_000),
    platform: chunkPlatforms[random(3)]!,
    revision: 1 + random(2),
    elementId: ["buy", "image", null][random(3)]!,
    variant: ["b", null][random(2)]!,
    name: null,
    session: 0,
    claim: null,
  }));
  const bytes = encodeChunk(items).length / items.length;
  assert(bytes <= 28, `${bytes} bytes an interaction`);
});

Deno.test("an item that does not fit the columns is refused", () => {
  const builder = new ChunkBuilder();
  const add = (change: Partial<ChunkItem>) => () => builder.add({ ...sample, ...change });
  assertThrows(add({ digest: new Uint8Array(15) }), RangeError, "16 bytes");
  assertThrows(add({ device: 2 ** 32 }), RangeError, "device");
  assertThrows(add({ user: -1 }), RangeError, "user");
  assertThrows(add({ revision: 1.5 }), RangeError, "revision");
  assertThrows(add({ session: 2 ** 32 }), RangeError, "session");
  assertThrows(add({ occurredAtMs: -1 }), RangeError, "occurredAtMs");
  assertEquals(builder.count, 0);
});

Deno.test("malformed bytes are refused by name", () => {
  const bytes = encodeChunk([sample, sample, sample]);
  for (let length = 0; length < bytes.length; length++) {
    assertThrows(() => decodeChunk(bytes.subarray(0, length)), MalformedChunkError);
  }
  assertThrows(() => decodeChunk(changed(bytes, 0, 3)), MalformedChunkError, "format 3");
  assertThrows(() => decodeChunk(changed(bytes, 0, 1)), MalformedChunkError);
  assertThrows(() => decodeChunk(changed(bytes, 2, 1)), MalformedChunkError, "do not fit");
  assertThrows(() => decodeChunk(changed(bytes, 1, 2)), MalformedChunkError);
  assertThrows(() => decodeChunk(changed(bytes, 5 + 48, 1)), MalformedChunkError);
  assertThrows(
    () => decodeChunk(changed(bytes, 5 + 48 + 3, 255)),
    MalformedChunkError,
    "do not fit",
  );
});

Deno.test("random damage gives items or a MalformedChunkError, never anything else", () => {
  const bytes = encodeChunk([sample, { ...sample, device: 5 }]);
  fc.assert(fc.property(fc.nat(bytes.length - 1), fc.nat(255), (at, value) => {
    try {
      decodeItems(changed(bytes, at, value));
    } catch (error) {
      assert(error instanceof MalformedChunkError, `${error}`);
    }
  }));
});

function changed(bytes: Uint8Array, at: number, value: number): Uint8Array {
  const copy = bytes.slice();
  copy[at] = value;
  return copy;
}

function fromHex(digits: string): Uint8Array {
  return Uint8Array.from(digits.match(/../g)!, (pair) => parseInt(pair, 16));
}

const formatOneHex =
  "0101000000000102030405060708090a0b0c0d0e0f3d00000028b52ffd0048e901001c0000005b5b" +
  "22636d705f31225d2c5b22627579225d2c5b2262225d2c5b5d5d7b0057469d010000010101020101" +
  "037011010103000001020101010100";

const formatTwoHex =
  "0201000000000102030405060708090a0b0c0d0e0f6900000028b52ffd0048490300410000005b5b" +
  "22636d705f31225d2c5b22627579225d2c5b2262225d2c5b5d2c5b22303031313232333334343535" +
  "3636373738383939616162626363646465656666225d5d7b0057469d010000010101020101037011" +
  "01010300000102010101010004005ed0b20101";
