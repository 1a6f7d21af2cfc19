/** Background work rests in time, and takes turns. */
import { assert, assertEquals } from "@std/assert";
import { Pacer } from "../../src/snapshots/pacer.ts";
import { Turns } from "../../src/snapshots/turns.ts";
import { sleep, until } from "../support/process.ts";

function workMs(ms: number): void {
  const endsAtMs = performance.now() + ms;
  while (performance.now() < endsAtMs);
}

Deno.test("little work is never held up", () => {
  const pacer = new Pacer();
  for (let step = 0; step < 10; step++) assertEquals(pacer.isDue, false, `at step ${step}`);
});

Deno.test("a rest is due after some milliseconds of work, for all who share it", async () => {
  const pacer = new Pacer();
  assertEquals(pacer.isDue, false);
  let steps = 0;
  while (!pacer.isDue) {
    workMs(0.5);
    steps++;
  }
  assert(steps >= 2 && steps <= 20, `after ${steps} steps`);
  const rested: string[] = [];
  const resting = Promise.all([1, 2].map((one) => pacer.rest().then(() => rested.push(`${one}`))));
  assertEquals(pacer.isDue, true);
  await resting;
  assertEquals(rested, ["1", "2"]);
  assertEquals(pacer.isDue, false);
});

Deno.test("waiting for something else is a rest", async () => {
  const pacer = new Pacer();
  for (let wait = 0; wait < 10; wait++) {
    assertEquals(pacer.isDue, false);
    await sleep(15);
  }
});

Deno.test("so many at a time, the others in order; one that fails lets the next one in", async () => {
  const turns = new Turns(2);
  const begun: number[] = [];
  const ends = Array.from({ length: 5 }, () => Promise.withResolvers<void>());
  const all = ends.map(({ promise }, nth) =>
    turns.run(async () => {
      begun.push(nth);
      await promise;
      return nth;
    })
  );
  await until("two have begun", () => begun.length === 2);
  ends[1]!.reject(new Error("failed"));
  await all[1]!.catch(() => {});
  await until("a third has begun", () => begun.length === 3);
  for (const { resolve } of ends) resolve();
  const settled = await Promise.allSettled(all);
  assertEquals(settled.map(({ status }) => status === "fulfilled"), [
    true,
    false,
    true,
    true,
    true,
  ]);
  assertEquals(begun, [0, 1, 2, 3, 4]);
});
