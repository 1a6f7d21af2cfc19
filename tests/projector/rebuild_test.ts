/** A rebuild gives what is live, mends what is damaged, and disturbs nobody. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { keys } from "../../src/event_store/mod.ts";
import { mountedModels } from "../../src/placard.ts";
import {
  type Live,
  type Mounted,
  rebuild,
  RebuildError,
  RowDamagedError,
  Slot,
  switchBack,
} from "../../src/projector/mod.ts";
import { Instance, range } from "../event_store/counters.ts";
import { FaultyKv } from "../support/faulty_kv.ts";
import { runTask, sleep, until, withFolder } from "../support/process.ts";
import { minuteMs, openTestServer, type TestServer, withServer } from "../support/server.ts";
import {
  assertFresh,
  assertSameRows,
  counterRows,
  freshRows,
  Process,
  storedRows,
} from "./projections.ts";

async function withMemory(body: (kv: Deno.Kv, log: Instance) => Promise<void>): Promise<void> {
  const kv = await Deno.openKv(":memory:");
  const log = await Instance.open(kv);
  try {
    await body(kv, log);
  } finally {
    await log.close();
    kv.close();
  }
}

async function addSome(log: Instance, count: number, counters = 5): Promise<void> {
  await Promise.all(range(count).map((nth) => log.add(`c${nth % counters}`, { by: nth + 1 })));
}

async function liveOf(kv: Deno.Kv, name: string): Promise<Live> {
  return (await kv.get<Live>(keys.live(name))).value!;
}

async function slotNames(kv: Deno.Kv, name: string): Promise<Set<string>> {
  const names = new Set<string>();
  for (const prefix of [keys.checkpointPrefix(name), keys.rowPrefix(name, "").slice(0, -1)]) {
    for await (const { key } of kv.list({ prefix })) names.add(String(key[3]));
  }
  return names;
}

/** Every status, edits, interactions of several days. */
async function aDayOf(server: TestServer): Promise<void> {
  const posting = await server.campaignIn("posting");
  for (const status of ["writing", "waiting_to_post", "stopped", "ended"] as const) {
    await server.campaignIn(status);
  }
  await server.campaignIn("posting_reflecting_modifications");
  const deleted = await server.draft();
  await server.expect(204, "DELETE", `/v1/campaigns/${deleted}`);
  for (const round of range(4)) {
    server.advance(11 * minuteMs);
    await interact(server, posting, round * 50, 50);
    await server.placard.engine.projector.flush();
  }
  await server.expect(200, "PATCH", `/v1/campaigns/${posting}`, { body: { priority: 7 } });
  await server.expect(200, "PATCH", "/v1/workspace", { body: { timeZone: "Asia/Seoul" } });
  await server.placard.engine.projector.flush();
  await interact(server, posting, 150, 100);
}

function interact(server: TestServer, campaignId: string, first: number, count: number) {
  const interactions = range(count).map((nth) => ({
    id: `i${first + nth}`,
    kind: nth % 3 === 0 ? "click" : "impression",
    campaignId,
    elementId: nth % 3 === 0 ? "buy" : undefined,
    platform: "web",
    deviceId: `d${(first + nth) % 17}`,
    userId: nth % 2 === 0 ? `u${nth % 5}` : undefined,
    occurredAt: new Date(server.nowMs()).toISOString(),
  }));
  return server.expect(202, "POST", "/v1/interactions", { role: "sdk", body: { interactions } });
}

/** A list with a member, so that every read model has rows. */
async function guests(server: TestServer): Promise<void> {
  const body = { name: "Guests", kind: "list" };
  const { json } = await server.expect(201, "POST", "/v1/audiences", { body });
  await server.expect(200, "POST", `/v1/audiences/${json.id}/members`, {
    body: '{"op":"add","userId":"u1"}',
    headers: { "content-type": "application/x-ndjson" },
  });
}

Deno.test("a rebuild of every read model finds what is live", async () => {
  await withServer(async (server) => {
    await guests(server);
    await aDayOf(server);
    const { engine } = server.placard;
    for (const mounted of engine.projector.mounted) {
      const done = await rebuild({
        kv: server.kv,
        reader: engine.reader,
        create: mounted.create,
      });
      assertEquals(done.comparison?.differences, [], mounted.name);
      assert(done.comparison!.rowCount > 0, mounted.name);
      assertEquals(done.position, engine.tail.cursor.position);
      const { revision } = mounted.model;
      assertEquals(done.live, { slot: `${revision}.2`, previous: `${revision}.1` });
    }
    for (const mounted of engine.projector.mounted) {
      const { revision } = mounted.model;
      const again = await rebuild({ kv: server.kv, reader: engine.reader, create: mounted.create });
      assertEquals(again.comparison?.differences, [], mounted.name);
      assertEquals(again.live, { slot: `${revision}.3`, previous: `${revision}.2` });
      // What is older than the way back is gone.
      assertEquals(
        await slotNames(server.kv, mounted.name),
        new Set([`${revision}.2`, `${revision}.3`]),
      );
    }
  });
});

Deno.test("a damaged row is found, named and mended", async () => {
  await withMemory(async (kv, log) => {
    await addSome(log, 20);
    const process = await Process.open(kv, [counterRows()]);
    await process.flush();
    const [mounted] = process.mounted;
    const part = (row: string) => keys.row("counters", "1.1", `counter:${row}`, 0);
    const first = (await kv.get<{ bytes: Uint8Array }>(part("c1"))).value!;
    const damaged = new TextDecoder().decode(first.bytes).replace('"count":4', '"count":5');
    await kv.set(part("c1"), { ...first, bytes: new TextEncoder().encode(damaged) });
    await kv.delete(part("c2"));
    await kv.set(part("stranger"), first);
    await kv.set(part("c3"), "nonsense");
    await kv.set(part("c4"), { ...first, parts: 2 });

    const options = { kv, reader: process.reader, create: counterRows() };
    const dry = await rebuild({ ...options, dryRun: true });
    assertEquals(dry.live, null);
    assertEquals(await liveOf(kv, "counters"), { slot: "1.1", previous: null });
    const { comparison } = await rebuild(options);
    assertEquals(comparison, dry.comparison);
    assertEquals(
      comparison!.differences.map(({ key, fault }) => `${key} ${fault}`).sort(),
      [
        "counter:c1 differs",
        "counter:c2 missing",
        "counter:c3 unreadable",
        "counter:c4 unreadable",
        "counter:stranger too many",
      ],
    );
    assertEquals(comparison!.differenceCount, 5);
    const differs = comparison!.differences.find(({ fault }) => fault === "differs")!;
    assertStringIncludes(differs.detail, "at byte 9");
    assertEquals(await mounted!.switched(), true);
    const mended = await Process.open(kv, [counterRows()]);
    assertEquals(mended.mounted[0]!.slotName, "1.2");
    assertSameRows(await storedRows(kv, mended.mounted[0]!), await freshRows(kv, counterRows()));
  });
});

Deno.test("a row that cannot be read stops a start at once and names the way out", async () => {
  await withMemory(async (kv, log) => {
    await addSome(log, 5);
    await (await Process.open(kv, [counterRows()])).flush();
    const key = keys.row("counters", "1.1", "counter:c1", 0);
    const first = (await kv.get<{ bytes: Uint8Array }>(key)).value!;
    for (const damage of [{ ...first, bytes: new Uint8Array(7) }, { ...first, parts: 3 }, "?"]) {
      await kv.set(key, damage);
      const startedAtMs = performance.now();
      const error = await assertRejects(() => Process.open(kv, [counterRows()]), RowDamagedError);
      assertStringIncludes(error.message, "row counter:c1 of counters");
      assertStringIncludes(error.message, "deno task rebuild counters");
      assert(performance.now() - startedAtMs < 2_000, "it tried again and again");
    }
  });
});

Deno.test("rows ahead of the checkpoint are compared where they stand", async () => {
  await withMemory(async (plain, log) => {
    const paddingBytes = 200_000;
    const kv = new FaultyKv(plain);
    await addSome(log, 12, 12);
    const creates = [counterRows({ paddingBytes })];
    const process = await Process.open(kv.asKv(), creates);
    await process.flush();
    await addSome(log, 12, 12);
    await process.poll();
    // The flush dies between its commits.
    kv.fail("throw before", {
      method: "commit",
      setsPrefix: ["default", "cp"],
      skip: 1,
      times: 99,
    });
    await process.flush().catch(() => {});
    await addSome(log, 3, 3);
    const options = { kv: plain, reader: process.reader, create: creates[0]! };
    const { comparison } = await rebuild({ ...options, dryRun: true });
    assertEquals(comparison!.differences, []);
    assert(comparison!.aheadCount > 0 && comparison!.aheadCount < 12, `${comparison!.aheadCount}`);
    // One of those is damaged.
    let ahead = "";
    for await (const { key, through } of new Slot(plain, "counters", "1.1").rows()) {
      if (through > comparison!.position) ahead = key;
    }
    const part = keys.row("counters", "1.1", ahead, 0);
    const first = (await plain.get<{ bytes: Uint8Array }>(part)).value!;
    first.bytes[10]! ^= 1;
    const rest: [Deno.KvKey, unknown][] = [];
    for await (const entry of plain.list({ prefix: part.slice(0, -1) })) {
      rest.push([entry.key, entry.key.at(-1) === 0 ? first : entry.value]);
    }
    // All parts in one commit, as they belong together.
    const operation = plain.atomic();
    for (const [key, value] of rest) operation.set(key, value);
    await operation.commit();
    const found = await rebuild(options);
    assertEquals(found.comparison!.differences.map(({ key, fault }) => ({ key, fault })), [
      { key: ahead, fault: "differs" },
    ]);
    await assertFresh(plain, await Process.open(plain, creates));
  });
});

Deno.test("back again, and on", async () => {
  await withMemory(async (kv, log) => {
    await addSome(log, 5);
    const process = await Process.open(kv, [counterRows()]);
    await assertRejects(() => switchBack(kv, "counters"), RebuildError, "no slot before");
    await process.flush();
    await assertRejects(() => switchBack(kv, "counters"), RebuildError, "no slot before");
    const options = { kv, reader: process.reader, create: counterRows() };
    await rebuild(options);
    await addSome(log, 7);
    assertEquals(await switchBack(kv, "counters"), { slot: "1.1", previous: "1.2" });
    const back = await Process.open(kv, [counterRows()]);
    assertEquals(back.mounted[0]!.slotName, "1.1");
    await assertFresh(kv, back);
    assertEquals(await switchBack(kv, "counters"), { slot: "1.2", previous: "1.1" });
    await assertFresh(kv, await Process.open(kv, [counterRows()]));
    await switchBack(kv, "counters");
    assertEquals((await rebuild(options)).live, { slot: "1.3", previous: "1.1" });
    assertEquals(await slotNames(kv, "counters"), new Set(["1.1", "1.3"]));
    await assertFresh(kv, await Process.open(kv, [counterRows()]));
  });
});

Deno.test("a rebuild makes the first rows and those of a new revision", async () => {
  await withMemory(async (kv, log) => {
    await addSome(log, 5);
    const { reader } = log;
    const first = await rebuild({ kv, reader, create: counterRows() });
    assertEquals([first.comparison, first.live], [null, { slot: "1.1", previous: null }]);
    const raised = await rebuild({ kv, reader, create: counterRows({ revision: 2 }) });
    assertEquals([raised.comparison, raised.live], [null, { slot: "2.1", previous: "1.1" }]);
    await assertRejects(
      () => rebuild({ kv, reader, create: counterRows() }),
      RebuildError,
      "newer code",
    );
    await assertFresh(kv, await Process.open(kv, [counterRows({ revision: 2 })]));
  });
});

Deno.test("a poison event stops a rebuild, and nothing is switched", async () => {
  await withMemory(async (kv, log) => {
    await addSome(log, 5);
    await (await Process.open(kv, [counterRows()])).flush();
    const poisoned = await log.add("c1", { by: 13 });
    await assertRejects(
      () => rebuild({ kv, reader: log.reader, create: counterRows({ poison: 13 }) }),
      RebuildError,
      poisoned.position,
    );
    assertEquals(await liveOf(kv, "counters"), { slot: "1.1", previous: null });
  });
});

Deno.test("a rebuild that is interrupted anywhere leaves the live slot as it was", async () => {
  const paddingBytes = 200_000;
  const creates = [counterRows({ paddingBytes })];
  let died = 0;
  for (const skip of range(20)) {
    await withMemory(async (plain, log) => {
      await addSome(log, 12, 12);
      const process = await Process.open(plain, creates);
      await process.flush();
      const before = await storedRows(plain, process.mounted[0]!);
      const kv = new FaultyKv(plain);
      kv.fail("throw before", { method: "commit", skip, times: 1_000_000 });
      const options = { kv: kv.asKv(), reader: process.reader, create: creates[0]! };
      const done = await rebuild(options).catch((error) => error);
      if (done instanceof Error) {
        died++;
        assertEquals(await liveOf(plain, "counters"), { slot: "1.1", previous: null });
        assertEquals(await process.mounted[0]!.switched(), false);
      } else assertEquals(await liveOf(plain, "counters"), done.live);
      assertSameRows(await storedRows(plain, process.mounted[0]!), before);
      await assertFresh(plain, await Process.open(plain, creates));
      // The next one clears what was left.
      const { live, comparison } = await rebuild({ ...options, kv: plain });
      assertEquals(comparison!.differences, []);
      assertEquals(await slotNames(plain, "counters"), new Set([live!.slot, live!.previous!]));
      await assertFresh(plain, await Process.open(plain, creates));
    });
  }
  assert(died >= 5 && died < 20, `${died} died`);
});

for (const fault of ["throw after", "throw before", "resend", "busy", "late"] as const) {
  Deno.test(`a rebuild survives a fault of any of its commits: ${fault}`, async () => {
    const creates = [counterRows({ paddingBytes: 200_000 })];
    for (const skip of range(8)) {
      await withMemory(async (plain, log) => {
        await addSome(log, 12, 12);
        const process = await Process.open(plain, creates);
        await process.flush();
        const kv = new FaultyKv(plain);
        kv.fail(fault, { method: "commit", skip });
        await rebuild({ kv: kv.asKv(), reader: process.reader, create: creates[0]! });
        await kv.heal();
        assertEquals(await liveOf(plain, "counters"), { slot: "1.2", previous: "1.1" });
        await assertFresh(plain, await Process.open(plain, creates));
      });
    }
  });
}

Deno.test("of two rebuilds at once none spoils the other", async () => {
  const creates = [counterRows({ paddingBytes: 200_000 })];
  for (const _ of range(5)) {
    await withMemory(async (kv, log) => {
      await addSome(log, 12, 12);
      const process = await Process.open(kv, creates);
      await process.flush();
      const options = { kv, reader: process.reader, create: creates[0]! };
      const done = await Promise.allSettled(range(3).map(() => rebuild(options)));
      for (const one of done) {
        if (one.status === "rejected") assert(one.reason instanceof RebuildError, one.reason);
      }
      assert(done.some(({ status }) => status === "fulfilled"));
      const reopened = await Process.open(kv, creates);
      assertEquals(reopened.mounted[0]!.slotName, (await liveOf(kv, "counters")).slot);
      assertSameRows(await storedRows(kv, reopened.mounted[0]!), await freshRows(kv, creates[0]!));
    });
  }
});

Deno.test("under load no question fails or sees lower totals while its model is exchanged", async () => {
  const server = await openTestServer();
  try {
    const campaign = await server.campaignIn("posting");
    await server.expect(200, "PATCH", "/v1/workspace", { body: { timeZone: "Asia/Seoul" } });
    await guests(server);
    const models = server.placard.engine.projector.mounted.filter((one) =>
      one.options.exchangeable
    );
    await interact(server, campaign, 0, 300);
    await server.placard.engine.projector.flush();
    const before = models.map(({ slotName }) => slotName);
    let over = false, sent = 300, edits = 0, asked = 0, drafts = 0;
    const writing = async () => {
      while (!over) {
        await interact(server, campaign, sent, 20);
        sent += 20;
        const body = { description: `edit ${++edits}` };
        await server.expect(200, "PATCH", `/v1/campaigns/${campaign}`, { body });
        if (edits % 5 === 0) {
          await server.draft();
          drafts++;
        }
        server.advance(50);
        await sleep(5);
      }
    };
    const reading = async () => {
      let clicksBefore = 0, versionBefore = 0, campaignsBefore = 1;
      while (!over) {
        const acknowledged = sent;
        const kpi = (await server.expect(200, "GET", `/v1/campaigns/${campaign}/kpi`)).json;
        const total = kpi.totalImpressions + kpi.totalClicks;
        assert(total >= acknowledged, `${total} of ${acknowledged}`);
        assert(kpi.totalClicks >= clicksBefore, "totals went down");
        clicksBefore = kpi.totalClicks;
        const got = (await server.expect(200, "GET", `/v1/campaigns/${campaign}`)).json;
        assert(got.version >= versionBefore, "the version went down");
        versionBefore = got.version;
        const timeline = (await server.expect(200, "GET", `/v1/campaigns/${campaign}/status`)).json;
        assertEquals(timeline.timeline[0].status, "writing");
        const made = 1 + drafts;
        const all = (await server.expect(200, "GET", "/v1/campaigns?limit=1")).json;
        const counts = Object.values(all.countsByStatus as Record<string, number>);
        const campaigns = counts.reduce((total, count) => total + count, 0);
        assert(campaigns >= Math.max(made, campaignsBefore), `${campaigns} campaigns of ${made}`);
        campaignsBefore = campaigns;
        const delivery = "/v1/delivery?platform=web&deviceId=d1";
        const { messages } = (await server.expect(200, "GET", delivery, { role: "sdk" })).json;
        assertEquals(messages.length, 1);
        asked++;
        // Answers from memory would leave the others no turn.
        await sleep(1);
      }
    };
    const rebuilding = async () => {
      for (const mounted of models) {
        await rebuild({
          kv: server.kv,
          reader: server.placard.engine.reader,
          create: mounted.create,
        });
      }
      await until(
        "the running server takes all slots over",
        () => models.every(({ slotName }, index) => slotName !== before[index]),
      );
      for (const { name } of models) await switchBack(server.kv, name);
      await until(
        "the running server goes back to the slots before",
        () => models.every(({ slotName }, index) => slotName === before[index]),
      );
    };
    const load = [writing(), reading(), reading()];
    try {
      await Promise.race([rebuilding(), ...load]);
    } finally {
      over = true;
    }
    await Promise.all(load);
    assert(asked > 20, `asked ${asked} times`);
    const kpi = (await server.expect(200, "GET", `/v1/campaigns/${campaign}/kpi`)).json;
    assertEquals(kpi.totalImpressions + kpi.totalClicks, sent);
    // What it writes now goes into the new slots.
    await server.placard.engine.projector.flush();
    for (const mounted of models) await assertSlotFresh(server, mounted);
  } finally {
    await server.close();
  }
});

/** The slot of a running server holds what the log gives. */
async function assertSlotFresh(server: TestServer, mounted: Mounted): Promise<void> {
  const { comparison } = await rebuild({
    kv: server.kv,
    reader: server.placard.engine.reader,
    create: mounted.create,
    dryRun: true,
  });
  assertEquals(comparison!.differences, [], mounted.name);
}

Deno.test("the task rebuilds in a second process while a server runs", async () => {
  await withFolder(async (folder) => {
    const path = `${folder}/placard.kv`;
    const missing = await runTask("rebuild", ["kpi"], path);
    assertEquals(missing.code, 1);
    assertStringIncludes(missing.output, `no database at ${path}`);
    const kv = await Deno.openKv(path);
    const server = await openTestServer({ kv });
    try {
      await aDayOf(server);
      await server.placard.engine.projector.flush();
      const names = Object.values(mountedModels(kv)).map(({ name }) => name);
      const unknown = await runTask("rebuild", ["nonsense"], path);
      assertEquals(unknown.code, 1);
      for (const name of names) assertStringIncludes(unknown.output, name);
      assertEquals((await runTask("rebuild", [], path)).code, 1);
      assertEquals((await runTask("rebuild", ["kpi", "--bak"], path)).code, 1);

      const dry = await runTask("rebuild", ["kpi", "--dry-run"], path);
      assertEquals(dry.code, 0, dry.output);
      assertStringIncludes(dry.output, "no differences");
      assertEquals((await liveOf(kv, "kpi")).slot, "3.1");
      const { kpi } = server.placard.engine.models;
      const done = await runTask("rebuild", ["kpi"], path);
      assertEquals(done.code, 0, done.output);
      assertStringIncludes(done.output, "slot 3.2 is live");
      await until("the server notices", () => kpi.slotName === "3.2");
      const back = await runTask("rebuild", ["kpi", "--back"], path);
      assertEquals(back.code, 0, back.output);
      await until("the server notices", () => kpi.slotName === "3.1");
      await assertSlotFresh(server, kpi);
    } finally {
      await server.close();
      kv.close();
    }
  });
});
