/** Events with bodies: chunks beside the log, in a stream of their writer, chained like any other. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import {
  cursorAtStart,
  LogDamagedError,
  openLog,
  parsePosition,
  rememberedAnswer,
  sha256Hex,
  StoreUnavailableError,
  Tail,
  TooLargeError,
} from "../../src/event_store/mod.ts";
import { FaultyKv, mulberry32 } from "../support/faulty_kv.ts";
import { fileEngine, memoryEngine, testOnEngines } from "../support/engines.ts";
import { Instance, meta, range, soundLog, withInstances } from "./counters.ts";
import { withSkippingClock } from "./skipping_clock.ts";

function bytesOf(length: number): Uint8Array {
  const random = mulberry32(length);
  return Uint8Array.from({ length }, () => random() * 256);
}

const lengths = [0, 1, 1_000, 59_999, 60_000, 60_001, 150_000, 700_000];

testOnEngines("bodies come back through the tail, those over one value too", async (store) => {
  await withInstances([store.kv, await store.second()], async (writing, reading) => {
    const positions = [];
    for (const length of lengths) positions.push(await writing.appendBody(bytesOf(length)));
    // The writer's own tail is given the bytes from memory, any other reads them from the store.
    for (const instance of [writing, reading]) {
      await instance.tail.poll();
      assertEquals(instance.seen.map(({ position }) => position), positions);
      for (const [index, length] of lengths.entries()) {
        const { body } = instance.seen[index]!;
        assertEquals(sha256Hex(body!), sha256Hex(bytesOf(length)), `${length} bytes`);
      }
    }
    const { stored } = await soundLog(store.plain);
    assertEquals(stored.map(({ body }) => body!.bytes), lengths);
    assertEquals(stored.map(({ body }) => body!.parts), [0, 1, 1, 1, 1, 2, 3, 12]);
    assertEquals(new Set(stored.map(({ stream }) => stream)).size, 1);
  });
});

testOnEngines("a reader can leave the bodies alone", async (store) => {
  await withInstances([store.kv], async (instance) => {
    await instance.appendBody(bytesOf(100));
    const reader = await openLog(store.plain, (stored) => stored);
    for await (const row of reader.read(cursorAtStart, () => false)) {
      assertEquals(row.events[0]!.body, undefined);
    }
  });
});

testOnEngines("the first read of a tail leaves alone what nobody wants", async (store) => {
  await withInstances([store.kv], async (instance) => {
    const positions: (string | null)[] = [];
    for (const length of [100, 200, 300]) {
      positions.push(await instance.appendBody(bytesOf(length)));
    }
    const reader = await openLog(store.plain, (stored) => stored);
    const tail = new Tail(reader, cursorAtStart, (_, position) => position > positions[1]!);
    const lengths: (number | undefined)[] = [];
    tail.subscribe((events) => lengths.push(...events.map(({ body }) => body?.length)));
    await tail.poll();
    assertEquals(lengths, [undefined, undefined, 300]);
    await instance.appendBody(bytesOf(400));
    await tail.poll();
    assertEquals(lengths.at(-1), 400);
    await tail.close();
  });
});

testOnEngines("chunks and commands interleave in one log", async (store) => {
  await withInstances([store.kv, await store.second()], async (one, two) => {
    await Promise.all(
      range(60).map((nth) => {
        const instance = nth % 2 === 0 ? one : two;
        return nth % 3 === 0
          ? instance.appendBody(bytesOf(2_000 + nth))
          : instance.add(`c${nth % 5}`);
      }),
    );
    await Promise.all([one.tail.poll(), two.tail.poll()]);
    const log = await soundLog(store.plain);
    assertEquals(log.events.length, 60);
    for (const instance of [one, two]) {
      assertEquals(instance.seen.map(({ hash }) => hash), log.stored.map(({ hash }) => hash));
      for (const { body, event } of instance.seen) {
        assertEquals(body !== undefined, event.type === "chunk");
      }
    }
    const chunkStreams = log.stored.filter(({ body }) => body).map(({ stream }) => stream);
    // A stream of its own for each writer; a writer that lost a number starts another.
    assert(new Set(chunkStreams).size >= 2);
  });
});

testOnEngines("what does not fit is refused and the stream goes on", async (store) => {
  await withInstances([store.kv], async (instance) => {
    await instance.appendBody(bytesOf(10));
    await assertRejects(() => instance.appendBody(new Uint8Array(700_001)), TooLargeError);
    const event = { type: "chunk", schema: 1, data: { label: "x".repeat(60_000) } };
    await assertRejects(
      () => instance.bodies.append({ event, body: bytesOf(5), meta: meta("large") }),
      TooLargeError,
    );
    const remember = { scope: "s", key: "k", requestHash: "h", answer: "漢".repeat(40_000) };
    await assertRejects(() => instance.bodies.append(null, remember), TooLargeError);
    await instance.appendBody(bytesOf(20));
    const { stored } = await soundLog(store.plain);
    assertEquals(stored.map(({ version }) => version), [1, 2]);
  });
});

testOnEngines("an answer is remembered with the append, once", async (store) => {
  await withInstances([store.kv, await store.second()], async (one, two) => {
    const remember = (answer: unknown) => ({ scope: "batch", key: "k", requestHash: "h", answer });
    const event = { type: "chunk", schema: 1, data: { label: "once" } };
    const content = { event, body: bytesOf(70_000), meta: meta("once") };
    const positions = await Promise.all([
      one.bodies.append(content, remember(1)),
      two.bodies.append(content, remember(2)),
      one.bodies.append(content, remember(3)),
    ]);
    const given = positions.filter((position) => position !== null);
    assertEquals(given.length, 1);
    const stored = await rememberedAnswer(store.plain, "batch", "k");
    assertEquals(stored?.position, given[0]);
    assertEquals(stored?.answer, positions.indexOf(given[0]!) + 1);
    // Nothing but an answer: no row of the log.
    const empty = await one.bodies.append(null, { ...remember(4), key: "k2" });
    assert(parsePosition(empty!));
    assertEquals((await rememberedAnswer(store.plain, "batch", "k2"))?.position, empty);
    assertEquals((await soundLog(store.plain)).events.length, 1);
    await one.tail.readOwnWrites();
  });
});

testOnEngines("a lost reply, a re-sent or a late commit stores a chunk once", async (store) => {
  const kv = new FaultyKv(store.kv);
  await withInstances([kv.asKv()], async (instance) => {
    const expected: string[] = [];
    for (const fault of ["throw after", "resend", "late", "throw before", "busy"] as const) {
      kv.fail(fault, { method: "commit", setsPrefix: ["default", "body"] });
      expected.push((await instance.appendBody(bytesOf(expected.length + 1), fault))!);
      await kv.heal();
    }
    const log = await soundLog(store.plain);
    assertEquals(log.events.map(({ position }) => position), expected);
    assertEquals(log.stored.map(({ version }) => version), [1, 2, 3, 4, 5]);
  });
});

testOnEngines("after a chunk of unknown fate the writer starts another stream", async (store) => {
  const kv = new FaultyKv(store.kv);
  await withInstances([kv.asKv()], async (instance) => {
    await instance.appendBody(bytesOf(10), "first");
    kv.fail("late", { method: "commit" });
    kv.fail("throw before", { method: "get", times: 1_000_000 });
    await withSkippingClock(() =>
      assertRejects(() => instance.appendBody(bytesOf(20), "unknown"), StoreUnavailableError)
    );
    // Now it is stored, though its caller was told that nobody knows.
    await kv.heal();
    await instance.appendBody(bytesOf(30), "after");
    const { stored } = await soundLog(store.plain);
    assertEquals(stored.map(({ version }) => version), [1, 2, 1]);
    assertEquals(stored[0]!.stream, stored[1]!.stream);
  });
  await withInstances([store.plain], async (fresh) => {
    await fresh.tail.poll();
    assertEquals(fresh.seen.map(({ body }) => body!.length), [10, 20, 30]);
  });
}, [fileEngine, memoryEngine]);

Deno.test("an altered or missing body is not handed on", async () => {
  const kv = await Deno.openKv(":memory:");
  try {
    const instance = await Instance.open(kv);
    await instance.appendBody(bytesOf(100));
    await instance.close();
    for await (const { key } of kv.list({ prefix: ["default", "body"] })) {
      for (const change of [() => kv.set(key, bytesOf(99)), () => kv.delete(key)]) {
        await change();
        const reader = await openLog(kv, (stored) => stored);
        await assertRejects(() => reader.read(cursorAtStart).next(), LogDamagedError);
      }
    }
  } finally {
    kv.close();
  }
});

testOnEngines("other keys change with the event, or neither does", async (store) => {
  await withInstances([store.kv, await store.second()], async (one, two) => {
    const state = ["also", "state"], guard = ["also", "guard"];
    const also = (value: number, versionstamp: string | null, more = {}) => ({
      checks: 1,
      mutations: 2,
      bytes: 100,
      keyBytes: 100,
      add: (operation: Deno.AtomicOperation) =>
        void operation.check({ key: guard, versionstamp }).set(state, value).set(guard, value),
      ...more,
    });
    // An event needs no body.
    const content = (label: string) => ({
      event: { type: "chunk", schema: 1, data: { label } },
      meta: meta(label),
    });
    const positions = await Promise.all([
      one.bodies.append(content("one"), undefined, also(1, null)),
      two.bodies.append(content("two"), undefined, also(2, null)),
    ]);
    const stored = positions.findIndex((position) => position !== null);
    assertEquals(positions.filter((position) => position !== null).length, 1);
    const entry = await store.plain.get(state);
    assertEquals(entry.value, stored + 1);
    assertEquals(entry.versionstamp, parsePosition(positions[stored]!)!.versionstamp);
    for (
      const tooMuch of [{ checks: 10 }, { mutations: 900 }, { bytes: 700_000 }, {
        keyBytes: 70_000,
      }]
    ) {
      await assertRejects(
        () => one.bodies.append(content("large"), undefined, also(3, null, tooMuch)),
        TooLargeError,
      );
    }
    const { versionstamp } = await store.plain.get(guard);
    assert(await one.bodies.append(content("next"), undefined, also(4, versionstamp)) !== null);
    assertEquals((await store.plain.get(state)).value, 4);
    assertEquals((await soundLog(store.plain)).events.length, 2);
    await one.tail.readOwnWrites();
  });
});
