/** Several writers on one store: both make progress, nothing is lost, every decision is on the truth. */
import { assert, assertEquals } from "@std/assert";
import { FaultyKv } from "../support/faulty_kv.ts";
import { denokvEngine, fileEngine, testOnEngines } from "../support/engines.ts";
import { loggedSum, range, soundLog, withInstances } from "./counters.ts";

testOnEngines("two writers both make progress and lose nothing", async (store) => {
  await withInstances([store.kv, await store.second()], async (one, two) => {
    const outcomes = await Promise.all(
      range(160).map(async (nth) => {
        const instance = nth % 2 === 0 ? one : two;
        // Some come together, some after others: commits of both writers interleave.
        if (nth % 8 >= 4) await instance.add("warm");
        return await instance.add("shared");
      }),
    );
    const log = await soundLog(store.plain);
    assertEquals(loggedSum(log, "shared"), 160);
    assertEquals(loggedSum(log, "warm"), 80);
    // Every answer was decided on everything before it: no sum is given twice.
    const sums = outcomes.map(({ answer }) => "sum" in answer ? answer.sum : NaN);
    assertEquals(sums.toSorted((a, b) => a - b), range(160).map((nth) => nth + 1));
    await Promise.all([one.tail.poll(), two.tail.poll()]);
    assertEquals(
      one.seen.map(({ position }) => position),
      two.seen.map(({ position }) => position),
    );
    assertEquals([one.sum("shared"), two.sum("shared")], [160, 160]);
  });
});

testOnEngines("a limit over all streams is never exceeded by two writers", async (store) => {
  await withInstances([store.kv, await store.second()], async (one, two) => {
    const totalMax = 50;
    const outcomes = [];
    for (const round of range(5)) {
      outcomes.push(
        ...await Promise.all(
          range(24).map((nth) => (nth % 2 === 0 ? one : two).add(`c${round}-${nth}`, { totalMax })),
        ),
      );
    }
    const taken = outcomes.filter(({ answer }) => "sum" in answer);
    assertEquals(taken.length, totalMax);
    assertEquals(loggedSum(await soundLog(store.plain)), totalMax);
  });
});

testOnEngines("who was behind decides anew on what the other appended", async (store) => {
  const kv = new FaultyKv(await store.second());
  await withInstances([store.kv, kv.asKv()], async (quick, slow) => {
    await slow.add("a");
    const held = kv.hold({ method: "commit", setsPrefix: ["default", "log"] });
    const answers = Promise.all([
      slow.add("a", { totalMax: 2 }),
      slow.add("b", { totalMax: 3 }),
    ]);
    await held.arrived;
    await quick.add("c");
    held.release();
    const [first, second] = await answers;
    assertEquals(first.answer, { refused: "limit" });
    assertEquals(second.answer, { sum: 1, total: 3 });
    assertEquals(loggedSum(await soundLog(store.plain)), 3);
  });
});

testOnEngines("what appends nothing is decided on what the other has appended", async (store) => {
  await withInstances([store.kv, await store.second()], async (one, two) => {
    await two.add("a");
    const { position } = await one.add("b");
    // Two has not looked at the log since: nothing to commit, still it must not answer from the past.
    const looked = await two.writer.submit({
      decide: (draft) => ({ answer: draft.state("counter:b").sum, success: false }),
    });
    assertEquals(looked.answer, 1);
    assertEquals(looked.position, position);
    await one.add("b");
    assertEquals((await two.add("c", { totalMax: 3 })).answer, { refused: "limit" });
    await one.add("b", { by: -3 });
    // Refused on what two knew, right on what is true.
    assertEquals((await two.add("c", { totalMax: 1 })).answer, { sum: 1, total: 1 });
  });
});

testOnEngines("chunks of another instance do not make commands wait", async (store) => {
  const kv = new FaultyKv(await store.second());
  await withInstances([store.kv, kv.asKv()], async (chunks, commands) => {
    await commands.add("a");
    const held = kv.hold({ method: "commit", setsPrefix: ["default", "log"] });
    const answer = commands.add("a");
    await held.arrived;
    await chunks.appendBody(new Uint8Array(100));
    const before = kv.calls.commit;
    held.release();
    await answer;
    // The one that was held was stored: the tip had not moved.
    assertEquals(kv.calls.commit, before);
    await soundLog(store.plain);
  });
}, [fileEngine, denokvEngine]);

// Another process opens the file itself: its locks are not this process's.
testOnEngines("two processes write to one store", async (store) => {
  const totalMax = 120;
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--unstable-kv", new URL("second_process.ts", import.meta.url).pathname]
      .concat([store.address!, "100", String(totalMax)]),
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const output = child.output();
  await withInstances([store.kv], async (instance) => {
    // Not before the other one writes too: its first event is awaited.
    while (instance.seen.length === 0) await instance.tail.poll();
    let taken = 0;
    for (const _ of range(10)) {
      const outcomes = await Promise.all(range(10).map(() => instance.add("shared", { totalMax })));
      taken += outcomes.filter(({ answer }) => "sum" in answer).length;
    }
    const { code, stdout, stderr } = await output;
    assertEquals(code, 0, new TextDecoder().decode(stderr));
    const takenByOther = Number(new TextDecoder().decode(stdout).trim());
    assert(taken > 0 && takenByOther > 0, `${taken} here, ${takenByOther} there`);
    assertEquals(taken + takenByOther, totalMax);
    const log = await soundLog(store.plain);
    assertEquals(loggedSum(log, "shared"), totalMax);
  });
}, [fileEngine, denokvEngine]);
