/** What every store must do: append, gather, answer, read. See also the other tests of this folder. */
import { assert, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import {
  formatPosition,
  logStart,
  parsePosition,
  TooLargeError,
} from "../../src/event_store/mod.ts";
import { FaultyKv } from "../support/faulty_kv.ts";
import { engines, testOnEngines } from "../support/engines.ts";
import { add, Instance, loggedSum, range, soundLog, withInstances } from "./counters.ts";

testOnEngines("versions of a stream go up by one from 1", async (store) => {
  await withInstances([store.kv], async (instance) => {
    for (const nth of range(12)) {
      const outcome = await instance.add(nth % 3 === 0 ? "a" : "b");
      assertEquals(outcome.remembered, false);
    }
    const { stored } = await soundLog(store.plain);
    const versions = (stream: string) =>
      stored.filter((event) => event.stream === stream).map(({ version }) => version);
    assertEquals(versions("counter:a"), [1, 2, 3, 4]);
    assertEquals(versions("counter:b"), [1, 2, 3, 4, 5, 6, 7, 8]);
    assertEquals(instance.seen.map(({ hash }) => hash), stored.map(({ hash }) => hash));
  });
});

testOnEngines("commands that come together share commits", async (store) => {
  await withInstances([store.kv], async (instance) => {
    const first = instance.add("a");
    const outcomes = await Promise.all([first, ...range(299).map(() => instance.add("a"))]);
    const log = await soundLog(store.plain);
    assertEquals(log.events.length, 300);
    assert(log.rows.length <= 5, `${log.rows.length} commits for 300 commands`);
    const sums = outcomes.map(({ answer }) => "sum" in answer ? answer.sum : NaN);
    assertEquals(sums, range(300).map((nth) => nth + 1));
  });
});

testOnEngines("an answer comes after its commit, with the position of its event", async (store) => {
  await withInstances([store.kv], async (instance) => {
    await Promise.all(
      range(40).map(async (nth) => {
        const { position } = await instance.add(`c${nth % 5}`, { by: nth });
        const place = parsePosition(position)!;
        const key = ["default", "log", place.epoch, place.versionstamp];
        const entry = await store.plain.get<Uint8Array>(key);
        assert(entry.value, "answered before the commit was stored");
        const row = JSON.parse(new TextDecoder().decode(entry.value));
        assertEquals(row.events[place.index].data, { by: nth });
      }),
    );
  });
});

testOnEngines("nobody is answered while the commit is on its way", async (store) => {
  const kv = new FaultyKv(store.kv);
  await withInstances([kv.asKv()], async (instance) => {
    const held = kv.hold({ method: "commit", setsPrefix: ["default", "log"] });
    let answered = false;
    const one = instance.add("a").then(() => answered = true);
    await held.arrived;
    // Those that come meanwhile are gathered for the next commit.
    const others = range(12).map(() => instance.add("a"));
    await new Promise((resolve) => setTimeout(resolve, 0));
    assertEquals(answered, false);
    assertEquals((await soundLog(store.plain)).events.length, 0);
    held.release();
    await Promise.all([one, ...others]);
    assertEquals((await soundLog(store.plain)).rows, [1, 12]);
  });
});

testOnEngines(
  "many are divided, so that half may come while the others are stored",
  async (store) => {
    await withInstances([store.kv], async (instance) => {
      await Promise.all(range(40).map(() => instance.add("a")));
      assertEquals((await soundLog(store.plain)).rows, [20, 20]);
    });
  },
);

testOnEngines("a refusal or a throw does not spoil its neighbours", async (store) => {
  await withInstances([store.kv], async (instance) => {
    const results = await Promise.allSettled([
      instance.add("a"),
      instance.writer.submit({
        decide: (draft) => {
          // Its events go with it, also those that are already appended.
          add("a").decide(draft);
          add("b").decide(draft);
          throw new RangeError("a bug in a decider");
        },
      }),
      instance.add("a", { totalMax: 1 }),
      instance.writer.submit({
        decide: (draft) => {
          draft.append("counter:a", [{ type: "added", schema: 1, data: { by: NaN } }], {
            actor: "key:test",
            commandId: "x",
            traceId: "x",
          });
          return { answer: null, success: true };
        },
      }),
      instance.add("a", { totalMax: 2 }),
      instance.add("b", { totalMax: 3 }),
    ]);
    const [first, thrown, refused, noJson, second, third] = results;
    assertEquals(first!.status === "fulfilled" && first.value.answer, { sum: 1, total: 1 });
    assert(thrown!.status === "rejected" && thrown.reason instanceof RangeError);
    assertEquals(refused!.status === "fulfilled" && refused.value.answer, { refused: "limit" });
    assert(noJson!.status === "rejected" && noJson.reason instanceof TypeError);
    assertEquals(second!.status === "fulfilled" && second.value.answer, { sum: 2, total: 2 });
    assertEquals(third!.status === "fulfilled" && third.value.answer, { sum: 1, total: 3 });
    assertEquals((await soundLog(store.plain)).events.length, 3);
  });
});

testOnEngines(
  "a command that appends nothing gets the position it was decided on",
  async (store) => {
    await withInstances([store.kv], async (instance) => {
      const empty = await instance.add("a", { totalMax: 0 });
      assertEquals(empty.position, logStart);
      const { position } = await instance.add("a");
      const refused = await instance.add("a", { totalMax: 1 });
      assertEquals(refused.position, position);
      assertEquals((await soundLog(store.plain)).events.length, 1);
    });
  },
);

testOnEngines("a read from a position gives exactly what follows", async (store) => {
  await withInstances([store.kv], async (instance) => {
    for (const nth of range(6)) {
      await Promise.all(range(nth % 3 + 1).map(() => instance.add(`c${nth}`)));
    }
    const { events, rows } = await soundLog(store.plain);
    // A cursor stands at the end of a row, because a reader folds whole rows.
    let rowEnd = 0;
    for (const rowLength of [0, ...rows]) {
      rowEnd += rowLength;
      const last = events[rowEnd - 1];
      const from = last
        ? { position: last.position, timeMs: last.timeMs }
        : { position: logStart, timeMs: 0 };
      assertEquals(await positionsAfter(instance, from), positions(events.slice(rowEnd)));
    }
    for (const [index, { position, hash }] of events.entries()) {
      assertEquals(await readingAgain(() => instance.reader.hashAt(position)), hash);
      const row = await readingAgain(async () => {
        const found = [];
        for await (const { events } of instance.reader.readRowsFrom(position)) {
          found.push(...events);
        }
        return found;
      });
      assertEquals(row.at(-1)!.position, events.at(-1)!.position);
      assert(row.some((event) => event.position === position));
      assert(row.length >= events.length - index);
    }
    const { epoch, versionstamp } = parsePosition(events.at(-1)!.position)!;
    assertEquals(await readingAgain(() => instance.reader.hashAt(logStart)), null);
    const beyond = formatPosition(epoch, versionstamp, 900);
    assertEquals(await readingAgain(() => instance.reader.hashAt(beyond)), null);
  });
});

testOnEngines("rows can be read from the start of the log", async (store) => {
  await withInstances([store.kv], async (instance) => {
    await instance.add("a");
    await instance.add("a");
    const found = await readingAgain(async () => {
      const positions: string[] = [];
      for await (const row of instance.reader.readRowsFrom(logStart)) {
        positions.push(...row.events.map(({ position }) => position));
      }
      return positions;
    });
    assertEquals(found, positions((await soundLog(store.plain)).events));
  });
});

testOnEngines("the tail gives every event once and in order", async (store) => {
  await withInstances([store.kv, await store.second()], async (writing, reading) => {
    const appends = range(60).map(async (nth) => {
      await writing.add(`c${nth % 4}`);
      // Waiting readers ask again in the very moment in which a read ends.
      await Promise.all([reading.tail.poll(), reading.tail.poll().then(() => reading.tail.poll())]);
      await writing.tail.readOwnWrites();
    });
    await Promise.all(appends);
    await reading.tail.poll();
    const expected = positions((await soundLog(store.plain)).events);
    assertEquals(positions(reading.seen), expected);
    assertEquals(positions(writing.seen), expected);
  });
});

testOnEngines("reads asked for one after another never run side by side", async (store) => {
  const kv = new FaultyKv(await store.second());
  await withInstances([store.kv, kv.asKv()], async (writing, reading) => {
    const held = [kv.hold({ method: "list", skip: 1 }), kv.hold({ method: "list" })];
    const first = reading.tail.poll();
    const second = reading.tail.poll();
    // In the moment between the end of the first read and the start of the second.
    const third = first.then(() => reading.tail.poll());
    await held[0]!.arrived;
    await writing.add("a");
    assertEquals(kv.calls.list, 2);
    for (const one of held) one.release();
    await Promise.all([first, second, third]);
    assertEquals(reading.seen.length, 1);
  });
}, engines.filter(({ faulty }) => !faulty));

testOnEngines("a command is taken whenever it comes while another one ends", async (store) => {
  await withInstances([store.kv], async (instance) => {
    for (const turns of range(12)) {
      await instance.add("a");
      for (const _ of range(turns)) await Promise.resolve();
      await settlesWithin(10_000, instance.add("a"));
    }
    assertEquals((await soundLog(store.plain)).events.length, 24);
  });
});

testOnEngines("who has appended waits for its own writes and never for more", async (store) => {
  await withInstances([store.kv], async (instance) => {
    await instance.add("a");
    await instance.tail.readOwnWrites();
    assertEquals(instance.sum("a"), 1);
    // This commit stores an answer and no event: there is no row of the log to wait for.
    await instance.writer.submit({
      decide: () => ({ answer: "nothing to do", success: true }),
      remember: { scope: "test", key: "k", requestHash: "h" },
    });
    await settlesWithin(10_000, instance.tail.readOwnWrites());
  });
});

testOnEngines("an event too large for a commit is refused alone", async (store) => {
  await withInstances([store.kv], async (instance) => {
    const results = await Promise.allSettled([
      instance.add("a"),
      instance.add("a", { note: "x".repeat(60_000) }),
      instance.add("b", { note: "漢".repeat(20_000) }),
      instance.add("b"),
      instance.add("a", { events: 400, note: "many events of one command" }),
      instance.add("a"),
    ]);
    assertEquals(results.map(({ status }) => status), [
      "fulfilled",
      "rejected",
      "rejected",
      "fulfilled",
      "rejected",
      "fulfilled",
    ]);
    for (const result of results) {
      if (result.status === "rejected") assert(result.reason instanceof TooLargeError);
    }
    const log = await soundLog(store.plain);
    assertEquals([loggedSum(log, "a"), loggedSum(log, "b")], [2, 1]);
  });
});

testOnEngines("an answer too large to remember is refused alone", async (store) => {
  await withInstances([store.kv], async (instance) => {
    const answering = (answer: unknown, key: string) =>
      instance.writer.submit({
        decide: (draft) => {
          add("a").decide(draft);
          return { answer, success: true };
        },
        remember: { scope: "test", key, requestHash: "h" },
      });
    const results = await Promise.allSettled([
      instance.add("a"),
      answering("x".repeat(70_000), "one byte a character"),
      // What is stored is V8's form: two bytes for each of these, nine for a fraction.
      answering("漢".repeat(35_000), "two bytes a character"),
      answering(range(14_000).map(() => 0.5), "nine bytes a number"),
      answering("x".repeat(50_000), "fits"),
      answering("漢".repeat(25_000), "fits too"),
      instance.add("a"),
    ]);
    assertEquals(results.map(({ status }) => status), [
      "fulfilled",
      "rejected",
      "rejected",
      "rejected",
      "fulfilled",
      "fulfilled",
      "fulfilled",
    ]);
    for (const result of results) {
      if (result.status === "rejected") assert(result.reason instanceof TooLargeError);
    }
    assertEquals((await soundLog(store.plain)).events.length, 4);
  });
});

testOnEngines("a batch larger than a row goes on in the next commit", async (store) => {
  await withInstances([store.kv], async (instance) => {
    const note = "x".repeat(20_000);
    const outcomes = await Promise.all(range(9).map((nth) => instance.add(`c${nth}`, { note })));
    const log = await soundLog(store.plain);
    assertEquals(log.rows, [2, 2, 2, 2, 1]);
    assertEquals(outcomes.map(({ position }) => position), positions(log.events));
    // In the order in which they came.
    assertEquals(log.stored.map(({ stream }) => stream), range(9).map((nth) => `counter:c${nth}`));
  });
});

testOnEngines(
  "a batch whose remembered answers fill a commit goes on in the next",
  async (store) => {
    await withInstances([store.kv], async (instance) => {
      const outcomes = await Promise.all(
        range(40).map((nth) =>
          instance.writer.submit({
            decide: (draft) => {
              add("a").decide(draft);
              return { answer: "x".repeat(50_000), success: true };
            },
            remember: { scope: "test", key: `k${nth}`, requestHash: "h" },
          })
        ),
      );
      assertEquals(new Set(outcomes.map(({ position }) => position)).size, 40);
      const log = await soundLog(store.plain);
      assertEquals(log.events.length, 40);
      assert(log.rows.length >= 3 && log.rows.length <= 6, `${log.rows}`);
    });
  },
);

testOnEngines("long idempotency keys do not overfill a commit", async (store) => {
  await withInstances([store.kv], async (instance) => {
    // The engine takes 80 KiB of keys in a commit.
    const outcomes = await Promise.all(
      range(128).map((nth) =>
        instance.add("a", { remember: { key: `${nth}`.padEnd(1_200, "k") } })
      ),
    );
    assertEquals(outcomes.length, 128);
    assertEquals((await soundLog(store.plain)).events.length, 128);
  });
});

testOnEngines("a commit has at most ten checks, however many commands it holds", async (store) => {
  // KV Connect takes no more; the other engines would not tell.
  let checksMost = 0;
  const counting = new Proxy(store.kv, {
    get: (kv, name) => {
      const member = Reflect.get(kv, name);
      if (name !== "atomic") return typeof member === "function" ? member.bind(kv) : member;
      return () => {
        const operation = kv.atomic();
        let checks = 0;
        const check = operation.check.bind(operation);
        operation.check = (...more: Deno.AtomicCheck[]) => {
          checksMost = Math.max(checksMost, checks += more.length);
          return check(...more);
        };
        return operation;
      };
    },
  });
  await withInstances([counting], async (instance) => {
    const body = new Uint8Array(200_000);
    await Promise.all([
      ...range(200).map((nth) => instance.add(`c${nth}`, { remember: { key: `k${nth}` } })),
      instance.appendBody(body),
      instance.bodies.append(null, { scope: "b", key: "k", requestHash: "h", answer: 1 }),
    ]);
  });
  assert(checksMost >= 2 && checksMost <= 10, `${checksMost} checks`);
});

testOnEngines("recorded time never decreases though the clock jumps back", async (store) => {
  const clock = [5_000, 9_000, 1_000, 9_500, 2, 9_600];
  let reading = 0;
  const nowMs = () => 1_700_000_000_000 + clock[reading++ % clock.length]!;
  const one = await Instance.open(store.kv, { nowMs });
  const two = await Instance.open(await store.second(), { nowMs });
  try {
    for (const nth of range(12)) await (nth % 2 === 0 ? one : two).add("a");
    const { stored } = await soundLog(store.plain);
    const times = stored.map(({ time }) => time);
    assertEquals(times, times.toSorted());
    assertNotEquals(times[0], times.at(-1));
    assert(times.every((time) => /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/.test(time)));
  } finally {
    await one.close();
    await two.close();
  }
});

testOnEngines("an instance that opens later has the same states", async (store) => {
  await withInstances([store.kv], async (instance) => {
    await Promise.all(range(30).map((nth) => instance.add(`c${nth % 7}`, { by: nth })));
    await instance.appendBody(new Uint8Array([1, 2, 3]));
  });
  await withInstances([await store.reopen()], async (reopened) => {
    await reopened.tail.poll();
    const log = await soundLog(store.plain);
    assertEquals(positions(reopened.seen), positions(log.events));
    for (const nth of range(7)) assertEquals(reopened.sum(`c${nth}`), loggedSum(log, `c${nth}`));
    await reopened.add("c0");
    await soundLog(store.plain);
  });
});

Deno.test("the store of another format is not opened", async () => {
  const kv = await Deno.openKv(":memory:");
  try {
    await kv.set(["default", "meta"], { format: 99, epoch: 1 });
    await assertRejects(() => Instance.open(kv), Error, "format 99");
  } finally {
    kv.close();
  }
});

function positions(events: readonly { position: string }[]): string[] {
  return events.map(({ position }) => position);
}

/** Reads do not try again on their own: on the faulty engine the test does. */
async function readingAgain<T>(read: () => Promise<T>): Promise<T> {
  for (let tries = 0;; tries++) {
    try {
      return await read();
    } catch (error) {
      if (tries === 100 || !/the store failed|locked/.test(`${error}`)) throw error;
    }
  }
}

function positionsAfter(
  instance: Instance,
  from: { position: string; timeMs: number },
): Promise<string[]> {
  return readingAgain(async () => {
    const found: string[] = [];
    for await (const row of instance.reader.read(from)) found.push(...positions(row.events));
    return found;
  });
}

async function settlesWithin(timeoutMs: number, promise: Promise<unknown>): Promise<void> {
  let timer: ReturnType<typeof setTimeout>;
  const timeout = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new Error(`not settled in ${timeoutMs} ms`)), timeoutMs);
  });
  await Promise.race([promise, timeout]).finally(() => clearTimeout(timer));
}
