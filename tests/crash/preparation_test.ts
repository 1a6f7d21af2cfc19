/** A real process, killed while it calculates an audience: the next one goes on from where it was. */
import { assert, assertEquals } from "@std/assert";
import { fsck } from "../../src/audit/mod.ts";
import { keys } from "../../src/event_store/mod.ts";
import { mountedModels } from "../../src/placard.ts";
import { Snapshots } from "../../src/snapshots/mod.ts";
import { minimal } from "../events/settings_examples.ts";
import { denokvEngine } from "../support/engines.ts";
import { ServerProcess, until, withFolder } from "../support/process.ts";

/** Who works on it (null: nobody any more), how far it is, and how often it failed. */
interface PreparationRow {
  readonly owner: string | null;
  readonly scanned: number;
  readonly failures: number;
}

const userCount = 300_000;
const rowsPerCommit = 450;

/** Users with a profile, each with a number, as a register and profiles have them. */
async function fill(address: string, userCount: number): Promise<void> {
  const kv = await Deno.openKv(address);
  for (let from = 1; from <= userCount; from += rowsPerCommit) {
    const operation = kv.atomic();
    for (let user = from; user < from + rowsPerCommit && user <= userCount; user++) {
      const attributes = JSON.stringify({ age: user % 90, city: "Seoul" });
      operation
        .set(keys.identityNumber("user", `u${user}`), user)
        .set(keys.profile("user", user), {
          id: `u${user}`,
          salt: "0".repeat(32),
          attributes,
          updatedAtMs: 0,
        });
    }
    await operation.commit();
  }
  await kv.set(keys.identityCounter("user"), userCount);
  kv.close();
}

/** Those whom the rule of `activate` is for. */
function over45(userCount: number): number[] {
  return Array.from({ length: userCount }, (_, index) => index + 1)
    .filter((user) => user % 90 >= 45);
}

/** Activates a campaign whose start has passed; `audience` says what it does with half of the users. */
async function activate(
  server: ServerProcess,
  audience: (audienceId: string) => unknown,
): Promise<string> {
  const rule = { ">=": [{ var: "user.age" }, 45] };
  const { json } = await server.expect(201, "POST", "/v1/audiences", {
    body: { name: "Half", kind: "rule", rule },
  });
  const now = Date.now();
  const { json: { id } } = await server.expect(201, "POST", "/v1/campaigns", {
    body: {
      ...minimal.modal_text,
      audience: audience(json.id),
      schedule: {
        startAt: new Date(now - 60_000).toISOString(),
        endAt: new Date(now + 86_400_000).toISOString(),
      },
    },
  });
  await server.expect(200, "POST", `/v1/campaigns/${id}/activate`);
  return id;
}

// deno-lint-ignore no-explicit-any -- what is looked into
async function preparation(server: ServerProcess, id: string): Promise<any> {
  return (await server.expect(200, "GET", `/v1/campaigns/${id}/audience`)).json;
}

Deno.test("killed while it calculates an audience, it goes on and comes to the same", () =>
  withFolder(async (folder) => {
    const kv = `${folder}/placard.kv`;
    await fill(kv, userCount);
    let server = await ServerProcess.start({ kv });
    const id = await activate(server, (audienceId) => ({ kind: "audience", audienceId }));
    await until("a part is calculated", async () => {
      return (await preparation(server, id)).preparation.scanned > userCount / 3;
    }, 60_000);
    assertEquals((await preparation(server, id)).snapshot, null);
    await server.kill();

    const store = await Deno.openKv(kv);
    const { value: row } = await store.get<PreparationRow>(keys.preparing(id));
    store.close();
    assert(row!.scanned >= 50_000, `only ${row!.scanned} were stored`);
    assert(row!.owner !== null, "nobody was working on it");

    server = await ServerProcess.start({ kv });
    const waiting = (await preparation(server, id)).preparation;
    assertEquals(waiting.scanned, row!.scanned, "the stored progress is what is seen");
    let least = Infinity;
    await until("the audience is frozen", async () => {
      const { preparation: { scanned, state }, snapshot } = await preparation(server, id);
      if (state === "calculating") least = Math.min(least, scanned);
      return snapshot !== null;
    }, 90_000);
    assert(least >= row!.scanned, `it began again at ${least}, not at ${row!.scanned}`);
    const { snapshot, preparation: { attempts } } = await preparation(server, id);
    const expected = over45(userCount);
    assertEquals([snapshot.size, attempts], [expected.length, 1]);
    const campaign = await server.expect(200, "GET", `/v1/campaigns/${id}`);
    assertEquals(campaign.json.status, "posting");
    await server.stop();

    const after = await Deno.openKv(kv);
    const { members } = (await new Snapshots(after).load(snapshot.id))!;
    assert(expected.every((user) => members!.has("user", user)));
    assertEquals((await after.get(keys.preparing(id))).value, null);
    const creates = Object.values(mountedModels(after)).map(({ create }) => create);
    // The profiles were put there by the test: no event tells of them.
    const faults = (await fsck(after, creates)).faults.filter((fault) => !/profile/.test(fault));
    assertEquals(faults, []);
    after.close();
  }));

Deno.test("stopped in the middle of it, the next process goes on at once", () =>
  withFolder(async (folder) => {
    const kv = `${folder}/placard.kv`;
    await fill(kv, userCount);
    let server = await ServerProcess.start({ kv });
    const id = await activate(server, (audienceId) => ({
      kind: "all",
      excludeAudienceId: audienceId,
    }));
    await until("a part is calculated", async () => {
      return (await preparation(server, id)).preparation.scanned > userCount / 4;
    }, 60_000);
    await server.stop();

    const store = await Deno.openKv(kv);
    const { value: row } = await store.get<PreparationRow>(keys.preparing(id));
    store.close();
    assertEquals([row!.owner, row!.failures], [null, 0], "the next one would have to wait");

    server = await ServerProcess.start({ kv });
    await until("it goes on", async () => {
      return (await preparation(server, id)).preparation.state !== "waiting";
    });
    const { preparation: { scanned } } = await preparation(server, id);
    assert(scanned >= 50_000, `it began again: ${scanned}`);
    await server.stop();
  }));

if (denokvEngine.ignore) {
  console.log("skipped: an overtaken process, because denokv is not installed");
}

Deno.test({
  name: "two processes on one store: one is killed, the other goes on with its calculation",
  ignore: denokvEngine.ignore,
  fn: async () => {
    const store = await denokvEngine.open();
    const servers: ServerProcess[] = [];
    try {
      const kv = store.address!;
      await fill(kv, 150_000);
      for (let count = 0; count < 2; count++) servers.push(await ServerProcess.start({ kv }));
      const [first, second] = servers as [ServerProcess, ServerProcess];
      const id = await activate(first, (audienceId) => ({ kind: "audience", audienceId }));
      await until("the other one knows of it", async () => {
        return (await second.call("GET", `/v1/campaigns/${id}`)).status === 200;
      });
      await until("a part is stored", async () => {
        return (await preparation(second, id)).preparation.scanned >= 50_000;
      }, 60_000);
      assertEquals((await preparation(second, id)).snapshot, null);
      await first.kill();
      const stored = (await preparation(second, id)).preparation.scanned;
      let least = Infinity;
      await until("the other one has frozen it", async () => {
        const { preparation: { scanned }, snapshot } = await preparation(second, id);
        least = Math.min(least, scanned);
        return snapshot !== null;
      }, 60_000);
      assert(least >= stored, `it began again at ${least}, not at ${stored}`);
      const { snapshot } = await preparation(second, id);
      assertEquals(snapshot.size, over45(150_000).length);
      await second.stop();
    } finally {
      for (const server of servers) await server.kill();
      await store.close();
    }
  },
});
