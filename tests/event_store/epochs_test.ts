/** A log of several epochs: rows of other databases, and after them what this one appends. */
import { assert, assertEquals } from "@std/assert";
import {
  cursorAtStart,
  formatPosition,
  keys,
  logStart,
  openLog,
  parsePosition,
} from "../../src/event_store/mod.ts";
import { engines, fileEngine, memoryEngine, testOnEngines } from "../support/engines.ts";
import { add, loggedSum, range, soundLog, withInstances } from "./counters.ts";

/** Versionstamps of a new database begin again: these are the ones that it gives itself. */
const stampStep = 0x10000;

/** Takes rows and bodies of every epoch over, under other versionstamps, and raises the epoch. */
async function carryOver(from: Deno.Kv, to: Deno.Kv): Promise<void> {
  let nth = 0, epoch = 0;
  for await (const { key, value } of from.list({ prefix: keys.logsPrefix() })) {
    epoch = key.at(-2) as number;
    await to.set(keys.log(epoch, (++nth * stampStep).toString(16).padStart(20, "0")), value);
  }
  for await (const { key, value } of from.list({ prefix: keys.bodyPrefix() })) {
    await to.set(key, value);
  }
  await to.set(keys.meta(), { format: 2, epoch: epoch + 1 });
}

async function threeEpochs(kv: Deno.Kv): Promise<void> {
  const first = await Deno.openKv(":memory:");
  const second = await Deno.openKv(":memory:");
  try {
    await withInstances([first], async (instance) => {
      for (const nth of range(6)) await instance.add(`c${nth % 2}`, { events: nth % 3 + 1 });
      await instance.appendBody(new Uint8Array(70_000).fill(1));
    });
    await carryOver(first, second);
    await withInstances([second], async (instance) => {
      for (const nth of range(4)) await instance.add(`c${nth % 3}`, { by: 10 });
      await instance.appendBody(new Uint8Array(10).fill(2));
    });
    await carryOver(second, kv);
  } finally {
    first.close();
    second.close();
  }
}

testOnEngines(
  "what is appended comes after every epoch before, whatever its stamps",
  async (store) => {
    await threeEpochs(store.plain);
    const before = await soundLog(store.plain);
    assertEquals([...new Set(before.events.map(epochOf))], [1, 2]);
    await withInstances([store.kv], async (instance) => {
      const sum = loggedSum(before);
      for (const nth of range(20)) {
        const { answer, position } = await instance.add("c1");
        assertEquals("total" in answer && answer.total, sum + nth + 1);
        assertEquals(parsePosition(position)!.epoch, 3);
        assert(position > before.events.at(-1)!.position);
        assertEquals(instance.seen.at(-1)!.position, position, "an own write is not read");
      }
      await Promise.all(range(300).map(() => instance.add("c2")));
      const after = await soundLog(store.plain);
      assertEquals(after.stored.slice(0, before.stored.length), before.stored);
      assertEquals(instance.seen.map(({ hash }) => hash), after.stored.map(({ hash }) => hash));
      assertEquals(instance.seen.map(({ position }) => position), positionsOf(after.events));
      assertEquals(loggedSum(after), sum + 320);
    });
  },
  engines.filter(({ faulty }) => !faulty),
);

testOnEngines("a read from anywhere goes through the epochs after it", async (store) => {
  await threeEpochs(store.plain);
  await withInstances([store.kv], async (instance) => {
    for (const _ of range(5)) await instance.add("c0");
    const { events, stored } = await soundLog(store.plain);
    const { reader } = instance;
    for (const [index, { position, hash, timeMs }] of events.entries()) {
      assertEquals(await reader.hashAt(position), hash);
      assertEquals((await reader.readAt([position]))[0]!.hash, hash);
      const { epoch, versionstamp } = parsePosition(position)!;
      const row = await reader.storedRow(epoch, versionstamp);
      assert(row!.some((event) => event.hash === stored[index]!.hash));
      const rowEnd = events.findLastIndex((event) => rowOf(event.position) === rowOf(position));
      const after: string[] = [];
      for await (const read of reader.read({ position, timeMs })) {
        after.push(...positionsOf(read.events));
      }
      assertEquals(after, positionsOf(events.slice(rowEnd + 1)));
      const from: string[] = [];
      for await (const read of reader.readRowsFrom(position)) {
        from.push(...positionsOf(read.events));
      }
      const rowStart = events.findIndex((event) => rowOf(event.position) === rowOf(position));
      assertEquals(from, positionsOf(events.slice(rowStart)));
    }
    assertEquals(rowOf((await reader.end())!), rowOf(events.at(-1)!.position));
    const elsewhere = formatPosition(9, "0".repeat(20), 0);
    for await (const _ of reader.read({ position: elsewhere, timeMs: 0 })) assert(false);
    for await (const _ of reader.readRowsFrom(elsewhere)) assert(false);
    assertEquals(await reader.hashAt(elsewhere), null);
  });
}, [fileEngine, memoryEngine]);

testOnEngines("two instances agree over an epoch's end", async (store) => {
  await threeEpochs(store.plain);
  await withInstances([store.kv, await store.second()], async (one, two) => {
    const before = loggedSum(await soundLog(store.plain));
    await Promise.all(range(40).map((nth) => (nth % 2 ? one : two).add("c0", { totalMax: 60 })));
    const log = await soundLog(store.plain);
    assertEquals(loggedSum(log), Math.max(before, 60));
    await Promise.all([one.tail.poll(), two.tail.poll()]);
    for (const { seen } of [one, two]) {
      assertEquals(positionsOf(seen), positionsOf(log.events));
    }
  });
});

testOnEngines("the end of a log without own rows is that of the epochs before", async (store) => {
  await threeEpochs(store.plain);
  const { events } = await soundLog(store.plain);
  const reader = await openLog(store.plain, (stored) => stored);
  assertEquals(reader.epoch, 3);
  assertEquals(rowOf((await reader.end())!), rowOf(events.at(-1)!.position));
  const read: string[] = [];
  for await (const row of reader.read(cursorAtStart)) read.push(...positionsOf(row.events));
  assertEquals(read, positionsOf(events));
  assert(read[0]! > logStart);
  await withInstances([store.plain], async (instance) => {
    await instance.tail.readOwnWrites();
    const refused = await instance.writer.submit(add("c0", { totalMax: 0 }));
    assertEquals(refused.position, instance.tail.cursor.position);
  });
}, [memoryEngine]);

function epochOf({ position }: { position: string }): number {
  return parsePosition(position)!.epoch;
}

function rowOf(position: string): string {
  return position.slice(0, -5);
}

function positionsOf(events: readonly { position: string }[]): string[] {
  return events.map(({ position }) => position);
}
