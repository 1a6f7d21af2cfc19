/** The transparency log as a read model: every line a leaf, over flushes that break off too. */
import { assert, assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { RecordedEvent } from "../../events/recorded_event.ts";
import { NotaryProjection } from "../../projections/notary.ts";
import {
  emptyRoot,
  GrowingTree,
  isSameHash,
  leafHash,
  rootAt,
  tileWidth,
} from "../../src/audit/tlog/mod.ts";
import { positionOf } from "../support/recorded.ts";
import { StoredProjection } from "../support/stored_projection.ts";

const lineOf = (nth: number) => `{"line":${nth}}`;

function recorded(count: number): RecordedEvent[] {
  return Array.from({ length: count }, (_, nth) => ({
    position: positionOf(nth + 1),
    stream: "s",
    version: nth + 1,
    timeMs: nth,
    meta: { actor: "key:test", commandId: "c", traceId: "t" },
    event: { type: "happened", schema: 1, data: {} },
    hash: "",
    line: () => lineOf(nth),
  }));
}

function rootOf(count: number): Uint8Array {
  const tree = new GrowingTree();
  for (let nth = 0; nth < count; nth++) tree.append(leafHash(lineOf(nth)));
  return tree.root();
}

function folded(count: number): NotaryProjection {
  const model = new NotaryProjection();
  for (const one of recorded(count)) model.fold(one);
  return model;
}

Deno.test("notary: given nothing, the tree is empty and has no rows", () => {
  const model = new NotaryProjection();
  assertEquals(model.size, 0);
  assertEquals(model.root(), emptyRoot());
  assertEquals([...model.rowKeys()], []);
  assertEquals(model.takeDirty(), []);
});

Deno.test("notary: given events, the tree has their lines as leaves in order", () => {
  for (const count of [1, 2, 255, 256, 257, 600]) {
    const model = folded(count);
    assertEquals(model.size, count);
    assert(isSameHash(model.root(), rootOf(count)), `${count}`);
  }
});

Deno.test("notary: an event without a line stops it", () => {
  const { line: _, ...without } = recorded(1)[0]!;
  assertThrows(() => new NotaryProjection().fold(without), Error, "has no line");
});

Deno.test("notary: tiles of any width are those of the leaves, and none beyond", async () => {
  const count = 2 * tileWidth + 10;
  const model = folded(count);
  const leavesOf = (from: number, width: number) => {
    const bytes = new Uint8Array(width * 32);
    for (let nth = 0; nth < width; nth++) bytes.set(leafHash(lineOf(from + nth)), nth * 32);
    return bytes;
  };
  for (const [index, width] of [[0, 1], [0, 256], [1, 200], [1, 256], [2, 1], [2, 10]] as const) {
    const tile = await model.tile(0, index, width);
    assertEquals(new Uint8Array(tile!), leavesOf(index * tileWidth, width), `${index} ${width}`);
  }
  assertEquals((await model.tile(1, 0, 2))!.length, 64);
  for (const [level, index, width] of [[0, 2, 11], [0, 3, 1], [1, 0, 3], [2, 0, 1]] as const) {
    assertEquals(await model.tile(level, index, width), null, `${level} ${index} ${width}`);
  }
});

Deno.test("notary: it knows where in the log each bundle begins", async () => {
  const model = folded(tileWidth + 1);
  assertEquals(await model.bundleStart(0), positionOf(1));
  assertEquals(await model.bundleStart(1), positionOf(tileWidth + 1));
  assertEquals(await model.bundleStart(2), null);
  assertEquals(await folded(tileWidth).bundleStart(1), null);
});

Deno.test("notary: a tile that was handed out does not change when the tree grows", async () => {
  const model = new NotaryProjection();
  const events = recorded(300);
  for (const one of events.slice(0, 10)) model.fold(one);
  const tile = (await model.tile(0, 0, 10))!;
  const before = tile.slice();
  for (const one of events.slice(10)) model.fold(one);
  assertEquals(tile, before);
});

Deno.test("notary: stops and crashes in the middle of flushes change no row and no root", async () => {
  const step = fc.oneof(
    fc.record({ fold: fc.nat(400) }),
    fc.constant({ flush: true }),
    fc.record({ crash: fc.nat(6) }),
  );
  await fc.assert(
    fc.asyncProperty(fc.array(step, { maxLength: 12 }), async (steps) => {
      const stored = new StoredProjection(() => new NotaryProjection(), recorded(1_500));
      for (const one of steps) {
        if ("fold" in one) stored.fold(one.fold);
        else if ("crash" in one) stored.crash(one.crash);
        else stored.flush();
      }
      while (!stored.isAtEnd) stored.fold(1_500);
      stored.assertRows();
      const { model } = stored;
      assert(isSameHash(model.root(), rootOf(1_500)));
      for (const size of [1, 256, 700, 1_499]) {
        assert(isSameHash(await rootAt(size, model.hashesAt(size)), rootOf(size)), `${size}`);
      }
      for (let bundle = 0; bundle * tileWidth < 1_500; bundle++) {
        assertEquals(await model.bundleStart(bundle), positionOf(bundle * tileWidth + 1));
      }
    }),
    { numRuns: 40 },
  );
});
