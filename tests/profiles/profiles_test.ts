/** Profiles in the store: shared commits, two instances, a store that fails, and forgetting meanwhile. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { decodeProfileChanges } from "../../events/profile_changes.ts";
import type { RecordedEvent } from "../../events/recorded_event.ts";
import { fsck } from "../../src/audit/mod.ts";
import { cursorAtStart, keys, StoreUnavailableError } from "../../src/event_store/mod.ts";
import { mountedModels } from "../../src/placard.ts";
import type { ProfileRow, ProfileWrite } from "../../src/profiles/mod.ts";
import { range } from "../event_store/counters.ts";
import { withSkippingClock } from "../event_store/skipping_clock.ts";
import { usualFaults } from "../support/engines.ts";
import { FaultyKv } from "../support/faulty_kv.ts";
import { seed } from "../support/laws.ts";
import { openTestServer, type TestServer } from "../support/server.ts";

const meta = { actor: "key:test", traceId: "t" };
const fullMeta = { ...meta, commandId: "c" };
const write = (id: string, value: unknown = 1, more = {}): ProfileWrite =>
  ({ kind: "user", id, attributes: { value }, ...more }) as ProfileWrite;

/** Servers over one store in memory, the first of them over one that can be made to fail. */
async function withInstances(
  count: number,
  body: (servers: TestServer[], kv: FaultyKv, plain: Deno.Kv) => Promise<void>,
  faults: ConstructorParameters<typeof FaultyKv>[1] = {},
): Promise<void> {
  const plain = await Deno.openKv(":memory:");
  const kv = new FaultyKv(plain, faults);
  const servers: TestServer[] = [];
  try {
    for (const nth of range(count)) {
      servers.push(await openTestServer({ kv: nth === 0 ? kv.asKv() : plain }));
    }
    await body(servers, kv, plain);
    for (const { placard: { engine } } of servers) {
      assertEquals(engine.profiles.waiting, 0);
      await engine.tail.poll();
      // One that fails is tried again by the next one; the one of a stop has no next.
      while (!await engine.projector.flush().then(() => true, () => false));
    }
    await kv.heal();
    const creates = Object.values(mountedModels(plain)).map(({ create }) => create);
    assertEquals((await fsck(plain, creates)).faults, []);
  } finally {
    await kv.heal();
    for (const server of servers) await server.close();
    plain.close();
  }
}

async function events({ placard }: TestServer, type: string): Promise<RecordedEvent[]> {
  const found: RecordedEvent[] = [];
  for await (const row of placard.engine.reader.read(cursorAtStart)) {
    found.push(...row.events.filter(({ event }) => event.type === type));
  }
  return found;
}

const countIn = ({ body }: RecordedEvent) => decodeProfileChanges(body!).count;

Deno.test("profiles: those that are written at once share commits", () =>
  withInstances(1, async ([server]) => {
    const { profiles } = server!.placard.engine;
    await profiles.put(write("warm"), meta);
    await Promise.all(range(200).map((nth) => profiles.put(write(`u${nth}`, nth), meta)));
    const changed = await events(server!, "profiles_changed");
    assert(changed.length < 10, `${changed.length} commits`);
    assertEquals(changed.reduce((sum, one) => sum + countIn(one), 0), 201);
    for (const nth of [0, 117, 199]) {
      assertEquals((await profiles.get("user", `u${nth}`))!.attributes, { value: nth });
    }
  }));

Deno.test("profiles: many and large ones are divided over commits that the store takes", () =>
  withInstances(1, async ([server]) => {
    const { profiles } = server!.placard.engine;
    const large = Object.fromEntries(range(8).map((nth) => [`a${nth}`, "가".repeat(300)]));
    const writes = range(300).map((nth) => ({ ...write(`u${nth}`), attributes: large }));
    await profiles.putMany(writes, meta);
    await profiles.putMany(range(3_000).map((nth) => write(`v${nth}`)), meta);
    const all = await Array.fromAsync(profiles.scan("user", 1, 10_000));
    assertEquals(all.length, 3_300);
    assertEquals(all.map(({ number }) => number), range(3_300).map((nth) => nth + 1));
    assertEquals((await Array.fromAsync(profiles.scan("user", 5, 7))).length, 2);
  }));

Deno.test("profiles: the last write of one person counts, in the log and in the row", () =>
  withInstances(1, async ([server]) => {
    const { profiles, identities } = server!.placard.engine;
    await profiles.putMany([write("a", 1), write("b", 2), write("a", 3)], meta);
    const [changed] = await events(server!, "profiles_changed");
    assertEquals(countIn(changed!), 2);
    assertEquals((await profiles.get("user", "a"))!.attributes, { value: 3 });
    assertEquals(await identities.highest("user"), 2);
  }));

Deno.test("profiles: two instances write the same people at once", () =>
  withInstances(2, async (servers) => {
    await Promise.all(
      servers.flatMap(({ placard: { engine } }, who) =>
        range(40).map((nth) => engine.profiles.put(write(`u${nth % 7}`, `${who} ${nth}`), meta))
      ),
    );
    // That the rows are what the log says last is what fsck checks.
    const seen = await Promise.all(
      servers.map(({ placard }) => placard.engine.profiles.get("user", "u3")),
    );
    assertEquals(seen[0], seen[1]);
  }));

Deno.test("profiles: what is at hand is dropped when it is written here or elsewhere", () =>
  withInstances(2, async ([one, two]) => {
    const [first, second] = [one!.placard.engine, two!.placard.engine];
    await first.profiles.put(write("a", 1), meta);
    const number = (await first.identities.find("user", "a"))!;
    assertEquals(second.profiles.attributesOf("user", number), undefined);
    assertEquals(await second.profiles.load("user", number), { value: 1 });
    assertEquals(second.profiles.attributesOf("user", number), { value: 1 });
    await first.profiles.put(write("a", 2), meta);
    await second.tail.poll();
    assertEquals(second.profiles.attributesOf("user", number), undefined);
    assertEquals(await second.profiles.load("user", number), { value: 2 });
    assertEquals(await second.profiles.load("user", 999), {});
    await first.profiles.forget("user", "a", fullMeta);
    assertEquals(await first.profiles.load("user", number), {});
    await second.tail.poll();
    assertEquals(await second.profiles.load("user", number), {});
    assertEquals(second.identities.known("user", "a"), undefined);
  }));

Deno.test("profiles: an instance that has not heard of it writes nothing of a forgotten person", () =>
  withInstances(2, async ([one, two], _kv, plain) => {
    const [first, second] = [one!.placard.engine, two!.placard.engine];
    await first.profiles.put(write("a", 1), meta);
    await second.profiles.put(write("a", 2), meta);
    assertEquals(await second.identities.find("user", "a"), 1);
    await first.profiles.forget("user", "a", fullMeta);
    // The second has the old number in memory still.
    await second.profiles.put(write("a", 3), meta);
    const rows = await Array.fromAsync(plain.list<ProfileRow>({ prefix: keys.profilePrefix() }));
    assertEquals(rows.map(({ key }) => key.at(-1)), [2]);
    assertEquals(await first.identities.find("user", "a"), 2);
    assertEquals((await first.profiles.get("user", "a"))!.attributes, { value: 3 });
  }));

Deno.test("profiles: writing and forgetting the same people at once, on two instances", () =>
  withInstances(2, async (servers, _kv, plain) => {
    await Promise.all(
      servers.flatMap(({ placard: { engine } }, who) =>
        range(30).map(async (nth) => {
          const id = `u${nth % 3}`;
          const device = { kind: "device", userId: id } as const;
          await engine.profiles.put(write(`d${nth % 4}`, who, device), meta);
          await engine.profiles.put(write(id, nth), meta);
          if (nth % 5 === who) await engine.profiles.forget("user", id, fullMeta);
        })
      ),
    );
    const forgotten = (await events(servers[0]!, "person_forgotten"))
      .map(({ event }) => (event.data as { number: number }).number);
    assertEquals(new Set(forgotten).size, forgotten.length);
    const { engine } = servers[0]!.placard;
    await engine.tail.poll();
    for await (const { key } of plain.list({ prefix: keys.profilePrefix("user") })) {
      assert(!engine.models.subjects.model.isForgotten("user", key.at(-1) as number));
    }
    assertEquals([...engine.models.subjects.model.forgotten("user")].length, forgotten.length);
  }));

for (const fault of ["throw before", "throw after", "late", "resend", "busy"] as const) {
  Deno.test(`profiles: a commit that meets "${fault}" is there once`, () =>
    withInstances(1, async ([server], kv) => {
      const { profiles } = server!.placard.engine;
      await profiles.put(write("before"), meta);
      kv.fail(fault, { method: "commit", times: 2 });
      await Promise.all([profiles.put(write("a", 1), meta), profiles.put(write("b", 2), meta)]);
      kv.fail(fault, { method: "commit", times: 2 });
      const position = await profiles.forget("user", "b", fullMeta);
      assert(position !== null && position !== "unknown");
      await kv.heal();
      assertEquals((await profiles.get("user", "a"))!.attributes, { value: 1 });
      assertEquals(await profiles.get("user", "b"), null);
      assertEquals((await events(server!, "person_forgotten")).length, 1);
    }));
}

Deno.test("profiles: a store that is down is told, and the next write is taken", () =>
  withInstances(1, async ([server], kv) => {
    const { profiles } = server!.placard.engine;
    await profiles.put(write("a", 1), meta);
    kv.fail("throw before", { times: 1_000_000 });
    await withSkippingClock(() =>
      assertRejects(() => profiles.put(write("a", 2), meta), StoreUnavailableError)
    );
    await kv.heal();
    assertEquals((await profiles.get("user", "a"))!.attributes, { value: 1 });
    await profiles.put(write("a", 3), meta);
    assertEquals((await profiles.get("user", "a"))!.attributes, { value: 3 });
  }));

Deno.test("profiles: over a store that fails at random, all that is answered is there", () =>
  withInstances(2, async ([server], _kv, plain) => {
    const { profiles } = server!.placard.engine;
    await Promise.all(range(60).map((nth) => profiles.put(write(`u${nth}`, nth), meta)));
    await Promise.all(range(10).map((nth) => profiles.forget("user", `u${nth}`, fullMeta)));
    const rows = await Array.fromAsync(plain.list<ProfileRow>({ prefix: keys.profilePrefix() }));
    assertEquals(
      rows.map(({ value }) => value.id).sort(),
      range(50).map((nth) => `u${nth + 10}`).sort(),
    );
  }, { ...usualFaults, seed }));
