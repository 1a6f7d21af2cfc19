/** Real processes: the tree is the same after a kill, and a store that was put back is noticed. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import { fsck } from "../../src/audit/mod.ts";
import { parseCheckpoint } from "../../src/audit/tlog/mod.ts";
import { mountedModels } from "../../src/placard.ts";
import { range } from "../event_store/counters.ts";
import { minimal } from "../events/settings_examples.ts";
import { processKeys, runTask, ServerProcess, until, withFolder } from "../support/process.ts";
import { TlogClient } from "../support/tlog_client.ts";

function clientOf(server: ServerProcess): TlogClient {
  return new TlogClient(async (path) =>
    await fetch(`http://127.0.0.1:${server.port}/v1/audit/${path}`, {
      headers: { authorization: `Bearer ${processKeys.auditor}` },
    })
  );
}

async function drafts(server: ServerProcess, count: number): Promise<void> {
  const body = { ...minimal.modal_text, name: "Tulips" };
  await Promise.all(
    range(count).map(async () => {
      assertEquals((await server.call("POST", "/v1/campaigns", { body })).status, 201);
    }),
  );
}

Deno.test("killed while the tree grows: every checkpoint that was told holds", async () => {
  await withFolder(async (folder) => {
    const kv = `${folder}/placard.kv`;
    let server = await ServerProcess.start({ kv });
    let older = await clientOf(server).checkpoint();
    const key = await clientOf(server).key();
    for (const count of [300, 40, 500]) {
      await drafts(server, count);
      const told = await clientOf(server).checkpoint(key);
      const more = drafts(server, 100).catch(() => {});
      await server.kill();
      await more;
      server = await ServerProcess.start({ kv });
      const client = clientOf(server);
      const newer = await client.checkpoint(key);
      await client.checkContinues(older, newer);
      await client.checkContinues(told, newer);
      await client.check(newer);
      older = newer;
    }
    await server.stop();
    assertEquals(parseCheckpoint(await Deno.readTextFile(`${kv}.checkpoint`)).size, older.size);
    const store = await Deno.openKv(kv);
    const creates = Object.values(mountedModels(store)).map(({ create }) => create);
    assertEquals((await fsck(store, creates)).faults, []);
    store.close();
  });
});

Deno.test("a store that was put back to an older state is refused, until somebody says so", async () => {
  await withFolder(async (folder) => {
    const kv = `${folder}/placard.kv`;
    let server = await ServerProcess.start({ kv });
    await drafts(server, 3);
    await server.stop();
    await Deno.copyFile(kv, `${folder}/backup`);
    server = await ServerProcess.start({ kv });
    await drafts(server, 3);
    await until("the newest checkpoint is kept", async () => {
      const kept = parseCheckpoint(await Deno.readTextFile(`${kv}.checkpoint`));
      return kept.size === (await clientOf(server).checkpoint()).size;
    });
    await server.kill();
    for (const ending of ["-wal", "-shm"]) await Deno.remove(kv + ending).catch(() => {});
    await Deno.copyFile(`${folder}/backup`, kv);
    const refused = ServerProcess.spawn({ kv });
    assertEquals((await refused.child.status).code, 1);
    await refused.drained;
    assertMatch(refused.output, /^store: .+\.checkpoint proves \d+ events, and the store has \d+/m);
    assertMatch(refused.output, /take a newer backup/);
    assert(!refused.output.includes("    at "), refused.output);
    await Deno.rename(`${kv}.checkpoint`, `${folder}/newer`);
    server = await ServerProcess.start({ kv });
    await drafts(server, 1);
    await server.stop();
  });
});

Deno.test("the task rotates the key", async () => {
  await withFolder(async (folder) => {
    const kv = `${folder}/placard.kv`;
    let server = await ServerProcess.start({ kv });
    const before = await clientOf(server).checkpoint();
    const key = (await clientOf(server).key()).trim();
    await server.stop();
    assertEquals((await runTask("rotate_key", [], kv)).code, 1);
    const { code, output } = await runTask("rotate_key", ["once", "a", "year"], kv);
    assertEquals(code, 0, output);
    const [, to, from] = /signed by\n(\S+)\ninstead of\n(\S+)\n/.exec(output)!;
    assertEquals(from, key);
    server = await ServerProcess.start({ kv });
    const after = await clientOf(server).checkpoint(to);
    await clientOf(server).checkContinues(before, after);
    await server.stop();
  });
});
