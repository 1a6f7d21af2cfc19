/** The heap of due times, held against a list that is sorted anew for every question. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { DueTimes } from "../../src/scheduler/due_times.ts";
import { law } from "../support/laws.ts";

class NaiveDueTimes {
  readonly #times: { stream: string; atMs: number }[] = [];

  set(stream: string, atMs: number | null): void {
    const index = this.#times.findIndex((time) => time.stream === stream);
    if (index >= 0) this.#times.splice(index, 1);
    if (atMs !== null) this.#times.push({ stream, atMs });
  }

  get next(): number | null {
    return this.#times.map(({ atMs }) => atMs).sort((a, b) => a - b)[0] ?? null;
  }

  due(nowMs: number): { stream: string; atMs: number }[] {
    return this.#times.filter(({ atMs }) => atMs <= nowMs).sort((a, b) => a.atMs - b.atMs);
  }

  at(stream: string): number | undefined {
    return this.#times.find((time) => time.stream === stream)?.atMs;
  }
}

Deno.test("due times: nothing is due at first", () => {
  const times = new DueTimes();
  times.set("a", null);
  assertEquals([times.next, times.due(Infinity)], [null, []]);
});

Deno.test("due times: the last word about a stream counts", () => {
  const times = new DueTimes();
  const steps: [stream: string, atMs: number | null, next: number | null][] = [
    ["a", 5, 5],
    ["b", 3, 3],
    ["b", 9, 5],
    ["a", 7, 7],
    ["a", 5, 5],
    ["a", 5, 5],
    ["a", null, 9],
    ["a", 5, 5],
    ["a", null, 9],
    ["b", null, null],
    ["b", 0, 0],
    ["a", -1, -1],
  ];
  for (const [stream, atMs, next] of steps) {
    times.set(stream, atMs);
    assertEquals(times.next, next, `${stream} at ${atMs}`);
  }
});

Deno.test("due times: earliest first, the instant itself included, until they are set anew", () => {
  const times = new DueTimes();
  ["d", "b", "a", "c"].forEach((stream, index) => times.set(stream, 40 - index * 10));
  assertEquals(times.due(9), []);
  assertEquals(times.due(10), ["c"]);
  assertEquals(times.due(39), ["c", "a", "b"]);
  assertEquals(times.due(40), ["c", "a", "b", "d"]);
  assertEquals(times.due(40), ["c", "a", "b", "d"]);
  times.set("a", null);
  times.set("c", 35);
  assertEquals(times.due(35), ["b", "c"]);
});

const stream = fc.constantFrom("a", "b", "c", "d", "e", "__proto__");
const step = fc.record({
  stream,
  atMs: fc.option(fc.integer({ min: 0, max: 20 }), { freq: 4 }),
  nowMs: fc.integer({ min: 0, max: 20 }),
  /** Stale entries stay until somebody asks. */
  asks: fc.boolean(),
});

Deno.test("due times: any sets and questions answer as a sorted list does", () => {
  law(fc.array(step, { maxLength: 200, size: "max" }), (steps) => {
    const times = new DueTimes();
    const naive = new NaiveDueTimes();
    for (const { stream, atMs, nowMs, asks } of steps) {
      times.set(stream, atMs);
      naive.set(stream, atMs);
      if (!asks) continue;
      assertEquals(times.next, naive.next);
      const due = times.due(nowMs), expected = naive.due(nowMs);
      assertEquals(due.map((one) => naive.at(one)), expected.map(({ atMs }) => atMs));
      assertEquals(due.toSorted(), expected.map(({ stream }) => stream).sort());
    }
    // Taken one after another, they come in order.
    for (let next = naive.next; next !== null; next = naive.next) {
      assertEquals(times.next, next);
      const { stream } = naive.due(next)[0]!;
      times.set(stream, null);
      naive.set(stream, null);
    }
    assertEquals(times.next, null);
  }, 1_000);
});
