/** Campaigns that prepare get their snapshot: at once where it is small, and in spite of failures. */
import { assert, assertEquals } from "@std/assert";
import { keys } from "../../src/event_store/mod.ts";
import { openPlacard, type Placard } from "../../src/placard.ts";
import { FaultyKv } from "../support/faulty_kv.ts";
import { until } from "../support/process.ts";
import { hourMs, presetKeys, type TestServer, withServer } from "../support/server.ts";
import {
  activated,
  adults,
  frozen,
  leftovers,
  listAudience,
  people,
  preparationOf,
  ruleAudience,
  userNames,
  usersIn,
} from "./scene.ts";

const status = async (server: TestServer, id: string) =>
  (await server.expect(200, "GET", `/v1/campaigns/${id}`)).json.status;

Deno.test("a campaign for an audience by rule posts without anybody's doing", () =>
  withServer(async (server) => {
    await people(server, 30);
    const id = await activated(server, {
      kind: "audience",
      audienceId: await ruleAudience(server),
    });
    const snapshot = await frozen(server, id);
    assertEquals(await usersIn(server, snapshot.members, 30), userNames(18, 30));
    assertEquals([snapshot.size, snapshot.excluded], [12, null]);
    assertEquals(await status(server, id), "posting");
    assertEquals((await preparationOf(server, id)).preparation, {
      state: "frozen",
      scanned: 30,
      total: 30,
      matched: 12,
      attempts: 1,
    });
    await until("the row is gone", async () => (await leftovers(server.kv)).rows === 0);
  }));

Deno.test("members, those left out, and everybody but some", () =>
  withServer(async (server) => {
    await people(server, 20);
    const list = await listAudience(server, ["u1", "u2", "u19", "stranger"]);
    const rule = await ruleAudience(server, { ">=": [{ var: "user.age" }, 15] });
    const both = await activated(server, {
      kind: "audience",
      audienceId: list,
      excludeAudienceId: rule,
    });
    const snapshot = await frozen(server, both);
    assertEquals(await usersIn(server, snapshot.members, 20), ["u1", "u2", "u19"]);
    assertEquals(await usersIn(server, snapshot.excluded, 20), userNames(15, 20));
    assertEquals(snapshot.size, 3);

    const allBut = await frozen(
      server,
      await activated(server, { kind: "all", excludeAudienceId: list }),
    );
    assertEquals([allBut.members, allBut.size], [null, null]);
    assertEquals(await usersIn(server, allBut.excluded, 20), ["u1", "u2", "u19"]);
    assert(/^[0-9a-f]{64}$/.test(allBut.digest!));

    const all = await activated(server, { kind: "all" });
    const { snapshot: everybody } = await preparationOf(server, all);
    assertEquals(everybody.id, "all");
    assertEquals(server.placard.engine.snapshots.get("all")?.members, null);
  }));

Deno.test("the snapshot does not follow what comes later, and a restart takes another one", () =>
  withServer(async (server) => {
    await people(server, 20);
    const audienceId = await ruleAudience(server);
    const id = await activated(server, { kind: "audience", audienceId });
    const before = await frozen(server, id);
    const rule = { "==": [{ var: "user.age" }, 3] };
    await server.expect(200, "PATCH", `/v1/audiences/${audienceId}`, { body: { rule } });
    await server.expect(200, "PUT", "/v1/users/u19", { body: { attributes: { age: 1 } } });
    assertEquals((await frozen(server, id)).digest, before.digest);
    await server.expect(200, "POST", `/v1/campaigns/${id}/stop`);
    await server.expect(200, "POST", `/v1/campaigns/${id}/restart`);
    const after = await frozen(server, id);
    assertEquals(await usersIn(server, after.members, 20), ["u3"]);
    // The old one can still be read: it says who might have seen what.
    assertEquals((await server.placard.engine.snapshots.load(before.id))?.size, 2);
  }));

Deno.test("it prepares at the boundary, and a start picks up what prepares", async () => {
  const kv = await Deno.openKv(":memory:");
  const held = new FaultyKv(kv);
  let id = "";
  await withServer(async (server) => {
    await people(server, 20);
    const audience = { kind: "audience", audienceId: await ruleAudience(server) };
    id = await server.draft({
      audience,
      schedule: {
        startAt: new Date(server.nowMs() + 2 * hourMs).toISOString(),
        endAt: new Date(server.nowMs() + 9 * hourMs).toISOString(),
      },
    });
    await server.expect(200, "POST", `/v1/campaigns/${id}/activate`);
    assertEquals((await preparationOf(server, id)).preparation.state, "waiting");
    server.placard.engine.identities.highest = () => Promise.reject(new Error("not now"));
    server.advance(1.5 * hourMs);
    await until("it is tried", async () => {
      return (await preparationOf(server, id)).preparation.state === "retrying";
    });
  }, { kv: held.asKv() });
  await withServer(async (server) => {
    assertEquals((await frozen(server, id)).size, 2);
    assertEquals(await status(server, id), "preparing_to_publish");
  }, { kv, clock: "2026-04-01T10:30:00.000Z" });
  kv.close();
});

Deno.test("whoever stops, ends or forgets about it: the calculation gives up", async () => {
  const plain = await Deno.openKv(":memory:");
  const kv = new FaultyKv(plain);
  await withServer(async (server) => {
    await people(server, 20);
    const audience = { kind: "audience", audienceId: await ruleAudience(server) };
    const before = await leftovers(plain);
    // The second commit is the one with the members.
    const held = kv.hold({ method: "commit", setsPrefix: keys.preparingPrefix(), skip: 1 });
    const id = await activated(server, audience);
    await held.arrived;
    await server.expect(200, "POST", `/v1/campaigns/${id}/stop`);
    await server.request("GET", `/v1/campaigns/${id}`);
    held.release();
    await until("nothing is left", async () => {
      return JSON.stringify(await leftovers(plain)) === JSON.stringify(before) ||
        (await leftovers(plain)).rows === 0;
    });
    assertEquals((await preparationOf(server, id)).snapshot, null);
    // A restart while the first calculation comes to its end.
    const again = kv.hold({ method: "commit", setsPrefix: keys.preparingPrefix(), skip: 1 });
    server.advance(1_000);
    await server.expect(200, "POST", `/v1/campaigns/${id}/restart`);
    await again.arrived;
    await server.expect(200, "POST", `/v1/campaigns/${id}/stop`);
    server.advance(1_000);
    await server.expect(200, "POST", `/v1/campaigns/${id}/restart`);
    again.release();
    assertEquals((await frozen(server, id)).size, 2);
    await until("no row is left", async () => (await leftovers(plain)).rows === 0);
  }, { kv: kv.asKv() });
  plain.close();
});

Deno.test("a failure is seen, and tried again until it is over", () =>
  withServer(async (server) => {
    await people(server, 20);
    const { engine } = server.placard;
    const scan = engine.profiles.scan.bind(engine.profiles);
    let broken = true;
    engine.profiles.scan = async function* (kind, from, to) {
      for await (const row of scan(kind, from, to)) {
        if (broken && row.number > 10) throw new Error("the disk is full");
        yield row;
      }
    };
    const id = await activated(server, {
      kind: "audience",
      audienceId: await ruleAudience(server),
    });
    await until("it failed twice", async () => {
      const { preparation: { attempts, state, error }, snapshot } = await preparationOf(server, id);
      assertEquals(snapshot, null);
      // It also may be at the next attempt just now.
      if (attempts < 2 || state !== "retrying") return false;
      assertEquals(error, "the disk is full");
      return true;
    });
    const metrics = await server.expect(200, "GET", "/metrics");
    assert(metrics.text.includes("placard_preparations 1\n"));
    assert(metrics.text.includes("placard_preparations_failing 1\n"));
    assertEquals(await status(server, id), "preparing_to_publish");
    broken = false;
    assertEquals((await frozen(server, id)).size, 2);
    assert((await preparationOf(server, id)).preparation.attempts >= 3);
    const after = await server.expect(200, "GET", "/metrics");
    assert(after.text.includes("placard_preparations_failing 0\n"));
  }));

Deno.test("an audience that is gone is a failure that can be seen", () =>
  withServer(async (server) => {
    await people(server, 20);
    const { engine } = server.placard;
    const audienceId = await ruleAudience(server);
    const audiences = engine.models.audiences.model;
    const get = audiences.get.bind(audiences);
    audiences.get = () => undefined;
    const id = await activated(server, { kind: "audience", audienceId });
    await until("it failed", async () => {
      return (await preparationOf(server, id)).preparation.state === "retrying";
    });
    const { preparation: { error } } = await preparationOf(server, id);
    assert(error.includes(audienceId), error);
    audiences.get = get;
    assertEquals((await frozen(server, id)).size, 2);
  }));

for (const seed of [1, 2, 3]) {
  Deno.test(`whatever the store does, the snapshot is whole and right (seed ${seed})`, async () => {
    const plain = await Deno.openKv(":memory:");
    const kv = new FaultyKv(plain, {
      seed,
      faults: { "throw before": 0.05, "throw after": 0.05, busy: 0.05, resend: 0.05, late: 0.03 },
    });
    let isRight = false;
    await withServer(async (server) => {
      await people(server, 25);
      const list = await listAudience(server, ["u20", "u3"]);
      const id = await activated(server, {
        kind: "audience",
        audienceId: await ruleAudience(server),
        excludeAudienceId: list,
      });
      const snapshot = await frozen(server, id);
      assertEquals(await usersIn(server, snapshot.members, 25), userNames(18, 25));
      assertEquals(await usersIn(server, snapshot.excluded, 25), ["u3", "u20"]);
      assertEquals(snapshot.size, 6);
      isRight = true;
    }, { kv: kv.asKv() }).catch((error) => {
      // The last flush of a server that closes is not tried again.
      if (!isRight) throw error;
    });
    await kv.heal();
    plain.close();
  });
}

/** Another instance on the same store and clock. */
function openBeside(server: TestServer): Promise<Placard> {
  let ids = 0;
  return openPlacard({
    kv: server.kv,
    presetKeys,
    prepareLeadMs: hourMs,
    reflectWindowMs: 600_000,
    activeLimit: 30,
    timeZone: "UTC",
    nowMs: server.nowMs,
    newId: () => "f".repeat(8) + (++ids).toString(16).padStart(24, "0"),
    newSecret: () => (++ids).toString(16).padStart(64, "0"),
    onBug: (error) => {
      throw error;
    },
  });
}

Deno.test("two instances make one snapshot", () =>
  withServer(async (server) => {
    const other = await openBeside(server);
    await people(server, 40);
    const audienceId = await ruleAudience(server, adults);
    for (let round = 1; round <= 5; round++) {
      const id = await activated(server, { kind: "audience", audienceId });
      const { id: snapshotId, size } = await frozen(server, id);
      assertEquals(size, 22);
      await until("the other one has it at hand", () => {
        return other.engine.snapshots.get(snapshotId) !== undefined;
      });
      const progress = await other.engine.preparations.progress(id);
      assertEquals(progress, (await preparationOf(server, id)).preparation);
      await until("no row is left", async () => (await leftovers(server.kv)).rows === 0);
      assertEquals((await leftovers(server.kv)).snapshots, round);
    }
    await other.close();
  }));

Deno.test("an instance that hangs is overtaken after ten seconds, and can then write nothing", () =>
  withServer(async (server) => {
    await people(server, 40);
    const { profiles } = server.placard.engine;
    const scan = profiles.scan.bind(profiles);
    const hung = Promise.withResolvers<void>();
    profiles.scan = async function* (kind, from, to) {
      await hung.promise;
      // What it goes on to find must not get into the snapshot.
      for await (const row of scan(kind, from, to)) yield { ...row, attributes: { age: 99 } };
    };
    const id = await activated(server, {
      kind: "audience",
      audienceId: await ruleAudience(server),
    });
    await until("it is under way", async () => {
      return (await preparationOf(server, id)).preparation.state === "calculating";
    });
    const other = await openBeside(server);
    const beganAtMs = performance.now();
    const { preparations, models } = other.engine;
    assertEquals((await preparations.progress(id)).state, "calculating");
    await until("the other one has frozen it", async () => {
      await other.engine.tail.poll();
      return (await preparations.progress(id)).state === "frozen";
    });
    const tookMs = performance.now() - beganAtMs;
    assert(tookMs > 9_000 && tookMs < 15_000, `it took ${tookMs} ms`);
    hung.resolve();
    assertEquals((await frozen(server, id)).size, 22);
    assertEquals(models.campaigns.model.get(id)?.status, "posting");
    await until("no row is left", async () => (await leftovers(server.kv)).rows === 0);
    assertEquals((await leftovers(server.kv)).snapshots, 1);
    await other.close();
  }));
