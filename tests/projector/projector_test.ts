/** Rows and checkpoint: every event counts once, however often a process crashes between them. */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import fc from "fast-check";
import type { RecordedEvent } from "../../events/recorded_event.ts";
import { keys, logStart } from "../../src/event_store/mod.ts";
import { Mounted, ProjectionStoppedError, RowDamagedError, Slot } from "../../src/projector/mod.ts";
import { Instance, range } from "../event_store/counters.ts";
import { engines, seed, testOnEngines } from "../support/engines.ts";
import { type Fault, FaultyKv } from "../support/faulty_kv.ts";
import {
  assertFresh,
  assertSameRows,
  counterRows,
  everyProjection,
  freshRows,
  Process,
  rowsOf,
  storedRows,
} from "./projections.ts";

const checkpointCommit = { method: "commit", setsPrefix: ["default", "cp"] } as const;
/** A start reads without trying again, so random faults are no part of this contract. */
const reliable = engines.filter(({ faulty }) => !faulty);
/** A row of a few values; some of them fill a commit. */
const paddingBytes = 200_000;

async function withMemory(body: (kv: Deno.Kv, log: Instance) => Promise<void>): Promise<void> {
  const kv = await Deno.openKv(":memory:");
  const log = await Instance.open(kv);
  try {
    await body(kv, log);
  } finally {
    await log.close();
    kv.close();
  }
}

async function addSome(log: Instance, count: number, counters = 5): Promise<void> {
  await Promise.all(range(count).map((nth) => log.add(`c${nth % counters}`, { by: nth + 1 })));
}

testOnEngines("flushed, reopened and folded further is as never stopped", async (store) => {
  const log = await Instance.open(store.plain);
  try {
    const creates = everyProjection(20_000);
    await addSome(log, 10);
    const first = await Process.open(store.plain, creates);
    await first.flush();
    await addSome(log, 7);
    await first.poll();
    const second = await Process.open(store.plain, creates);
    // It began at the checkpoint, not at the beginning.
    assert(second.loadedFrom > logStart);
    await assertFresh(store.plain, second);
    await second.flush();
    for (const one of second.mounted) {
      assertSameRows(await storedRows(store.plain, one), await freshRows(store.plain, one.create));
      assertEquals(one.checkpointPosition, second.tail.cursor.position);
    }
    const third = await Process.open(await store.reopen(), creates);
    await assertFresh(store.plain, third);
    assertEquals(third.loadedFrom, second.tail.cursor.position);
  } finally {
    await log.close();
  }
}, reliable);

/** How many commits a flush takes. */
async function commitsOfFlush(): Promise<number> {
  let commits = 0;
  await withMemory(async (plain, log) => {
    const kv = new FaultyKv(plain);
    await addSome(log, 12, 12);
    const process = await Process.open(kv.asKv(), [counterRows({ paddingBytes })]);
    const before = kv.calls.commit;
    await process.flush();
    commits = kv.calls.commit - before;
  });
  return commits;
}

for (const fault of ["throw before", "throw after", "late", "resend"] as Fault[]) {
  Deno.test(`a flush that dies at any of its commits leaves every row right: ${fault}`, async () => {
    const commits = await commitsOfFlush();
    assert(commits >= 3, `${commits} commits`);
    const creates = [counterRows({ paddingBytes })];
    for (const flushedBefore of [false, true]) {
      for (const dying of range(commits)) {
        await withMemory(async (plain, log) => {
          const kv = new FaultyKv(plain);
          await addSome(log, 12, 12);
          const crashing = await Process.open(kv.asKv(), creates);
          if (flushedBefore) {
            await crashing.flush();
            await addSome(log, 12, 12);
            await crashing.poll();
          }
          kv.fail(fault, { ...checkpointCommit, skip: dying, times: 1_000_000 });
          const flushed = crashing.flush();
          if (fault === "resend") await flushed;
          else await assertRejects(() => flushed, Error, "the store failed");
          await kv.heal();
          // More happens before anybody looks again.
          await addSome(log, 5, 3);
          const reopened = await Process.open(plain, creates);
          await assertFresh(plain, reopened);
          await reopened.flush();
          const one = reopened.mounted[0]!;
          assertSameRows(await storedRows(plain, one), await freshRows(plain, one.create));
          // The one that did not die after all goes on as well.
          await crashing.poll();
          await crashing.flush();
          await assertFresh(plain, crashing);
          await assertFresh(plain, await Process.open(plain, creates));
        });
      }
    }
  });
}

Deno.test("events that come during a flush count once", async () => {
  await withMemory(async (plain, log) => {
    const kv = new FaultyKv(plain);
    await addSome(log, 12, 12);
    const creates = [counterRows({ paddingBytes })];
    const process = await Process.open(kv.asKv(), creates);
    const held = kv.hold({ ...checkpointCommit, skip: 1 });
    const flushed = process.flush();
    await held.arrived;
    await addSome(log, 12, 12);
    await process.poll();
    held.release();
    await flushed;
    // Rows of the later commits are ahead of the checkpoint.
    assert(process.mounted[0]!.checkpointPosition < process.tail.cursor.position);
    await assertFresh(plain, await Process.open(plain, creates));
    await process.flush();
    assertEquals(process.mounted[0]!.checkpointPosition, process.tail.cursor.position);
    assertSameRows(await storedRows(plain, process.mounted[0]!), rowsOf(process.mounted[0]!.model));
  });
});

testOnEngines("two projectors that flush in turn keep the rows right", async (store) => {
  const log = await Instance.open(store.plain);
  try {
    const creates = everyProjection(1_000);
    const plain = store.plain;
    const one = await Process.open(plain, creates);
    const two = await Process.open(plain, creates);
    for (const round of range(5)) {
      await addSome(log, 3 + round, 4);
      const [first, second] = round % 2 === 0 ? [one, two] : [two, one];
      if (round % 3 === 0) await second!.poll();
      await first!.poll();
      await first!.flush();
      // The checkpoint moved: the other one notices, and writes at its next turn.
      await second!.flush();
      await assertFresh(plain, await Process.open(plain, creates));
    }
    await Promise.all([one.poll(), two.poll()]);
    for (const process of [one, two, one]) {
      await addSome(log, 2);
      await process.poll();
      await process.flush();
      await process.flush();
      for (const mounted of process.mounted) {
        assertEquals(mounted.checkpointPosition, process.tail.cursor.position, mounted.name);
        assertSameRows(await storedRows(plain, mounted), await freshRows(plain, mounted.create));
      }
    }
  } finally {
    await log.close();
  }
}, reliable);

Deno.test("an instance that is behind does not write over one that is ahead", async () => {
  await withMemory(async (plain, log) => {
    const creates = everyProjection(0);
    await log.add("a");
    const behind = await Process.open(plain, creates);
    await behind.flush();
    const ahead = await Process.open(plain, creates);
    await log.add("a");
    await behind.poll();
    await log.add("a");
    await ahead.poll();
    await ahead.flush();
    await behind.flush();
    // By now it knows the checkpoint: still it has nothing to say.
    await behind.flush();
    await log.add("b");
    await ahead.poll();
    await ahead.flush();
    await ahead.flush();
    for (const one of ahead.mounted) {
      assertEquals(one.checkpointPosition, ahead.tail.cursor.position);
      assertSameRows(await storedRows(plain, one), await freshRows(plain, one.create));
    }
    await behind.poll();
    await behind.flush();
    await assertFresh(plain, await Process.open(plain, creates));
  });
});

Deno.test("the store's own rows may be ahead of the checkpoint too", async () => {
  const creates = everyProjection(0).slice(1);
  // Names so long that their keys fill more than a commit.
  const name = (nth: number) => String(nth).padEnd(500, "n");
  for (const dying of range(4)) {
    await withMemory(async (plain, log) => {
      const kv = new FaultyKv(plain);
      await Promise.all(range(200).map((nth) => log.add(name(nth))));
      const crashing = await Process.open(kv.asKv(), creates);
      kv.fail("throw before", { ...checkpointCommit, skip: dying });
      await assertRejects(() => crashing.flush(), Error, "the store failed");
      await Promise.all(range(20).map((nth) => log.add(name(nth * 7))));
      const reopened = await Process.open(plain, creates);
      await assertFresh(plain, reopened);
      await reopened.flush();
      await assertFresh(plain, await Process.open(plain, creates));
    });
  }
});

for (const fault of ["throw after", "resend"] as Fault[]) {
  Deno.test(`the first flush is stored and its reply lost, the next ones work: ${fault}`, async () => {
    await withMemory(async (plain, log) => {
      const kv = new FaultyKv(plain);
      await addSome(log, 5);
      const { mounted, poll, flush } = bound(await Process.open(kv.asKv(), [counterRows()]));
      kv.fail(fault, checkpointCommit);
      await flush().catch(() => {});
      await addSome(log, 5);
      await poll();
      await flush();
      assertEquals(await mounted.flush(), true);
      assertEquals(mounted.checkpointPosition, mounted.cursor.position);
    });
  });
}

Deno.test("a flush takes rows whose keys are long", async () => {
  await withMemory(async (plain, log) => {
    // The engine takes 80 KiB of keys in a commit.
    await Promise.all(range(1_000).map((nth) => log.add(`c${nth}`)));
    const creates = [counterRows({ rowKey: (stream) => stream.padEnd(400, "-") })];
    const process = await Process.open(plain, creates);
    await process.flush();
    assertEquals(process.mounted[0]!.checkpointPosition, process.tail.cursor.position);
    const reopened = await Process.open(plain, creates);
    assertEquals(reopened.loadedFrom, process.tail.cursor.position);
    await assertFresh(plain, reopened);
  });
});

Deno.test("a row that another instance rewrites while it is read is read whole", async () => {
  await withMemory(async (plain) => {
    const slot = new Slot(plain, "torn", "1.1");
    const bytesOf = (digit: number) => new Uint8Array(150_000).fill(digit);
    const row = (digit: number) => ({ key: "m", bytes: bytesOf(digit), through: logStart });
    const small = (key: string) => ({ key, bytes: new Uint8Array([0]), through: logStart });
    const before = range(255).map((nth) => small(`a${String(nth).padStart(4, "0")}`));
    const place = { position: logStart, timeMs: 0, hash: "" };
    const live = { expected: null };
    const written = async (digit: number, from: string | null) =>
      await slot.write({ value: place, versionstamp: from }, place, [
        ...(from === null ? before : []),
        row(digit),
        ...(from === null ? [small("z")] : []),
      ], live);
    let versionstamp = await written(1, null);
    let digit = 1;
    // Between any two rows that the reader takes, another instance writes.
    for await (const read of slot.rows()) {
      if (read.key === "m") {
        assertEquals(new Set(read.bytes).size, 1, "half old and half new");
        assertEquals(read.bytes.length, 150_000);
      }
      if (read.key >= "a0250") versionstamp = await written(++digit, versionstamp);
    }
    assert(digit > 3);
  });
});

Deno.test("a row shrinks and grows again", async () => {
  await withMemory(async (plain) => {
    const slot = new Slot(plain, "sizes", "1.1");
    let versionstamp: string | null = null;
    for (const length of [180_001, 0, 60_000, 130_000, 10, 690_000, 1_500_000, 70_000, 800_000]) {
      const place = { position: logStart, timeMs: 0, hash: "" };
      const bytes = new Uint8Array(length).fill(length % 251);
      versionstamp = await slot.write(
        { value: place, versionstamp },
        place,
        [{ key: "row", bytes, through: logStart }],
        { expected: null },
      );
      const rows = [];
      for await (const row of slot.rows()) rows.push(row);
      assertEquals(rows, [{ key: "row", bytes, through: logStart }]);
    }
  });
});

const large = (digit: number, key = "large") => ({
  key,
  bytes: new Uint8Array(1_500_000 + digit * 10_000).fill(digit),
  through: logStart,
});
const nowhere = { position: logStart, timeMs: 0, hash: "" };

for (const fault of ["throw before", "throw after", "late"] as Fault[]) {
  Deno.test(`a row larger than a commit is the old one or the new one: ${fault}`, async () => {
    for (const key of ["large", "cold/large"]) {
      for (const dying of range(4)) {
        await withMemory(async (plain) => {
          const kv = new FaultyKv(plain);
          const slot = new Slot(kv.asKv(), "large", "1.1");
          const healthy = new Slot(plain, "large", "1.1");
          const write = async (through: Slot, digit: number) => {
            const from = await healthy.checkpoint();
            await through.write(from, nowhere, [large(digit, key)], { expected: null });
          };
          // Null where it is half one row and half another.
          const digit = async () => {
            const [first, ...others] = (await healthy.row(key))!.bytes;
            return others.every((other) => other === first) ? first! : null;
          };
          await write(slot, 1);
          await write(slot, 2);
          kv.fail(fault, { ...checkpointCommit, skip: dying, times: 1_000_000 });
          const commits = kv.calls.commit;
          await write(slot, 3).catch(() => {});
          const died = kv.calls.commit - commits === dying + 1;
          assert(await digit());
          await kv.heal();
          const found = await digit();
          assert(found);
          assertEquals((await healthy.row(key))!.bytes.length, large(found).bytes.length);
          await write(slot, 4);
          assertEquals(await digit(), 4);
          const read = (await healthy.read([key])).get(key)!;
          assertEquals([read.length, read[0], read.at(-1)], [large(4).bytes.length, 4, 4]);
          // Nothing is left of the rows before, nor of the one that was cut off.
          const stored = [];
          for (const prefix of [["default", "rm"], ["default", "rc"]]) {
            for await (const entry of plain.list({ prefix })) stored.push(entry.key);
          }
          assertEquals(stored.length, Math.ceil(large(4).bytes.length / 60_000));
          assert(died || dying === 3);
        });
      }
    }
  });
}

Deno.test("a large row that is rewritten while it is read is read whole", async () => {
  await withMemory(async (plain) => {
    const kv = new FaultyKv(plain);
    const reading = new Slot(kv.asKv(), "large", "1.1");
    const writing = new Slot(plain, "large", "1.1");
    let versionstamp: string | null = null;
    const write = async (digit: number) => {
      const from = { value: nowhere, versionstamp };
      versionstamp = await writing.write(from, nowhere, [large(digit)], { expected: null });
    };
    await write(1);
    for (const digit of range(6).map((nth) => nth + 2)) {
      const held = kv.hold({ method: "list" });
      const read = reading.row("large");
      await held.arrived;
      await write(digit);
      held.release();
      assert((await read)!.bytes.every((byte) => byte === digit));
    }
  });
});

Deno.test("cold rows are not read at a start, and read when asked", async () => {
  await withMemory(async (plain) => {
    const slot = new Slot(plain, "cold", "1.1");
    const bytes = (digit: number) => new Uint8Array(digit * 1_000).fill(digit);
    const rows = range(25).map((nth) => ({
      key: `cold/${nth}`,
      bytes: bytes(nth),
      through: logStart,
    }));
    const hot = { key: "hot", bytes: bytes(1), through: logStart };
    const from = { value: null, versionstamp: null };
    await slot.write(from, nowhere, [hot, ...rows], { expected: null });
    const listed = async (temperature: "hot" | "cold") => {
      const found = [];
      for await (const { key } of slot.rows(temperature)) found.push(key);
      return found.sort();
    };
    assertEquals(await listed("hot"), ["hot"]);
    assertEquals(await listed("cold"), rows.map(({ key }) => key).sort());
    assertEquals(
      await slot.read(rows.map(({ key }) => key)),
      new Map(rows.map(({ key, bytes }) => [key, bytes])),
    );
    await assertRejects(() => slot.read(["cold/1", "cold/none"]), RowDamagedError, "cold/none");
    await slot.clear(null);
    assertEquals([await listed("hot"), await listed("cold")], [[], []]);
  });
});

Deno.test("a poison event stops its projection alone, where all can see it", async () => {
  await withMemory(async (plain, log) => {
    const sick = { name: "sick", poison: 13 };
    const creates = [counterRows(sick), counterRows(), everyProjection(0)[1]!];
    await log.add("a", { by: 1 });
    const process = await Process.open(plain, creates);
    await process.flush();
    await log.add("a", { by: 2 });
    const [, poison] = await Promise.all([
      log.add("a", { by: 3 }),
      log.add("a", { by: 13 }),
      log.add("a", { by: 4 }),
    ]);
    await process.poll();
    await process.flush();
    const [stopped, ...others] = process.mounted;
    assertEquals(stopped!.failure?.position, poison.position);
    assert(stopped!.failure!.error instanceof RangeError);
    assertThrows(
      () => process.projector.assertFolding(stopped!),
      ProjectionStoppedError,
      poison.position,
    );
    for (const other of others) {
      assertEquals(other.failure, null);
      process.projector.assertFolding(other);
      assertEquals(other.checkpointPosition, process.tail.cursor.position);
      assertSameRows(await storedRows(plain, other), await freshRows(plain, other.create));
    }
    // What came before it was folded, the poison and what comes later was not.
    assertEquals(JSON.parse(rowsOf(stopped!.model)["counter:a"]!).sum, 1 + 2 + 3);
    assert(stopped!.checkpointPosition < poison.position);

    const again = await Process.open(plain, creates);
    assertEquals(again.mounted[0]!.failure?.position, poison.position);
    await again.flush();
    // The code is mended: nothing was skipped.
    const mended = await Process.open(plain, [counterRows({ name: "sick" }), ...creates.slice(1)]);
    await mended.flush();
    await assertFresh(plain, mended);
    assertEquals(JSON.parse(rowsOf(mended.mounted[0]!.model)["counter:a"]!).sum, 23);
  });
});

Deno.test("a projection that cannot be flushed does not keep the others from it", async () => {
  await withMemory(async (plain, log) => {
    await addSome(log, 5);
    const broken = () => {
      const model = counterRows({ name: "broken" })();
      model.encodeRow = () => {
        throw new RangeError("no bytes");
      };
      return model;
    };
    const process = await Process.open(plain, [broken, counterRows()]);
    await assertRejects(() => process.flush(), RangeError);
    assertEquals(process.mounted[1]!.checkpointPosition, process.tail.cursor.position);
  });
});

Deno.test("rows of another revision are not used, and stay", async () => {
  await withMemory(async (plain, log) => {
    await addSome(log, 5);
    const old = await Process.open(plain, [counterRows()]);
    await old.flush();
    const creates = [counterRows({ revision: 2, paddingBytes: 10 })];
    const raised = await Process.open(plain, creates);
    assertEquals(raised.loadedFrom, logStart);
    await raised.flush();
    await assertFresh(plain, raised);
    assertEquals([old.mounted[0]!.slotName, raised.mounted[0]!.slotName], ["1.1", "2.1"]);
    // The instance with the old code writes no more into a slot that nobody reads.
    await addSome(log, 5);
    await old.poll();
    assertEquals(await old.mounted[0]!.flush(), false);
    assertEquals((await Process.open(plain, creates)).loadedFrom, raised.tail.cursor.position);
    assertSameRows(
      await storedRows(plain, old.mounted[0]!),
      await freshRows(plain, counterRows(), raised.tail.cursor.position),
    );
  });
});

Deno.test("a slot that another instance switched to is loaded beside the old one", async () => {
  await withMemory(async (plain, log) => {
    await addSome(log, 5);
    const process = await Process.open(plain, [counterRows()]);
    await process.flush();
    const [mounted] = process.mounted;
    assertEquals(await mounted!.switched(), false);
    // As a rebuild does it: another slot, then the one key.
    const live = await plain.get<{ slot: string }>(keys.live("counters"));
    const model = counterRows()();
    const rebuilt = new Slot(plain, "counters", "1.2");
    for await (const row of process.reader.readRowsFrom(logStart)) {
      row.events.forEach((e) => model.fold(e));
    }
    const place = { ...process.tail.cursor, hash: log.seen.at(-1)!.hash };
    const rows = [...model.rowKeys()].map((key) => ({
      key,
      bytes: model.encodeRow(key),
      through: place.position,
    }));
    await rebuilt.write(await rebuilt.checkpoint(), place, rows, {
      expected: live.versionstamp,
      value: { slot: "1.2", previous: "1.1" },
    });
    await addSome(log, 5);
    await process.poll();
    assertEquals(await mounted!.flush(), false);
    assertEquals(await mounted!.switched(), true);
    const fresh = mounted!.beside();
    await fresh.load(process.reader);
    for await (const row of process.reader.read(fresh.cursor)) {
      row.events.forEach((e) => fresh.fold(e));
    }
    mounted!.takeOver(fresh);
    assertEquals(mounted!.slotName, "1.2");
    assertEquals(await mounted!.switched(), false);
    assertEquals(await mounted!.flush(), true);
    await assertFresh(plain, process);
    await assertFresh(plain, await Process.open(plain, [counterRows()]));
  });
});

Deno.test("a checkpoint of another log is noticed", async () => {
  await withMemory(async (plain, log) => {
    await addSome(log, 5);
    const process = await Process.open(plain, [counterRows()]);
    await process.flush();
    for await (const { key } of plain.list({ prefix: keys.logPrefix(1) })) await plain.delete(key);
    await assertRejects(
      () => Process.open(plain, [counterRows()]),
      Error,
      "the database was replaced",
    );
  });
});

Deno.test("a projection is shown again what it keeps in memory only", async () => {
  await withMemory(async (plain, log) => {
    await addSome(log, 6);
    let from: string | undefined = logStart;
    const recalled: string[] = [];
    const create = () =>
      Object.assign(counterRows()(), {
        recallFrom: () => from,
        recall: ({ position }: { position: string }) => void recalled.push(position),
      });
    const first = await Process.open(plain, [create]);
    assertEquals(recalled, []);
    await first.flush();
    const flushed = log.seen.map(({ position }) => position);
    await addSome(log, 6);
    await Process.open(plain, [create]);
    assertEquals(recalled, flushed);
    recalled.length = 0;
    await log.add("last");
    from = undefined;
    await Process.open(plain, [create]);
    assertEquals(recalled, []);
  });
});

Deno.test("mounted models load and fold each from its own checkpoint", async () => {
  await withMemory(async (plain, log) => {
    await addSome(log, 5);
    await (await Process.open(plain, [counterRows({ name: "one" })])).flush();
    await addSome(log, 5);
    await (await Process.open(plain, [counterRows({ name: "two" })])).flush();
    await addSome(log, 5);
    const both = ["one", "two", "new"].map((name) => counterRows({ name }));
    const process = await Process.open(plain, both);
    assertEquals(process.loadedFrom, logStart);
    await assertFresh(plain, process);
    assert(process.mounted[0] instanceof Mounted);
  });
});

type Step =
  | { kind: "add"; counter: number; by: number; events: number }
  | { kind: "poll" | "flush" | "reopen"; process: number }
  | { kind: "crash"; process: number; fault: Fault; skip: number };

const process = fc.nat({ max: 1 });
const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constant("add" as const),
      counter: fc.nat({ max: 6 }),
      by: fc.integer({ min: -9, max: 9 }),
      events: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 4,
    arbitrary: fc.record({
      kind: fc.constantFrom("poll" as const, "flush" as const, "reopen" as const),
      process,
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      kind: fc.constant("crash" as const),
      process,
      fault: fc.constantFrom<Fault>("throw before", "throw after", "late", "resend", "busy"),
      skip: fc.nat({ max: 3 }),
    }),
  },
);

Deno.test(`rows rebuilt are rows live, whatever happens [seed ${seed}]`, async () => {
  const creates = everyProjection(paddingBytes);
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 30 }), async (steps) => {
      await withMemory(async (plain, log) => {
        const kvs = range(2).map(() => new FaultyKv(plain));
        const processes: Process[] = [];
        for (const kv of kvs) processes.push(await Process.open(kv.asKv(), creates));
        for (const one of steps) {
          if (one.kind === "add") {
            await log.add(`c${one.counter}`, { by: one.by, events: one.events });
            continue;
          }
          const kv = kvs[one.process]!;
          if (one.kind === "crash") {
            kv.fail(one.fault, { ...checkpointCommit, skip: one.skip });
            await processes[one.process]!.flush().catch(() => {});
            await kv.heal();
          } else if (one.kind === "reopen") {
            processes[one.process] = await Process.open(kv.asKv(), creates);
          } else if (one.kind === "poll") await processes[one.process]!.poll();
          else await processes[one.process]!.flush();
          await assertFresh(plain, processes[one.process]!);
        }
        const reopened = await Process.open(plain, creates);
        await assertFresh(plain, reopened);
        for (const process of [...processes, reopened]) {
          await process.poll();
          await process.flush();
          await process.flush();
          await assertFresh(plain, process);
        }
        for (const one of reopened.mounted) {
          assertSameRows(await storedRows(plain, one), await freshRows(plain, one.create));
        }
      });
    }),
    { seed, numRuns: 30, verbose: 1 },
  );
});

Deno.test("rows that are rewritten often are flushed at every third tick", async () => {
  await withMemory(async (plain, log) => {
    const { reader } = await Process.open(plain, [counterRows()]);
    const seldom = new Mounted(plain, counterRows(), {
      exchangeable: true,
      flushedSeldom: true,
    });
    await seldom.load(reader);
    const isFlushedAtTick = async () => {
      await addSome(log, 1);
      for await (const { events } of reader.read(seldom.cursor)) {
        for (const recorded of events) seldom.fold(recorded);
      }
      await seldom.tick();
      return seldom.checkpointPosition === seldom.cursor.position;
    };
    for (const isDue of [false, false, true, false, false]) {
      assertEquals(await isFlushedAtTick(), isDue);
    }
    // Another process is first: this one's turn comes again at the next tick.
    const other = await Process.open(plain, [counterRows()]);
    await other.flush();
    assertEquals(await isFlushedAtTick(), false);
    for (const isDue of [true, false, false, true]) {
      assertEquals(await isFlushedAtTick(), isDue);
    }
  });
});

Deno.test("rows that are rewritten often are written in the order of their keys", async () => {
  await withMemory(async (plain, log) => {
    const { reader } = await Process.open(plain, [counterRows()]);
    const seldom = new Mounted(plain, counterRows({ paddingBytes }), {
      exchangeable: true,
      flushedSeldom: true,
    });
    await seldom.load(reader);
    for (const nth of [3, 1, 5, 2, 4]) await log.add(`c${nth}`, { by: nth });
    for await (const { events } of reader.read(seldom.cursor)) {
      for (const recorded of events) seldom.fold(recorded);
    }
    await seldom.flush();
    const versionstamps: string[] = [];
    for await (const entry of plain.list({ prefix: keys.rowPrefix("counters", "1.1") })) {
      versionstamps.push(entry.versionstamp);
    }
    assert(new Set(versionstamps).size > 1, "it took several commits");
    assertEquals(versionstamps, versionstamps.toSorted());
  });
});

function bound(process: Process) {
  return {
    mounted: process.mounted[0]!,
    poll: () => process.poll(),
    flush: () => process.flush(),
  };
}

Deno.test("a start reads the bodies that a projection is yet to fold, and no others", async () => {
  await withMemory(async (plain, log) => {
    const lengths: number[] = [];
    const reading = (bodiesOf: readonly string[]) => () =>
      Object.assign(counterRows({ name: "reading" })(), {
        bodiesOf,
        fold: ({ body }: RecordedEvent) => void lengths.push(body?.length ?? 0),
        takeDirty: () => ["row"],
        rowKeys: () => ["row"],
        encodeRow: () => new Uint8Array(1),
        loadRow: () => {},
      });
    await log.appendBody(new Uint8Array(10));
    const first = await Process.open(plain, [reading(["chunk"])]);
    await first.flush();
    await log.appendBody(new Uint8Array(20));
    // The other one begins at the log's beginning.
    const second = await Process.open(plain, [reading(["chunk"]), counterRows()]);
    assert(second.loadedFrom === logStart);
    assertEquals(lengths, [10, 20]);
    await Process.open(plain, [reading(["other"])]);
    assertEquals(lengths, [10, 20, 0]);
  });
});

Deno.test("what is shown again is foreseen", async () => {
  await withMemory(async (plain, log) => {
    await addSome(log, 6);
    const foreseen: string[] = [];
    const recalled: string[] = [];
    const create = () =>
      Object.assign(counterRows()(), {
        recallFrom: () => logStart,
        foresee: ({ position }: RecordedEvent) => void foreseen.push(position),
        recall: ({ position }: RecordedEvent) => {
          assertEquals(foreseen.length, 6);
          recalled.push(position);
        },
      });
    const first = await Process.open(plain, [create]);
    await first.flush();
    await addSome(log, 3);
    await Process.open(plain, [create]);
    assertEquals(recalled, foreseen);
    assertEquals(recalled.length, 6);
  });
});
