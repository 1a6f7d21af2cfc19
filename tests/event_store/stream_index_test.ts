/** Where the events of a stream stand, however often the index is stored and read again. */
import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { StreamIndex } from "../../src/event_store/mod.ts";
import { law } from "../support/laws.ts";
import { TestLog } from "../support/recorded.ts";

const tracked = (stream: string) => stream !== "untracked";
const event = { type: "happened", schema: 1, data: {} };

Deno.test("stream index: every position of every stream, over flushes and starts", () => {
  const step = fc.tuple(
    fc.constantFrom("a", "b", "a#1", "untracked"),
    fc.integer({ min: 1, max: 70 }),
    fc.constantFrom("go on", "flush", "start"),
  );
  law(fc.array(step, { maxLength: 12 }), (steps) => {
    const log = new TestLog();
    const rows = new Map<string, Uint8Array>();
    const oracle = new Map<string, string[]>();
    let index = new StreamIndex(tracked);
    for (const [stream, count, then] of steps) {
      for (const recorded of log.commit(stream, Array.from({ length: count }, () => event), 0)) {
        index.fold(recorded);
        oracle.set(stream, [...oracle.get(stream) ?? [], recorded.position]);
      }
      if (then === "go on") continue;
      for (const key of index.takeDirty()) rows.set(key, index.encodeRow(key));
      assertEquals(index.takeDirty(), []);
      assertEquals([...index.rowKeys()].sort(), [...rows.keys()].sort());
      if (then === "flush") continue;
      index = new StreamIndex(tracked);
      for (const key of [...rows.keys()].sort()) index.loadRow(key, rows.get(key)!);
    }
    for (const [stream, positions] of oracle) {
      const expected = tracked(stream) ? positions : [];
      assertEquals(index.positions(stream, 0, positions.length + 1), expected);
      assertEquals(index.positions(stream, 31, 34), expected.slice(31, 34));
    }
  }, 100);
});

Deno.test("stream index: a row that is ahead takes nothing twice, and a gap is told", () => {
  const log = new TestLog();
  const recorded = log.commit("a", Array.from({ length: 40 }, () => event), 0);
  const index = new StreamIndex(tracked);
  for (const one of recorded) index.fold(one);
  const ahead = new StreamIndex(tracked);
  for (const key of index.takeDirty()) ahead.loadRow(key, index.encodeRow(key));
  for (const one of recorded.slice(30)) ahead.fold(one);
  assertEquals(ahead.takeDirty(), []);
  assertEquals(ahead.positions("a", 0, 40), recorded.map(({ position }) => position));
  assertThrows(() => new StreamIndex(tracked).fold(recorded[1]!), Error, "lacks an event");
});
