/** `deno task replay`: fresh read models from the log, held against the live rows. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { upcast } from "../../events/upcast.ts";
import { cursorAtStart, keys, openLog } from "../../src/event_store/mod.ts";
import { mountedModels } from "../../src/placard.ts";
import { type Replayed, replayModels } from "../../src/projector/mod.ts";
import { runTask, withFolder } from "../support/process.ts";
import { openTestServer } from "../support/server.ts";
import { fill } from "./filled.ts";

async function withFilled(body: (kv: Deno.Kv, address: string) => Promise<void>): Promise<void> {
  await withFolder(async (folder) => {
    const address = `${folder}/store.sqlite`;
    const kv = await Deno.openKv(address);
    try {
      const server = await openTestServer({ kv });
      await fill(server);
      await server.close();
      await body(kv, address);
    } finally {
      kv.close();
    }
  });
}

const replayed = async (kv: Deno.Kv, until?: string): Promise<Replayed> =>
  await replayModels({
    kv,
    reader: await openLog(kv, upcast),
    creates: Object.values(mountedModels(kv)).map(({ create }) => create),
    ...(until === undefined ? {} : { until }),
  });

async function positions(kv: Deno.Kv): Promise<string[]> {
  const found: string[] = [];
  for await (const { events } of (await openLog(kv, upcast)).read(cursorAtStart)) {
    found.push(...events.map(({ position }) => position));
  }
  return found;
}

Deno.test("a replay of a server to which nothing has happened finds nothing", () =>
  withFolder(async (folder) => {
    const address = `${folder}/store.sqlite`;
    const kv = await Deno.openKv(address);
    try {
      await (await openTestServer({ kv })).close();
      const { models, eventCount } = await replayed(kv);
      assertEquals(eventCount, 0);
      for (const { name, comparison, fault } of models) {
        assertEquals([fault, comparison?.differenceCount ?? 0], [undefined, 0], name);
      }
    } finally {
      kv.close();
    }
  }));

Deno.test("a replay gives every live row, and changes nothing", () =>
  withFilled(async (kv, address) => {
    const before = await Array.fromAsync(kv.list({ prefix: [] }));
    const { models, eventCount, position } = await replayed(kv);
    const all = await positions(kv);
    assertEquals([eventCount, position], [all.length, all.at(-1)]);
    for (const { name, comparison, fault, note, rowCount } of models) {
      assertEquals([fault, note], [undefined, undefined], name);
      assertEquals([comparison!.differenceCount, comparison!.rowCount], [0, rowCount], name);
    }
    const done = await runTask("replay", [], address);
    assertEquals(done.code, 0, done.output);
    for (const { name, digest } of models) {
      assertStringIncludes(done.output, `${name}: `);
      assertStringIncludes(done.output, digest);
    }
    assertEquals(await Array.fromAsync(kv.list({ prefix: [] })), before);
  }));

Deno.test("a replay to a position is that of the log up to there", () =>
  withFilled(async (kv) => {
    const all = await positions(kv);
    for (const count of [1, 7, all.length - 1, all.length]) {
      const { models, eventCount, position } = await replayed(kv, all[count - 1]);
      assertEquals([eventCount, position], [count, all[count - 1]]);
      for (const { name, rowCount, digest, comparison, note } of models) {
        const model = Object.values(mountedModels(kv)).map(({ create }) => create())
          .find((one) => one.name === name)!;
        for await (const { events } of (await openLog(kv, upcast)).read(cursorAtStart)) {
          for (const event of events) if (event.position <= all[count - 1]!) model.fold(event);
        }
        assertEquals(rowCount, [...model.rowKeys()].length, name);
        if (comparison === null) assertStringIncludes(note!, "is not compared");
        else assertEquals(comparison.differenceCount, 0);
        assertEquals(
          digest,
          (await replayed(kv, all[count - 1])).models
            .find((one) => one.name === name)!.digest,
        );
      }
      if (count === all.length) assert(models.every(({ comparison }) => comparison !== null));
    }
  }));

Deno.test("the task names the rows that differ, and what it was asked wrongly", () =>
  withFilled(async (kv, address) => {
    const [row] = await Array.fromAsync(
      kv.list<{ bytes: Uint8Array }>({ prefix: ["default", "rm", "workspace"] }),
    );
    const bytes = row!.value.bytes.slice();
    bytes[10]! ^= 1;
    await kv.set(row!.key, { ...row!.value, bytes });
    const done = await runTask("replay", ["--projection", "workspace"], address);
    assertEquals(done.code, 1);
    assertStringIncludes(done.output, "1 differences");
    assertStringIncludes(done.output, "differs: ");
    const [first] = await positions(kv);
    const until = await runTask("replay", ["--until", first!], address);
    assertEquals(until.code, 0, until.output);
    assertStringIncludes(until.output, "is not compared: its live rows stand at");
    const wrong: [string[], string][] = [
      [["--until", "yesterday"], "yesterday is no position"],
      [["--projection", "none"], "there is no read model none"],
      [["--fast"], "usage:"],
    ];
    for (const [args, message] of wrong) {
      const { code, output } = await runTask("replay", args, address);
      assertEquals(code, 1);
      assertStringIncludes(output, message);
    }
    assert((await kv.get(keys.meta())).value);
  }));
