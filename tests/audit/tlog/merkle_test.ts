import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import {
  consistencyProof,
  emptyRoot,
  GrowingTree,
  hashesFromTiles,
  inclusionProof,
  isConsistent,
  isIncluded,
  isSameHash,
  leafHash,
  nodeHash,
  rootAt,
  rootOfRow,
  tilePath,
  tileWidth,
} from "../../../src/audit/tlog/mod.ts";
import { ofLeaves } from "../../support/tlog_client.ts";

/** The leaves and hashes that the reference implementation of RFC 6962 tests itself with. */
const leaves = [
  "",
  "00",
  "10",
  "2021",
  "3031",
  "40414243",
  "5051525354555657",
  "606162636465666768696a6b6c6d6e6f",
].map((hex) => Uint8Array.fromHex(hex));
const roots = [
  "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
  "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
  "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
  "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
  "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
  "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
  "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
  "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
];
/** Number of the leaf from 1, size of the tree, and the path. */
const inclusions: readonly [number, number, readonly string[]][] = [
  [1, 1, []],
  [1, 8, [
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
  ]],
  [6, 8, [
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  ]],
  [3, 3, ["fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125"]],
  [2, 5, [
    "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
  ]],
];
const consistencies: readonly [number, number, readonly string[]][] = [
  [1, 1, []],
  [1, 8, [
    "96a296d224f285c67bee93c30f8a309157f0daa35dc5b87e410b78630a09cfc7",
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "6b47aaf29ee3c2af9af889bc1fb9254dabd31177f16232dd6aab035ca39bf6e4",
  ]],
  [6, 8, [
    "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
    "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
    "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
  ]],
  [2, 5, [
    "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
    "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
  ]],
];

/** The definition of RFC 6962, word by word. */
function definedRoot(leafHashes: readonly Uint8Array[]): Uint8Array {
  if (leafHashes.length === 0) return emptyRoot();
  if (leafHashes.length === 1) return leafHashes[0]!;
  let k = 1;
  while (k * 2 < leafHashes.length) k *= 2;
  return nodeHash(definedRoot(leafHashes.slice(0, k)), definedRoot(leafHashes.slice(k)));
}

function numbered(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, index) => leafHash(`leaf ${index}`));
}

const hex = (hashes: readonly Uint8Array[]) => hashes.map((hash) => hash.toHex());

Deno.test("merkle: roots and proofs are those of the reference implementation of RFC 6962", async () => {
  const leafHashes = leaves.map(leafHash);
  const hashes = ofLeaves(leafHashes);
  const tree = new GrowingTree();
  for (const [size, root] of roots.entries()) {
    if (size > 0) tree.append(leafHashes[size - 1]!);
    assertEquals((await rootAt(size, hashes)).toHex(), root);
    assertEquals(tree.root().toHex(), root);
  }
  const rootOf = (size: number) => Uint8Array.fromHex(roots[size]!);
  for (const [number, size, path] of inclusions) {
    const proof = await inclusionProof(number - 1, size, hashes);
    assertEquals(hex(proof), path);
    assert(isIncluded(leafHashes[number - 1]!, number - 1, size, rootOf(size), proof));
  }
  for (const [from, to, path] of consistencies) {
    const proof = await consistencyProof(from, to, hashes);
    assertEquals(hex(proof), path);
    assert(isConsistent(from, to, rootOf(from), rootOf(to), proof));
  }
});

Deno.test("merkle: a leaf is hashed the same as text and as bytes", () => {
  for (const text of ["", "a", "é 🎈", "{}".repeat(10_000)]) {
    assertEquals(leafHash(text), leafHash(new TextEncoder().encode(text)));
  }
});

Deno.test("merkle: consistency of all pairs of sizes to 300, and of none that is not", async () => {
  const countMax = 300;
  const leafHashes = numbered(countMax);
  const hashes = ofLeaves(leafHashes);
  const rootsOf: Uint8Array[] = [];
  for (let size = 0; size <= countMax; size++) rootsOf.push(await rootAt(size, hashes));
  for (let to = 0; to <= countMax; to++) {
    for (let from = 0; from <= to; from++) {
      const proof = await consistencyProof(from, to, hashes);
      const holds = (older: Uint8Array, newer: Uint8Array, steps = proof) =>
        isConsistent(from, to, older, newer, steps);
      assert(holds(rootsOf[from]!, rootsOf[to]!), `${from} to ${to}`);
      const other = leafHash("another");
      assert(!holds(other, rootsOf[to]!), `another old root of ${from} to ${to}`);
      if (from > 0) assert(!holds(rootsOf[from]!, other), `another new root of ${from} to ${to}`);
      assert(!holds(rootsOf[from]!, rootsOf[to]!, [...proof, other]), `longer ${from} to ${to}`);
      if (proof.length > 0) {
        assert(
          !holds(rootsOf[from]!, rootsOf[to]!, proof.slice(0, -1)),
          `shorter ${from} to ${to}`,
        );
      }
    }
  }
});

Deno.test("merkle: inclusion of every leaf in every size to 300, and of no other", async () => {
  const countMax = 300;
  const leafHashes = numbered(countMax);
  const hashes = ofLeaves(leafHashes);
  for (let size = 1; size <= countMax; size++) {
    const root = await rootAt(size, hashes);
    for (let index = 0; index < size; index++) {
      const proof = await inclusionProof(index, size, hashes);
      assert(isIncluded(leafHashes[index]!, index, size, root, proof), `${index} of ${size}`);
      const wrong = leafHashes[(index + 1) % countMax]!;
      assert(!isIncluded(wrong, index, size, root, proof), `another leaf as ${index} of ${size}`);
      assert(!isIncluded(leafHashes[index]!, size, size, root, proof), `beyond ${size}`);
    }
  }
});

Deno.test("merkle: the roots are those of the definition, and those of a tree that grows", async () => {
  const leafHashes = numbered(700);
  const hashes = ofLeaves(leafHashes);
  const tree = new GrowingTree();
  for (let size = 1; size <= leafHashes.length; size++) {
    tree.append(leafHashes[size - 1]!);
    if (size % 37 !== 0 && size % tileWidth > 1) continue;
    const defined = definedRoot(leafHashes.slice(0, size));
    assert(isSameHash(tree.root(), defined), `grown to ${size}`);
    assert(isSameHash(await rootAt(size, hashes), defined), `of ${size}`);
  }
});

Deno.test("merkle: tiles of a grown tree give its root at every size, and its proofs", async () => {
  const tiles = new Map<string, Uint8Array>();
  const tree = new GrowingTree((level, index, bytes) => {
    tiles.set(tilePath({ level, index, width: tileWidth }), bytes);
  });
  const count = 256 * 256 + 300;
  const leafHashes = numbered(count);
  for (const leaf of leafHashes) tree.append(leaf);
  for (let level = 0; level < tree.levelCount; level++) {
    const index = Math.floor(count / tileWidth ** (level + 1));
    tiles.set(tilePath({ level, index, width: tileWidth }), tree.partial(level));
  }
  const read = (size: number) =>
    hashesFromTiles(size, (tile) => tiles.get(tilePath({ ...tile, width: tileWidth }))!);
  const fromTiles = read(count);
  const straight = ofLeaves(leafHashes);
  assert(isSameHash(await rootAt(count, fromTiles), tree.root()));
  for (const size of [1, 255, 256, 257, 65_535, 65_536, 65_537]) {
    assert(isSameHash(await rootAt(size, read(size)), await rootAt(size, straight)), `${size}`);
  }
  for (const index of [0, 255, 256, 40_000, 65_535, 65_536, count - 1]) {
    const proof = await inclusionProof(index, count, fromTiles);
    assert(isIncluded(leafHashes[index]!, index, count, tree.root(), proof), `${index}`);
  }
  for (const from of [1, 256, 257, 65_536, 65_700]) {
    const proof = await consistencyProof(from, count, fromTiles);
    const older = await rootAt(from, straight);
    assert(isConsistent(from, count, older, tree.root(), proof), `${from}`);
  }
});

Deno.test("merkle: a tree goes on from what was kept of it", () => {
  fc.assert(
    fc.property(fc.nat(1_200), fc.nat(600), (before, after) => {
      const whole = new GrowingTree();
      const leafHashes = numbered(before + after);
      for (const leaf of leafHashes.slice(0, before)) whole.append(leaf);
      const kept = Array.from(
        { length: whole.levelCount },
        (_, level) => whole.partial(level).slice(),
      );
      const restored = new GrowingTree();
      restored.restore(whole.size, kept);
      assert(isSameHash(restored.root(), whole.root()));
      for (const leaf of leafHashes.slice(before)) {
        whole.append(leaf);
        restored.append(leaf);
      }
      assertEquals(restored.size, whole.size);
      assert(isSameHash(restored.root(), whole.root()));
    }),
    { numRuns: 50 },
  );
});

Deno.test("merkle: what is kept of a tree must fit its size", () => {
  const tree = new GrowingTree();
  for (const leaf of numbered(300)) tree.append(leaf);
  const levels = [tree.partial(0).slice(), tree.partial(1).slice()];
  const fresh = () => new GrowingTree();
  assertThrows(() => fresh().restore(301, levels), RangeError);
  assertThrows(() => fresh().restore(300, [levels[0]!]), RangeError);
  assertThrows(() => fresh().restore(300, [levels[0]!.subarray(32), levels[1]!]), RangeError);
});

Deno.test("merkle: any other leaf gives another root", () => {
  fc.assert(
    fc.property(
      fc.array(fc.string({ maxLength: 5 }), { minLength: 1, maxLength: 80 }),
      fc.nat(),
      fc.string({ maxLength: 5 }),
      (entries, at, other) => {
        const index = at % entries.length;
        const changed = entries.with(index, other);
        const rootOf = (list: readonly string[]) => {
          const row = new Uint8Array(list.length * 32);
          list.forEach((entry, place) => row.set(leafHash(entry), place * 32));
          return rootOfRow(row);
        };
        assertEquals(isSameHash(rootOf(entries), rootOf(changed)), entries[index] === other);
      },
    ),
  );
});
