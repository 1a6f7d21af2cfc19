/** Replies that get lost, commits that are sent again, a store that is busy or down. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { StoreUnavailableError } from "../../src/event_store/mod.ts";
import { type Fault, FaultyKv } from "../support/faulty_kv.ts";
import {
  denokvEngine,
  engines,
  fileEngine,
  seed,
  testOnEngines,
  usualFaults,
} from "../support/engines.ts";
import { loggedSum, range, soundLog, withInstances } from "./counters.ts";
import { withSkippingClock } from "./skipping_clock.ts";

/** Where a call that goes wrong is the test's own doing. */
const reliable = engines.filter(({ faulty }) => !faulty);
const logCommit = { method: "commit", setsPrefix: ["default", "log"] } as const;

for (const fault of ["throw after", "resend", "throw before", "late", "busy"] as Fault[]) {
  testOnEngines(`one event and one answer: ${fault}`, async (store) => {
    const kv = new FaultyKv(store.kv);
    await withInstances([kv.asKv()], async (instance) => {
      await instance.add("a");
      kv.fail(fault, logCommit);
      const outcomes = await Promise.all([
        instance.add("a"),
        instance.add("a", { remember: { key: "k" } }),
      ]);
      await kv.heal();
      assertEquals(outcomes.map(({ answer }) => "sum" in answer && answer.sum), [2, 3]);
      const log = await soundLog(store.plain);
      assertEquals(log.rows, [1, 2]);
      assertEquals(
        outcomes.map(({ position }) => position),
        log.events.slice(1).map(({ position }) => position),
      );
      // The writer knows its place: the next commit is the first try.
      const before = kv.calls.commit;
      await instance.add("a");
      assertEquals(kv.calls.commit, before + 1);
    });
  }, reliable);
}

testOnEngines("a lost reply whose read-back fails too is asked for again", async (store) => {
  const kv = new FaultyKv(store.kv);
  await withInstances([kv.asKv()], async (instance) => {
    await instance.add("a");
    kv.fail("throw after", logCommit);
    kv.fail("throw before", { method: "get", times: 3 });
    await instance.add("a");
    assertEquals((await soundLog(store.plain)).rows, [1, 1]);
  });
}, reliable);

testOnEngines("a commit lost before another writer's is decided anew", async (store) => {
  const kv = new FaultyKv(await store.second());
  await withInstances([store.kv, kv.asKv()], async (quick, slow) => {
    await slow.add("a");
    // The first try fails before the store, then another instance comes first.
    kv.fail("throw before", logCommit);
    const readBack = kv.hold({ method: "get" });
    const answer = slow.add("a", { totalMax: 2 });
    await readBack.arrived;
    await quick.add("b");
    readBack.release();
    assertEquals((await answer).answer, { refused: "limit" });
    assertEquals(loggedSum(await soundLog(store.plain)), 2);
  });
}, reliable);

testOnEngines("a late commit does not arrive behind another writer's", async (store) => {
  const kv = new FaultyKv(await store.second());
  await withInstances([store.kv, kv.asKv()], async (quick, slow) => {
    await slow.add("a");
    kv.fail("late", logCommit);
    kv.fail("throw before", { method: "get", times: 1_000_000 });
    await withSkippingClock(() => assertRejects(() => slow.add("a"), StoreUnavailableError));
    await quick.add("b");
    await kv.heal();
    await slow.add("c");
    assertEquals((await soundLog(store.plain)).stored.map(({ stream }) => stream), [
      "counter:a",
      "counter:b",
      "counter:c",
    ]);
  });
}, reliable);

testOnEngines("a busy storm is waited out", async (store) => {
  const kv = new FaultyKv(store.kv);
  await withInstances([kv.asKv()], async (instance) => {
    await instance.add("a");
    for (const method of ["commit", "getMany", "list"] as const) {
      kv.fail("busy", { method, times: 5 });
      // A commit is read back.
      if (method === "commit") kv.fail("busy", { method: "get", times: 5 });
      await Promise.all(
        range(5).map((nth) => instance.add("a", { remember: { key: `${method}${nth}` } })),
      );
    }
    const log = await soundLog(store.plain);
    assertEquals(log.events.length, 16);
    assertEquals(kv.faultCount, 20);
  });
}, reliable);

testOnEngines("a store that stays down is told to the caller, and comes back", async (store) => {
  const kv = new FaultyKv(store.kv);
  await withInstances([kv.asKv()], async (instance) => {
    await instance.add("a");
    kv.fail("throw before", { times: 1_000_000 });
    const results = await withSkippingClock(() =>
      Promise.allSettled([instance.add("a"), instance.add("b"), instance.tail.poll()])
    );
    for (const result of results) {
      assert(result.status === "rejected" && result.reason instanceof StoreUnavailableError);
    }
    assert(instance.tail.failure instanceof StoreUnavailableError);
    await kv.heal();
    await instance.add("a");
    assertEquals(instance.tail.failure, null);
    assertEquals(loggedSum(await soundLog(store.plain), "a"), 2);
  });
}, reliable);

testOnEngines(
  "a stored commit whose own read fails is answered, and folded later",
  async (store) => {
    const kv = new FaultyKv(store.kv);
    await withInstances([kv.asKv()], async (instance) => {
      await instance.add("a");
      kv.fail("throw before", { method: "list", times: 1_000_000 });
      const { answer } = await withSkippingClock(() => instance.add("a"));
      assertEquals(answer, { sum: 2, total: 2 });
      await kv.heal();
      assertEquals((await instance.add("a")).answer, { sum: 3, total: 3 });
      await soundLog(store.plain);
    });
  },
  reliable,
);

testOnEngines("a list that breaks in the middle skips and repeats nothing", async (store) => {
  const kv = new FaultyKv(await store.second());
  await withInstances([store.kv, kv.asKv()], async (writing, reading) => {
    for (const round of range(4)) {
      for (const _ of range(3)) await writing.add("a");
      kv.fail("throw after", { method: "list", times: round });
      await reading.tail.poll();
    }
    assertEquals(reading.seen.map(({ version }) => version), range(12).map((nth) => nth + 1));
  });
}, reliable);

for (const round of range(4)) {
  Deno.test(`nothing is lost or doubled under faults at random [seed ${seed + 100 * round}]`, async () => {
    const plain = await Deno.openKv(":memory:");
    const kvs = range(2).map((nth) =>
      new FaultyKv(plain, { ...usualFaults, seed: seed + 100 * round + nth })
    );
    try {
      await withInstances(kvs.map((kv) => kv.asKv()), async (one, two) => {
        const totalMax = 60;
        const outcomes = await Promise.all(
          range(90).map(async (nth) => {
            const instance = nth % 2 === 0 ? one : two;
            if (nth % 3 === 0) await instance.appendBody(new Uint8Array(nth * 100), `chunk ${nth}`);
            const remember = { key: `k${nth}` };
            const outcome = await instance.add(`c${nth % 4}`, { totalMax, remember });
            if ("sum" in outcome.answer) {
              // The other instance gives the same answer to the same request.
              const again = await (instance === one ? two : one)
                .add(`c${nth % 4}`, { totalMax, remember });
              assertEquals(again, { ...outcome, remembered: true });
            }
            return outcome;
          }),
        );
        for (const kv of kvs) await kv.heal();
        const log = await soundLog(plain);
        assertEquals(loggedSum(log), totalMax);
        assertEquals(log.stored.filter(({ body }) => body).length, 30);
        const given = outcomes.filter(({ answer }) => "sum" in answer);
        assertEquals(
          given.map(({ position }) => position).toSorted(),
          log.events.filter(({ body }) => !body).map(({ position }) => position),
        );
        for (const instance of [one, two]) {
          await instance.tail.poll();
          assertEquals(instance.seen.map(({ hash }) => hash), log.stored.map(({ hash }) => hash));
        }
      });
      assert(kvs.every((kv) => kv.faultCount > 0), "no fault happened");
    } finally {
      for (const kv of kvs) await kv.heal();
      plain.close();
    }
  });
}

testOnEngines("a server that is killed and comes back has each command once", async (store) => {
  await withInstances([store.kv], async (instance) => {
    await instance.add("a");
    const commands = range(40).map((nth) => instance.add("a", { remember: { key: `k${nth}` } }));
    const chunks = range(3).map(() => instance.appendBody(new Uint8Array(5_000)));
    await Promise.all([store.restart!(), ...commands, ...chunks]);
    const log = await soundLog(store.plain);
    assertEquals(loggedSum(log), 41);
    assertEquals(log.events.length, 44);
  });
}, [denokvEngine]);

testOnEngines("two handles on one file wait for each other's locks", async (store) => {
  await withInstances([store.kv, await store.second()], async (one, two) => {
    await Promise.all(
      range(400).map((nth) =>
        nth % 4 === 0
          ? (nth % 8 === 0 ? one : two).appendBody(new Uint8Array(20_000))
          : (nth % 2 === 0 ? one : two).add("a", { note: "x".repeat(500) })
      ),
    );
    const log = await soundLog(store.plain);
    assertEquals(loggedSum(log), 300);
    assertEquals(log.events.length, 400);
  });
}, [fileEngine]);
