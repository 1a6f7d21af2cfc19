/** Bodies are read as ranges where their names allow it, and always found, whatever their names are. */
import { assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { readBodies, timedRef, type WantedBody } from "../../src/event_store/body_reading.ts";
import { keys, LogDamagedError, sha256Hex } from "../../src/event_store/mod.ts";
import { FaultyKv } from "../support/faulty_kv.ts";
import type { StoredEvent } from "../../events/recorded_event.ts";

async function withKv(body: (kv: Deno.Kv) => Promise<void>): Promise<void> {
  const kv = await Deno.openKv(":memory:");
  try {
    await body(kv);
  } finally {
    kv.close();
  }
}

interface Body {
  readonly ref: string;
  readonly parts: readonly Uint8Array[];
}

const bodyOf = (ref: string, parts: number): Body => ({
  ref,
  parts: Array.from({ length: parts }, (_, part) => new TextEncoder().encode(`${ref} ${part}`)),
});

async function store(kv: Deno.Kv, { ref, parts }: Body): Promise<void> {
  for (const [part, bytes] of parts.entries()) await kv.set(keys.body(ref, part), bytes);
}

function whole({ parts }: Body): Uint8Array {
  return new Uint8Array(parts.flatMap((part) => [...part]));
}

function wantedOf(body: Body): WantedBody {
  const { ref, parts } = body;
  const bytes = whole(body);
  const reference = { ref, parts: parts.length, bytes: bytes.length, sha256: sha256Hex(bytes) };
  const stored = { body: reference } as StoredEvent;
  return { stored, reference, parts: parts.map(() => null), bodies: new Map() };
}

Deno.test("names tell times apart in the order of their keys", () => {
  const times = [0, 1, 15, 16, 1_700_000_000_000, 1_700_000_000_001, 4_102_444_800_000];
  const refs = times.map((timeMs, index) => timedRef(timeMs, `${9 - index}`));
  assertEquals(refs.toSorted(), refs);
});

Deno.test("bodies are found under names of any kind, whatever stands between", async () => {
  const body = fc.record({
    time: fc.option(fc.nat(40)),
    parts: fc.integer({ min: 0, max: 3 }),
    isWanted: fc.boolean(),
  });
  const property = fc.asyncProperty(fc.array(body, { maxLength: 60 }), async (bodies) => {
    await withKv(async (kv) => {
      const all = bodies.map(({ time, parts, isWanted }, index) => {
        const ref = time === null ? `plain${index}` : timedRef(time, String(index));
        return { isWanted, body: bodyOf(ref, parts) };
      });
      for (const { body } of all) await store(kv, body);
      const wanted = all.filter(({ isWanted }) => isWanted).map(({ body }) => body);
      const asked = wanted.map(wantedOf);
      await readBodies(kv, asked);
      for (const [index, { stored, bodies }] of asked.entries()) {
        assertEquals(bodies.get(stored), whole(wanted[index]!));
      }
    });
  });
  await fc.assert(property, { numRuns: 40 });
});

Deno.test("bodies of one time cost one read, however many others are in the store", async () => {
  await withKv(async (plain) => {
    const bodies = Array.from({ length: 200 }, (_, nth) => bodyOf(timedRef(nth, `${nth}`), 1));
    for (const body of bodies) await store(plain, body);
    const kv = new FaultyKv(plain);
    await readBodies(kv.asKv(), bodies.slice(50, 150).map(wantedOf));
    assertEquals({ list: kv.calls.list, getMany: kv.calls.getMany }, { list: 1, getMany: 0 });
  });
});

Deno.test("bodies far apart in time are looked up", async () => {
  await withKv(async (kv) => {
    const bodies = Array.from({ length: 400 }, (_, nth) => bodyOf(timedRef(nth, `${nth}`), 1));
    for (const body of bodies) await store(kv, body);
    const asked = bodies.filter((_, nth) => nth % 10 === 0).map(wantedOf);
    await readBodies(kv, asked);
    for (const { stored, bodies } of asked) assertEquals(bodies.size, stored.body ? 1 : 0);
  });
});

Deno.test("a body that is missing or altered is noticed among its neighbours", async () => {
  await withKv(async (kv) => {
    const bodies = Array.from({ length: 50 }, (_, nth) => bodyOf(timedRef(nth, `${nth}`), 2));
    for (const body of bodies) await store(kv, body);
    const key = keys.body(bodies[20]!.ref, 1);
    const { value } = await kv.get<Uint8Array>(key);
    await kv.delete(key);
    await assertRejects(() => readBodies(kv, bodies.map(wantedOf)), LogDamagedError, "missing");
    await kv.set(key, value!.map((byte) => byte ^ 1));
    await assertRejects(() => readBodies(kv, bodies.map(wantedOf)), LogDamagedError, "altered");
    await kv.set(key, value);
    await readBodies(kv, bodies.map(wantedOf));
  });
});
