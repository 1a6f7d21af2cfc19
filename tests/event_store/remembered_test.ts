/** Idempotency keys: one request, one effect, one answer, however often and wherever it arrives. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { KeyReusedError, rememberedAnswer, TooLargeError } from "../../src/event_store/mod.ts";
import { FaultyKv } from "../support/faulty_kv.ts";
import { testOnEngines } from "../support/engines.ts";
import { loggedSum, range, soundLog, withInstances } from "./counters.ts";

testOnEngines("the same request gets its first answer and position again", async (store) => {
  const remember = { key: "k1" };
  const first = await withOne(store.kv, async (instance) => {
    await instance.add("a", { by: 5 });
    const outcome = await instance.add("a", { remember });
    assertEquals(outcome.remembered, false);
    await instance.add("a", { by: 10 });
    const again = await instance.add("a", { remember });
    assertEquals(again, { ...outcome, remembered: true });
    return outcome;
  });
  await withInstances([await store.reopen()], async (reopened) => {
    assertEquals(await reopened.add("a", { remember }), { ...first, remembered: true });
    const stored = await rememberedAnswer(store.plain, "test", "k1");
    assertEquals(stored?.answer, first.answer);
    assertEquals(stored?.position, first.position);
    assertEquals(await rememberedAnswer(store.plain, "test", "k2"), null);
    assertEquals(loggedSum(await soundLog(store.plain)), 16);
  });
});

testOnEngines("the key with another request is refused, now and later", async (store) => {
  const mine = { key: "k", requestHash: "one" };
  const other = { key: "k", requestHash: "two" };
  await withInstances([store.kv, await store.second()], async (one, two) => {
    const [first, clash] = await Promise.allSettled([
      one.add("a", { remember: mine }),
      one.add("a", { remember: other }),
      one.add("a"),
    ]);
    assertEquals(first.status, "fulfilled");
    assert(clash.status === "rejected" && clash.reason instanceof KeyReusedError);
    await assertRejects(() => one.add("a", { remember: other }), KeyReusedError);
    await assertRejects(() => two.add("a", { remember: other }), KeyReusedError);
    // Another scope has keys of its own.
    const elsewhere = await two.writer.submit({
      decide: () => ({ answer: "free", success: true }),
      remember: { ...other, scope: "elsewhere" },
    });
    assertEquals(elsewhere.answer, "free");
    assertEquals(loggedSum(await soundLog(store.plain)), 2);
  });
});

testOnEngines("a refusal is not remembered", async (store) => {
  await withInstances([store.kv], async (instance) => {
    const remember = { key: "k" };
    const refused = await instance.add("a", { totalMax: 0, remember });
    assertEquals(refused.answer, { refused: "limit" });
    assertEquals(await rememberedAnswer(store.plain, "test", "k"), null);
    const [retried, twin] = await Promise.all([
      instance.add("a", { totalMax: 1, remember }),
      instance.add("a", { totalMax: 1, remember }),
    ]);
    assertEquals(retried.answer, { sum: 1, total: 1 });
    assertEquals(twin, { ...retried, remembered: true });
  });
});

testOnEngines("twins in one batch and in several make one event", async (store) => {
  await withInstances([store.kv], async (instance) => {
    const outcomes = await Promise.all(
      range(600).map((nth) => instance.add("a", { remember: { key: `k${nth % 7}` } })),
    );
    const log = await soundLog(store.plain);
    assertEquals(log.events.length, 7);
    for (const key of range(7)) {
      const twins = outcomes.filter((_, nth) => nth % 7 === key);
      assertEquals(new Set(twins.map(({ position }) => position)).size, 1);
      assertEquals(new Set(twins.map(({ answer }) => JSON.stringify(answer))).size, 1);
      assertEquals(twins.filter(({ remembered }) => !remembered).length, 1);
      assert(log.events.some(({ position }) => position === twins[0]!.position));
    }
  });
});

testOnEngines("twins through two writers make one event", async (store) => {
  await withInstances([store.kv, await store.second()], async (one, two) => {
    for (const round of range(6)) {
      const remember = { key: `k${round}` };
      const outcomes = await Promise.all([
        one.add("a", { remember }),
        two.add("a", { remember }),
        two.add("a", { remember }),
      ]);
      assertEquals(new Set(outcomes.map(({ position }) => position)).size, 1);
      assertEquals(outcomes.filter(({ remembered }) => !remembered).length, 1);
    }
    assertEquals(loggedSum(await soundLog(store.plain)), 6);
  });
});

testOnEngines("a success that appends nothing is remembered with its position", async (store) => {
  await withInstances([store.kv], async (instance) => {
    await instance.add("a");
    const nothing = () =>
      instance.writer.submit({
        decide: (draft) => ({ answer: draft.state("counter:a").sum, success: true }),
        remember: { scope: "test", key: "k", requestHash: "h" },
      });
    const [first, twin] = await Promise.all([nothing(), nothing()]);
    assertEquals(first.position, instance.seen[0]!.position);
    assertEquals(twin, { ...first, remembered: true });
    await instance.add("a");
    assertEquals(await nothing(), { ...first, remembered: true });
    assertEquals(first.answer, 1);
  });
});

testOnEngines("the answer is stored with the events or not at all", async (store) => {
  const kv = new FaultyKv(store.kv);
  await withInstances([kv.asKv()], async (instance) => {
    const held = kv.hold({ method: "commit", setsPrefix: ["default", "cmd"] });
    const answer = instance.add("a", { remember: { key: "k" } });
    await held.arrived;
    assertEquals(await rememberedAnswer(store.plain, "test", "k"), null);
    assertEquals((await soundLog(store.plain)).events.length, 0);
    held.release();
    const { position } = await answer;
    assertEquals((await rememberedAnswer(store.plain, "test", "k"))?.position, position);
  });
});

testOnEngines("a key longer than the store takes is refused alone", async (store) => {
  await withInstances([store.kv], async (instance) => {
    const [long, neighbour] = await Promise.allSettled([
      instance.add("a", { remember: { key: "漢".repeat(700) } }),
      instance.add("a", { remember: { key: "short" } }),
    ]);
    assert(long.status === "rejected" && long.reason instanceof TooLargeError);
    assertEquals(neighbour.status, "fulfilled");
  });
});

async function withOne<T>(
  kv: Deno.Kv,
  body: (instance: import("./counters.ts").Instance) => Promise<T>,
): Promise<T> {
  let result: T;
  await withInstances([kv], async (instance) => {
    result = await body(instance);
  });
  return result!;
}
