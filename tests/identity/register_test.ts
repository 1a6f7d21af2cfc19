/** The identity register: one number for one id, one id for one number, whatever happens meanwhile. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { keys, StoreUnavailableError } from "../../src/event_store/mod.ts";
import { type IdentityKind, IdentityRegister } from "../../src/identity/mod.ts";
import { withSkippingClock } from "../event_store/skipping_clock.ts";
import { usualFaults } from "../support/engines.ts";
import { FaultyKv, type FaultyKvOptions } from "../support/faulty_kv.ts";
import { asyncLaw, seed } from "../support/laws.ts";

async function withKv(body: (kv: Deno.Kv) => Promise<void>): Promise<void> {
  const kv = await Deno.openKv(":memory:");
  try {
    await body(kv);
  } finally {
    kv.close();
  }
}

const idsOf = (count: number, from = 0) =>
  Array.from({ length: count }, (_, index) => `id${from + index}`);

/** The numbers as they are stored; they must be 1, 2, 3, …, and the counter the last of them. */
async function stored(kv: Deno.Kv, kind: IdentityKind): Promise<Map<string, number>> {
  const numbers = new Map<string, number>();
  for await (
    const { key, value } of kv.list<number>({ prefix: keys.identityPrefix(kind) })
  ) {
    numbers.set(key.at(-1) as string, value);
  }
  const sorted = [...numbers.values()].sort((a, b) => a - b);
  assertEquals(sorted, sorted.map((_, index) => index + 1), "numbers are not dense and unique");
  const counter = await kv.get<number>(keys.identityCounter(kind));
  assertEquals(counter.value ?? 0, numbers.size);
  return numbers;
}

function assertWithin(some: ReadonlyMap<string, number>, all: ReadonlyMap<string, number>): void {
  for (const [id, number] of some) assertEquals(number, all.get(id), id);
}

Deno.test("register: numbers are dense from 1 on, the same for the same id", () =>
  withKv(async (kv) => {
    const register = new IdentityRegister(kv);
    assertEquals(register.known("device", "a"), undefined);
    assertEquals(await register.assign("device", ["a", "b"]), new Map([["a", 1], ["b", 2]]));
    assertEquals(await register.assign("device", ["b", "c", "b"]), new Map([["b", 2], ["c", 3]]));
    assertEquals(register.known("device", "c"), 3);
    assertEquals(await register.assign("device", []), new Map());
    // Users and devices have nothing in common; neither has a register that is opened later.
    assertEquals(await register.assign("user", ["c"]), new Map([["c", 1]]));
    const later = new IdentityRegister(kv);
    assertEquals(later.known("device", "c"), undefined);
    assertEquals(await later.assign("device", ["d", "c"]), new Map([["c", 3], ["d", 4]]));
    assertEquals((await stored(kv, "device")).size, 4);
  }));

Deno.test("register: ids are compared as they are", () =>
  withKv(async (kv) => {
    const ids = ["a", "A", "a ", "é", "e\u0301", "__proto__", "constructor", "0", "00", "😀"];
    const numbers = await new IdentityRegister(kv).assign("user", ids);
    assertEquals(new Set(numbers.values()).size, ids.length);
    assertEquals(await stored(kv, "user"), new Map(numbers));
  }));

Deno.test("register: concurrent calls are gathered into few commits", () =>
  withKv(async (plain) => {
    const kv = new FaultyKv(plain);
    const register = new IdentityRegister(kv.asKv());
    const held = kv.hold({ method: "commit" });
    const first = register.assign("device", ["first"]);
    await held.arrived;
    // They come one by one while a commit is under way, and overlap.
    const calls: Promise<ReadonlyMap<string, number>>[] = [];
    for (let nth = 0; nth < 200; nth++) {
      calls.push(register.assign("device", idsOf(5, nth)));
      if (nth % 20 === 0) await Promise.resolve();
    }
    held.release();
    await Promise.all([first, ...calls]);
    const numbers = await stored(plain, "device");
    assertEquals(numbers.size, 1 + 204);
    for (const [nth, call] of calls.entries()) {
      const answer = await call;
      for (const id of idsOf(5, nth)) assertEquals(answer.get(id), numbers.get(id));
    }
    assertEquals(kv.calls.commit, 2);
    // What is known costs nothing.
    const before = { ...kv.calls };
    await Promise.all(calls.map((_, nth) => register.assign("device", idsOf(5, nth))));
    assertEquals(kv.calls, before);
  }));

Deno.test("register: more than a thousand of the longest ids in one call", () =>
  withKv(async (kv) => {
    const ids = Array.from(
      { length: 1_100 },
      (_, index) => String(index).padStart(4, "0") + "漢".repeat(252),
    );
    const numbers = await new IdentityRegister(kv).assign("user", ids);
    assertEquals([...numbers.keys()].sort(), ids);
    assertEquals(await stored(kv, "user"), new Map(numbers));
    // Those of another register are looked up in the same way.
    const later = new IdentityRegister(kv);
    assertEquals(await later.assign("user", ids.toReversed()), new Map([...numbers].reverse()));
  }));

interface Round {
  readonly registers: readonly number[];
  readonly from: number;
  readonly count: number;
}

const rounds = fc.array(
  fc.array(
    fc.record({
      registers: fc.uniqueArray(fc.nat(1), { minLength: 1 }),
      from: fc.nat(40),
      count: fc.integer({ min: 1, max: 30 }),
    }),
    { minLength: 1, maxLength: 4 },
  ),
  { minLength: 1, maxLength: 12 },
);

/** Two registers over one store; in each round all of its calls are made at once. */
async function race(rounds: readonly (readonly Round[])[], options: FaultyKvOptions) {
  await withKv(async (plain) => {
    const handles = [0, 1].map((nth) => new FaultyKv(plain, { ...options, seed: seed + nth }));
    const registers = handles.map((kv) => new IdentityRegister(kv.asKv()));
    const given: ReadonlyMap<string, number>[] = [];
    for (const round of rounds) {
      await Promise.all(
        round.flatMap(({ registers: chosen, from, count }) =>
          chosen.map(async (nth) => {
            const ids = idsOf(count, from);
            const numbers = await registers[nth]!.assign("device", ids);
            for (const id of ids) assert(numbers.has(id), `${id} has no number`);
            given.push(numbers);
          })
        ),
      );
    }
    for (const kv of handles) await kv.heal();
    const all = await stored(plain, "device");
    for (const numbers of given) assertWithin(numbers, all);
    for (const register of registers) {
      for (const id of all.keys()) {
        const known = register.known("device", id);
        assert(known === undefined || known === all.get(id), `${id} is known as ${known}`);
      }
      assertEquals(new Map(await register.assign("device", all.keys())), all);
    }
    await stored(plain, "device");
  });
}

Deno.test("register: two on one store never give a number or an id twice", () =>
  asyncLaw(rounds, (rounds) => race(rounds, { delay: 0.2, delayMsMax: 1 }), 60));

Deno.test("register: the same over a store that fails and loses replies", () =>
  asyncLaw(rounds, (rounds) => race(rounds, { ...usualFaults, delay: 0 }), 40));

Deno.test("register: what was looked up before a commit failed keeps its number", () =>
  withKv(async (plain) => {
    await new IdentityRegister(plain).assign("device", ["a"]);
    const kv = new FaultyKv(plain);
    kv.fail("busy", { method: "commit" });
    const numbers = await new IdentityRegister(kv.asKv()).assign("device", ["a", "b"]);
    assertEquals(numbers, new Map([["a", 1], ["b", 2]]));
  }));

for (const fault of ["throw before", "throw after", "late", "resend", "busy"] as const) {
  Deno.test(`register: a commit that meets "${fault}" gives each id one number`, () =>
    withKv(async (plain) => {
      const kv = new FaultyKv(plain);
      const register = new IdentityRegister(kv.asKv());
      await register.assign("device", ["before"]);
      kv.fail(fault, { method: "commit", times: 3 });
      const numbers = await register.assign("device", idsOf(20));
      await kv.heal();
      assertEquals([...numbers.values()].sort((a, b) => a - b)[0], 2);
      assertWithin(numbers, await stored(plain, "device"));
      assertWithin(await new IdentityRegister(plain).assign("device", idsOf(20)), numbers);
    }));
}

Deno.test("register: a store that stays down is told, and is tried again by the next call", () =>
  withKv(async (plain) => {
    const kv = new FaultyKv(plain);
    const register = new IdentityRegister(kv.asKv());
    kv.fail("throw before", { times: 1_000_000 });
    await withSkippingClock(() =>
      assertRejects(() => register.assign("device", ["a"]), StoreUnavailableError)
    );
    await kv.heal();
    assertEquals(await register.assign("device", ["b"]), new Map([["b", 1]]));
    assertEquals(await register.assign("device", ["a"]), new Map([["a", 2]]));
  }));

/** Forgets as whoever appends the event does. */
async function forget(kv: Deno.Kv, register: IdentityRegister, id: string): Promise<number> {
  const entry = (await register.forgetting("device", id))!;
  const operation = kv.atomic();
  entry.add(operation);
  assert((await operation.commit()).ok);
  register.drop("device", entry.number, id);
  return entry.number;
}

Deno.test("register: finding gives no number", () =>
  withKv(async (kv) => {
    const register = new IdentityRegister(kv);
    assertEquals(await register.find("device", "a"), undefined);
    assertEquals(await register.highest("device"), 0);
    await new IdentityRegister(kv).assign("device", ["a", "b"]);
    assertEquals(await register.find("device", "b"), 2);
    assertEquals(register.known("device", "b"), 2);
    assertEquals(await register.find("user", "b"), undefined);
    assertEquals([await register.highest("device"), await register.highest("user")], [2, 0]);
  }));

Deno.test("register: a forgotten number is never given again, the same id gets a new one", () =>
  withKv(async (kv) => {
    const [register, other] = [new IdentityRegister(kv), new IdentityRegister(kv)];
    await register.assign("device", ["a", "b", "c"]);
    await other.warm();
    assertEquals(await forget(kv, register, "c"), 3);
    assertEquals(await register.forgetting("device", "c"), undefined);
    assertEquals(await register.find("device", "c"), undefined);
    assertEquals(await register.assign("device", ["c", "d"]), new Map([["c", 4], ["d", 5]]));
    // The other one has not heard of it yet; then it has, twice.
    assertEquals(other.known("device", "c"), 3);
    for (const _ of [1, 2]) other.drop("device", 3);
    assertEquals(other.known("device", "c"), undefined);
    assertEquals(other.known("device", "b"), 2);
    assertEquals(await other.assign("device", ["c", "e"]), new Map([["c", 4], ["e", 6]]));
    const later = new IdentityRegister(kv);
    await later.warm();
    later.drop("device", 3);
    assertEquals(await later.assign("device", ["a", "f"]), new Map([["a", 1], ["f", 7]]));
    assertEquals(await later.highest("device"), 7);
  }));

Deno.test("register: what is looked up while it is forgotten does not stay in memory", () =>
  withKv(async (kv) => {
    const register = new IdentityRegister(kv);
    await new IdentityRegister(kv).assign("device", ["a"]);
    register.drop("device", 1);
    assertEquals(await register.find("device", "a"), 1);
    assertEquals(register.known("device", "a"), undefined);
    await register.warm();
    assertEquals(register.known("device", "a"), undefined);
  }));
