/** Commands are decided on the commits of their own process, before these have been read back. */
import { assertEquals } from "@std/assert";
import { add, Instance } from "./counters.ts";

/** A store whose ranges can be read only when the gate is open. */
function gated(kv: Deno.Kv, gate: Promise<void>): Deno.Kv {
  return new Proxy(kv, {
    get(target, name) {
      if (name === "list") {
        return async function* (...args: Parameters<Deno.Kv["list"]>) {
          await gate;
          yield* target.list(...args);
        };
      }
      const member = Reflect.get(target, name);
      return typeof member === "function" ? member.bind(target) : member;
    },
  });
}

Deno.test("commands are decided on what was appended here, though nothing is read back", async () => {
  const kv = await Deno.openKv(":memory:");
  const { promise, resolve: openGate } = Promise.withResolvers<void>();
  const here = await Instance.open(gated(kv, promise));
  const { writer, tail } = here;
  for (let count = 1; count <= 5; count++) {
    const { answer } = await writer.submit(add("a", { totalMax: 5 }));
    assertEquals(answer, { sum: count, total: count });
  }
  const full = await writer.submit(add("b", { totalMax: 5 }));
  assertEquals(full.answer, { refused: "limit" });
  assertEquals(here.sum("a"), 0, "nothing has been folded");

  // Another instance folds all of it and goes on; this one finds its tip moved and does the same.
  const there = await Instance.open(kv);
  assertEquals((await there.add("a")).answer, { sum: 6, total: 6 });
  const later = writer.submit(add("a"));
  openGate();
  assertEquals((await later).answer, { sum: 7, total: 7 });
  await tail.readOwnWrites();
  assertEquals(here.sum("a"), 7);
  assertEquals(
    here.seen.map(({ position, version }) => [position, version]),
    (await replayed(kv)).seen.map(({ position, version }) => [position, version]),
  );
  await here.close();
  await there.close();
  kv.close();
});

Deno.test("what a process folds of its own commits is what others read", async () => {
  const kv = await Deno.openKv(":memory:");
  const here = await Instance.open(kv);
  await Promise.all(["a", "b", "a", "c"].map((name) => here.add(name, { note: `ü ${name}` })));
  await here.add("a", { events: 3 });
  // The order of the members counts: rows are compared as text.
  const texts = (seen: typeof here.seen) =>
    seen.map(({ event: { type, schema, data }, ...rest }) =>
      JSON.stringify({ ...rest, type, schema, data })
    );
  assertEquals(texts(here.seen), texts((await replayed(kv)).seen));
  await here.close();
  kv.close();
});

Deno.test("the states that a process keeps of its own commits are those that others fold", async () => {
  const kv = await Deno.openKv(":memory:");
  const here = await Instance.open(kv);
  const there = await Instance.open(kv);
  for (let round = 0; round < 3; round++) {
    await Promise.all(["a", "b", "a"].map((name) => here.add(name, { events: 2 })));
    // What stands between may be recorded later than the command that was decided before it.
    await Promise.all([here.add("b"), here.appendBody(new Uint8Array(9)), here.add("a")]);
    await there.add("a");
  }
  await Promise.all([here, there].map(({ tail }) => tail.poll()));
  const rowsOf = ({ states }: Instance) =>
    [...states.rowKeys()].sort().map((key) => new TextDecoder().decode(states.encodeRow(key)));
  const expected = rowsOf(await replayed(kv));
  assertEquals(rowsOf(here), expected);
  assertEquals(rowsOf(there), expected);
  await here.close();
  await there.close();
  kv.close();
});

/** An instance that has read the whole log and wrote none of it. */
async function replayed(kv: Deno.Kv): Promise<Instance> {
  const other = await Instance.open(kv);
  await other.tail.poll();
  await other.close();
  return other;
}
