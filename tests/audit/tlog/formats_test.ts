import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  leafHash,
  NoteError,
  openCheckpoint,
  openNote,
  parseCheckpoint,
  parseTilePath,
  parseVerifierKey,
  signCheckpoint,
  signerOf,
  signNote,
  type Tile,
  tilePath,
  tilesAt,
  tileWidth,
  tileWidthAt,
  verifierKey,
} from "../../../src/audit/tlog/mod.ts";

const signer = signerOf("example.com/log", new Uint8Array(32).fill(1));
const other = signerOf("example.com/log", new Uint8Array(32).fill(2));

Deno.test("note: the key and signature of another implementation are read", () => {
  // The example of Go's golang.org/x/mod/sumdb/note.
  const key = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
  const note = "If you think cryptography is the answer to your problem,\n" +
    "then you don't know what your problem is.\n\n" +
    "— PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
  const verifier = parseVerifierKey(key);
  assertEquals(verifierKey(verifier), key);
  assertEquals(openNote(note, [verifier]).signedBy, [verifier]);
  assertThrows(() => openNote(note.replace("answer", "question"), [verifier]), NoteError, "wrong");
});

Deno.test("note: the keys and signatures of RFC 8032", () => {
  const seed = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
  const key = signerOf("name", Uint8Array.fromHex(seed));
  assertEquals(
    key.publicKey.toHex(),
    "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
  );
  assertEquals(
    key.sign(new Uint8Array(0)).toHex(),
    "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555fb8821590a33bacc61e39701cf9b46b" +
      "d25bf5f0595bbe24655141438e7a100b",
  );
});

Deno.test("note: what was signed is opened by its key, and by no other", () => {
  fc.assert(
    fc.property(fc.string({ unit: "grapheme" }), (body) => {
      const text = `${body}\n`;
      const note = signNote(text, signer);
      assertEquals(openNote(note, [other, signer]), { text, signedBy: [signer] });
      assertEquals(openNote(note, [other]).signedBy, []);
    }),
    { numRuns: 50 },
  );
});

Deno.test("note: a key whose hash is not its own is refused, and so is what is no key", () => {
  const key = verifierKey(signer);
  assertEquals(parseVerifierKey(`${key}\n`).publicKey, signer.publicKey);
  const [name, hash, base64] = key.split("+");
  for (
    const wrong of [
      `${name}+${verifierKey(other).split("+")[1]}+${base64}`,
      `another+${hash}+${base64}`,
      `${name}+${hash}`,
      `${name}+${hash}+AAAA`,
      "",
    ]
  ) assertThrows(() => parseVerifierKey(wrong), NoteError);
  assertThrows(() => signerOf("a+b", new Uint8Array(32)), NoteError);
  assertThrows(() => signerOf("a b", new Uint8Array(32)), NoteError);
});

Deno.test("checkpoint: is read as it was signed", () => {
  const checkpoint = { origin: "example.com/log", size: 123_456, root: leafHash("root") };
  const note = signCheckpoint(checkpoint, signer);
  assertEquals(openCheckpoint(note, [signer]), checkpoint);
  assertEquals(parseCheckpoint(note), checkpoint);
  assertThrows(() => openCheckpoint(note, [other]), NoteError, "not signed");
});

Deno.test("checkpoint: any changed byte is noticed", () => {
  const checkpoint = { origin: "example.com/log", size: 7, root: leafHash("root") };
  const bytes = new TextEncoder().encode(signCheckpoint(checkpoint, signer));
  for (let index = 0; index < bytes.length; index++) {
    const changed = bytes.slice();
    changed[index]! ^= 1;
    assertThrows(() => openCheckpoint(new TextDecoder().decode(changed), [signer]), NoteError);
  }
});

Deno.test("checkpoint: what is none is refused", () => {
  const root = leafHash("root").toBase64();
  for (
    const text of [
      "",
      "a\n",
      "a\n1\n",
      `a\n01\n${root}\n`,
      `a\n-1\n${root}\n`,
      `a\n1\nAAAA\n`,
      `\n1\n${root}\n`,
    ]
  ) assertThrows(() => parseCheckpoint(text), NoteError);
});

Deno.test("tile: paths are those of C2SP", () => {
  const examples: readonly [Tile, string][] = [
    [{ level: 0, index: 0, width: 256 }, "0/000"],
    [{ level: 0, index: 0, width: 1 }, "0/000.p/1"],
    [{ level: 1, index: 67, width: 255 }, "1/067.p/255"],
    [{ level: "entries", index: 999, width: 256 }, "entries/999"],
    [{ level: 2, index: 1_000, width: 256 }, "2/x001/000"],
    [{ level: "entries", index: 1_234_067, width: 256 }, "entries/x001/x234/067"],
    [{ level: 0, index: 1_234_067, width: 8 }, "0/x001/x234/067.p/8"],
  ];
  for (const [tile, path] of examples) {
    assertEquals(tilePath(tile), path);
    assertEquals(parseTilePath(path), tile);
  }
  const wrong = [
    "",
    "0",
    "0/0",
    "0/0000",
    "0/x000/000",
    "0/000.p/0",
    "0/000.p/256",
    "0/000.p/01",
    "7/000",
    "-1/000",
    "0/001/000",
    "data/000",
    "0/000/",
  ];
  for (const path of wrong) assertEquals(parseTilePath(path), null, path);
});

Deno.test("tile: every path leads back to its tile", () => {
  fc.assert(
    fc.property(
      fc.oneof(fc.constant("entries" as const), fc.nat(6)),
      fc.nat(2_000_000_000),
      fc.integer({ min: 1, max: 256 }),
      (level, index, width) => {
        const tile = { level, index, width };
        assertEquals(parseTilePath(tilePath(tile)), tile);
      },
    ),
  );
});

Deno.test("tile: the tiles of a tree hold each of its hashes once", () => {
  for (const size of [0, 1, 255, 256, 257, 65_535, 65_536, 65_792, 70_000]) {
    const widths = new Map<number, number>();
    for (const { level, index, width } of tilesAt(size)) {
      const hashLevel = level as number;
      assert(width > 0 && width <= tileWidth);
      assertEquals(tileWidthAt(size, level, index), width);
      widths.set(hashLevel, (widths.get(hashLevel) ?? 0) + width);
    }
    for (let level = 0; level < 4; level++) {
      assertEquals(widths.get(level) ?? 0, Math.floor(size / 256 ** level), `${size} at ${level}`);
    }
  }
});
