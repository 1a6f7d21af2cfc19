/** The server is killed while profiles are uploaded and people forgotten: row and log still agree. */
import { assert, assertEquals } from "@std/assert";
import { fsck } from "../../src/audit/mod.ts";
import { decodeRow, keys } from "../../src/event_store/mod.ts";
import { mountedModels } from "../../src/placard.ts";
import { range } from "../event_store/counters.ts";
import { seed } from "../support/engines.ts";
import { mulberry32 } from "../support/faulty_kv.ts";
import { processKeys, ServerProcess, sleep, withFolder } from "../support/process.ts";

const people = 6_000;
const kills = 4;
const killAfterMsMax = 500;

const lines = (round: number) =>
  range(people).map((nth) => JSON.stringify({ userId: `u${nth}`, attributes: { round, nth } }))
    .join("\n");

async function upload(server: ServerProcess, round: number): Promise<{ written: number }> {
  const response = await fetch(`http://127.0.0.1:${server.port}/v1/users/batch`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${processKeys.operator}`,
      "content-type": "application/x-ndjson",
    },
    body: lines(round),
  });
  return await response.json();
}

/** Forgets people until the server is gone; gives those of whom it was told that it was done. */
async function forgetSome(server: ServerProcess, from: number): Promise<string[]> {
  const done: string[] = [];
  try {
    for (let nth = from; nth < from + 50; nth++) {
      const { status } = await server.call("DELETE", `/v1/users/u${nth}`);
      if (status === 204) done.push(`u${nth}`);
    }
  } catch {
    // Killed.
  }
  return done;
}

async function forgottenIn(kv: Deno.Kv): Promise<number> {
  let count = 0;
  for await (const { value } of kv.list<Uint8Array>({ prefix: keys.logPrefix(1) })) {
    count += decodeRow(value).events.filter(({ type }) => type === "person_forgotten").length;
  }
  return count;
}

Deno.test("killed while profiles are written and people forgotten", async () => {
  await withFolder(async (folder) => {
    const kv = `${folder}/placard.kv`;
    const random = mulberry32(seed);
    let acknowledged = 0;
    for (const round of range(kills)) {
      const server = await ServerProcess.start({ kv });
      const uploading = upload(server, round).catch(() => null);
      const forgetting = forgetSome(server, round * 50);
      await sleep(random() * killAfterMsMax);
      await server.kill();
      await uploading;
      const forgotten = await forgetting;
      const store = await Deno.openKv(kv);
      try {
        const creates = Object.values(mountedModels(store)).map(({ create }) => create);
        assertEquals((await fsck(store, creates)).faults, []);
        assert(await forgottenIn(store) >= (acknowledged += forgotten.length));
      } finally {
        store.close();
      }
    }
    const server = await ServerProcess.start({ kv });
    assertEquals((await upload(server, kills)).written, people);
    const { json } = await server.expect(200, "GET", `/v1/users/u${people - 1}`);
    assertEquals(json.attributes, { round: kills, nth: people - 1 });
    await server.stop();
    const store = await Deno.openKv(kv);
    const rows = await Array.fromAsync(store.list({ prefix: keys.profilePrefix("user") }));
    store.close();
    assert(rows.length === people, `${rows.length} profiles`);
  });
});
