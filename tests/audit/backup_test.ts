/** A backup of a running server is the store as it was at one moment, and can be gone on with. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { upcast } from "../../events/upcast.ts";
import { fsck } from "../../src/audit/mod.ts";
import { cursorAtStart, openLog, parsePosition } from "../../src/event_store/mod.ts";
import { mountedModels } from "../../src/placard.ts";
import { minimal } from "../events/settings_examples.ts";
import { processKeys, runTask, ServerProcess, until, withFolder } from "../support/process.ts";

Deno.test("a backup under load: all up to a moment, no faults, and new positions", () =>
  withFolder(async (folder) => {
    const [path, copy] = [`${folder}/placard.kv`, `${folder}/backups/copy.kv`];
    const server = await ServerProcess.start({ kv: path });
    const acknowledged: string[] = [];
    let over = false;
    const write = async (writer: number) => {
      for (let nth = 0; !over; nth++) {
        const body = { ...minimal.modal_text, name: `of ${writer}, number ${nth}` };
        const { json } = await server.expect(201, "POST", "/v1/campaigns", { body });
        acknowledged.push(json.id);
        const attributes = { body: { attributes: { nth } } };
        await server.expect(200, "PUT", `/v1/users/u${writer}-${nth}`, attributes);
      }
    };
    const writing = [0, 1, 2, 3].map(write);
    let before: string[], done: Awaited<ReturnType<typeof runTask>>;
    try {
      await until("some campaigns", () => acknowledged.length > 40);
      before = [...acknowledged];
      done = await runTask("backup", [copy], path);
      const after = acknowledged.length;
      await until("it goes on", () => acknowledged.length > after + 20);
    } finally {
      over = true;
      await Promise.all(writing);
    }
    assertEquals(done.code, 0, done.output);
    assertEquals(await filesIn(`${folder}/backups`), ["copy.kv"]);
    await server.stop();

    const whole = await positionsIn(path);
    const copied = await positionsIn(copy);
    assertEquals(copied, whole.slice(0, copied.length));
    assert(copied.length < whole.length, "nothing was written meanwhile");
    await assertSound(copy);

    const restored = await ServerProcess.start({ kv: copy });
    for (const id of before) await restored.expect(200, "GET", `/v1/campaigns/${id}`);
    const body = { ...minimal.modal_text, name: "After" };
    const { position } = await restored.expect(201, "POST", "/v1/campaigns", { body });
    assertEquals(parsePosition(position)!.epoch, 2);
    assert(position > whole.at(-1)!, "a position that was given since is given again");
    // Who was known is known.
    const { json } = await restored.expect(200, "GET", "/v1/users/u0-0");
    assertEquals(json.attributes, { nth: 0 });
    await restored.stop();
    await assertSound(copy);
    assertEquals((await positionsIn(copy)).slice(0, copied.length), copied);
  }));

Deno.test("a backup of a backup, of a store that nobody has open", () =>
  withFolder(async (folder) => {
    const [path, first, second] = ["a", "b", "c"].map((name) => `${folder}/${name}.kv`);
    const server = await ServerProcess.start({ kv: path! });
    await server.kill();
    assertEquals((await runTask("backup", [first!], path!)).code, 0);
    assertEquals((await runTask("backup", [second!], first!)).code, 0);
    assertEquals(await positionsIn(second!), await positionsIn(path!));
    const restored = await ServerProcess.start({ kv: second! });
    const body = { ...minimal.modal_text, name: "After" };
    const { position } = await restored.expect(201, "POST", "/v1/campaigns", { body });
    assertEquals(parsePosition(position)!.epoch, 3);
    await restored.stop();
    await assertSound(second!);
  }));

Deno.test("what cannot be backed up is refused in one line", () =>
  withFolder(async (folder) => {
    const path = `${folder}/placard.kv`;
    const refused = async (message: string, args: string[], kv = path) => {
      const { code, output } = await runTask("backup", args, kv);
      assertEquals(code, 1);
      assertStringIncludes(output, message);
      assertEquals(output.trim().split("\n").length, 1, output);
    };
    await refused("usage:", []);
    await refused("there is no database at", [`${folder}/copy`]);
    await refused(":memory:", [`${folder}/copy`], ":memory:");
    await refused("its own means", [`${folder}/copy`], "http://127.0.0.1:1");
    const other = await Deno.openKv(path);
    await other.set(["something"], "else");
    other.close();
    await refused("holds no Placard store", [`${folder}/copy`]);
    await Deno.writeTextFile(`${folder}/there`, processKeys.sdk);
    await refused("is there already", [`${folder}/there`]);
    assertEquals((await filesIn(folder)).filter((name) => name.startsWith("copy")), []);
  }));

async function positionsIn(path: string): Promise<string[]> {
  const kv = await Deno.openKv(path);
  try {
    const found: string[] = [];
    for await (const { events } of (await openLog(kv, upcast)).read(cursorAtStart)) {
      found.push(...events.map(({ position }) => position));
    }
    return found;
  } finally {
    kv.close();
  }
}

async function assertSound(path: string): Promise<void> {
  const kv = await Deno.openKv(path);
  try {
    const creates = Object.values(mountedModels(kv)).map(({ create }) => create);
    const { faults, counts } = await fsck(kv, creates);
    assertEquals(faults, []);
    assert((counts.events ?? 0) > 0);
  } finally {
    kv.close();
  }
}

async function filesIn(folder: string): Promise<string[]> {
  return (await Array.fromAsync(Deno.readDir(folder))).map(({ name }) => name).sort();
}
