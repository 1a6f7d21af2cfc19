/** A store of format 1 keeps its register, whoever moves it to its new keys and wherever they end. */
import { assert, assertEquals, assertRejects } from "@std/assert";
import fc from "fast-check";
import { keys, openLog, raiseStoreFormat, StoreFormatError } from "../../src/event_store/mod.ts";
import { IdentityRegister } from "../../src/identity/mod.ts";

const kinds = ["device", "user"] as const;
const meta = keys.meta();

Deno.test("format 1: every id keeps its number, with cuts and with several at once", async () => {
  const counts = fc.record({ device: fc.nat(25), user: fc.nat(25) });
  const cuts = fc.array(fc.nat(8), { maxLength: 3 });
  await fc.assert(
    fc.asyncProperty(counts, cuts, fc.integer({ min: 1, max: 3 }), async (counts, cuts, at) => {
      const kv = await Deno.openKv(":memory:");
      try {
        await formerStore(kv, counts);
        for (const commits of cuts) {
          await raiseStoreFormat(endingAfter(kv, commits), 3).catch(() => {});
          const { value } = await kv.get<{ format: number; moving?: true }>(meta);
          if (value!.format === 2 && !value!.moving) break;
          await assertRejects(() => openLog(kv, (stored) => stored), StoreFormatError);
        }
        await Promise.all(Array.from({ length: at }, () => raiseStoreFormat(kv, 3)));
        assertEquals((await kv.get(meta)).value, { format: 2, epoch: 7, imported: "1" });
        assertEquals((await openLog(kv, (stored) => stored)).epoch, 7);
        const former = await Array.fromAsync(kv.list({ prefix: keys.formerIdentityPrefix() }));
        assertEquals(former, []);
        const register = new IdentityRegister(kv);
        for (const kind of kinds) {
          const ids = idsOf(kind, counts[kind]);
          const numbers = await register.assign(kind, [...ids, "another"]);
          ids.forEach((id, index) => assertEquals(numbers.get(id), index + 1, id));
          assertEquals(numbers.get("another"), ids.length + 1);
          const stored = await Array.fromAsync(kv.list({ prefix: keys.identityPrefix(kind) }));
          assertEquals(stored.length, ids.length + 1);
        }
      } finally {
        kv.close();
      }
    }),
    { numRuns: 60 },
  );
});

Deno.test("a store of this format, and one that is empty, are left alone", async () => {
  const kv = await Deno.openKv(":memory:");
  try {
    await raiseStoreFormat(kv);
    assertEquals((await kv.get(meta)).versionstamp, null);
    await openLog(kv, (stored) => stored);
    const { versionstamp } = await kv.get(meta);
    assert(versionstamp);
    await raiseStoreFormat(kv);
    assertEquals((await kv.get(meta)).versionstamp, versionstamp);
  } finally {
    kv.close();
  }
});

async function formerStore(
  kv: Deno.Kv,
  counts: Readonly<Record<typeof kinds[number], number>>,
): Promise<void> {
  await kv.set(meta, { format: 1, epoch: 7, imported: "1" });
  for (const kind of kinds) {
    await kv.set(keys.identityCounter(kind), counts[kind]);
    for (const [index, id] of idsOf(kind, counts[kind]).entries()) {
      await kv.set([...keys.formerIdentityPrefix(), kind, id], index + 1);
    }
  }
}

function idsOf(kind: string, count: number): string[] {
  return Array.from({ length: count }, (_, index) => `${kind} ${index}`);
}

/** A process that is killed: so many commits are stored, and nothing after. */
function endingAfter(kv: Deno.Kv, commits: number): Deno.Kv {
  let left = commits;
  const ended = () => Promise.reject(new Deno.errors.BadResource("ended"));
  return new Proxy(kv, {
    get(target, name) {
      if (name !== "atomic") {
        const member = Reflect.get(target, name);
        return typeof member === "function" ? member.bind(target) : member;
      }
      return () => {
        const operation = target.atomic();
        if (left-- <= 0) operation.commit = ended;
        return operation;
      };
    },
  });
}
