/** An export takes all there is, goes on where it was cut off, and holds when it is verified. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  ExportFolder,
  exportHistory,
  ExportRefusedError,
  HistoryServerError,
  ServerSource,
  verifyHistory,
} from "../../src/audit/mod.ts";
import { verifierKey } from "../../src/audit/tlog/mod.ts";
import { withFolder } from "../support/process.ts";
import {
  checkpointOf,
  type ExportedFiles,
  exportOf,
  forged,
  type History,
  memoryRows,
  signer,
  strangerSigner,
  verified,
} from "./forged_export.ts";
import { HistoryServer, type HistoryServerOptions } from "./history_server.ts";
import { told } from "./told_history.ts";

const key = verifierKey(signer);
const linesPerSegment = 100;
const eventPath = "/v1/events";

async function startOf(history: History, count: number): Promise<History> {
  return await forged(history.events.slice(0, count));
}

async function filesIn(folder: string): Promise<ExportedFiles> {
  const files: ExportedFiles = new Map();
  for await (const name of new ExportFolder(folder).list()) {
    files.set(name, await Deno.readFile(`${folder}/${name}`));
  }
  return files;
}

async function exported(server: HistoryServer, folder: string) {
  const client = server.client();
  return await exportHistory({ client, folder: new ExportFolder(folder), linesPerSegment });
}

Deno.test("export: all of it, byte for byte, and nothing else", async () => {
  const history = await told();
  await withFolder(async (folder) => {
    const { manifest, keptCount } = await exported(new HistoryServer(history), folder);
    assertEquals({ size: manifest.checkpointSize, keptCount }, { size: 600, keptCount: 0 });
    assertEquals(sorted(await filesIn(folder)), sorted(exportOf(history, signer, linesPerSegment)));
  });
});

Deno.test("export: an empty log", async () => {
  await withFolder(async (folder) => {
    await exported(new HistoryServer({ events: [], claims: [] }), folder);
    assertEquals((await verified(await filesIn(folder), { key })).faults, []);
  });
});

Deno.test("export: an older one is brought up to date by what is new", async () => {
  const history = await told();
  const server = new HistoryServer(await startOf(history, 350));
  await withFolder(async (folder) => {
    await exported(server, folder);
    server.become(history);
    server.paths.length = 0;
    assertEquals((await exported(server, folder)).keptCount, 300);
    const { position } = history.events[299]!;
    assertEquals(server.paths.filter((path) => path.startsWith(eventPath)), [
      `${eventPath}?from=${position}`,
    ]);
    const files = await filesIn(folder);
    assertEquals(sorted(files), sorted(exportOf(history, signer, linesPerSegment)));
    const since = checkpointOf(history.events, 350);
    assertEquals((await verified(files, { key, since })).faults, []);
  });
});

Deno.test("export: one that was cut off is no export, and is gone on with", async () => {
  const history = await told();
  let broken = true;
  const instead: HistoryServerOptions["instead"] = (path) =>
    broken && path.includes("/tile/") ? new Response("no", { status: 422 }) : null;
  const server = new HistoryServer(history, { instead });
  await withFolder(async (folder) => {
    await assertRejects(() => exported(server, folder), HistoryServerError, "answers 422");
    assertStringIncludes((await verified(await filesIn(folder))).faults.join(), "not finished");
    broken = false;
    // What was altered meanwhile is taken anew, and what comes after it.
    await Deno.writeTextFile(`${folder}/events-000003.ndjson`, "{}\n");
    assertEquals((await exported(server, folder)).keptCount, 300);
    assertEquals(sorted(await filesIn(folder)), sorted(exportOf(history, signer, linesPerSegment)));
  });
});

Deno.test("export: streams that break and a server that is busy", async () => {
  const history = await told();
  let requests = 0;
  const instead = () =>
    ++requests % 3 === 0
      ? new Response("busy", { status: 503, headers: { "retry-after": "2" } })
      : null;
  const server = new HistoryServer(history, { eventsPerStream: 70, instead });
  await withFolder(async (folder) => {
    await exported(server, folder);
    assertEquals(sorted(await filesIn(folder)), sorted(exportOf(history, signer, linesPerSegment)));
    assert(server.pauses.includes(2_000));
    assert(server.paths.filter((path) => path.startsWith(eventPath)).length > 600 / 70);
  });
});

Deno.test("export: refused where the folder has another history, or a longer one", async () => {
  const history = await told();
  const server = new HistoryServer(history);
  await withFolder(async (folder) => {
    await exported(server, folder);
    server.become(await startOf(history, 250));
    await assertRejects(() => exported(server, folder), ExportRefusedError, "take an empty folder");
    const edited = history.events.map((event, index) =>
      index < 100
        ? event
        : { ...event, stored: { ...event.stored, meta: { ...event.stored.meta, reason: "none" } } }
    );
    server.become(await forged(edited));
    await assertRejects(() => exported(server, folder), HistoryServerError, "another history");
  });
});

Deno.test("export: the key is refused, or the server fails for good", async () => {
  const history = await told();
  await withFolder(async (folder) => {
    const client = new HistoryServer(history).client("another");
    await assertRejects(
      () => exportHistory({ client, folder: new ExportFolder(folder) }),
      HistoryServerError,
      "set PLACARD_AUDITOR_KEY",
    );
    const failing = new HistoryServer(history, {
      instead: () => new Response("broken", { status: 500 }),
    });
    await assertRejects(() => exported(failing, folder), HistoryServerError, "does not answer");
    assert(failing.pauses.every((ms) => ms <= 10_000));
  });
});

Deno.test("verify: a server by its address, and one that says something else", async () => {
  const history = await told();
  const check = async (server: HistoryServer, trust: { since?: string; key?: string } = { key }) =>
    (await verifyHistory({
      source: new ServerSource(server.client()),
      cold: memoryRows(),
      ...trust,
    })).faults;
  const server = new HistoryServer(history);
  assertEquals(await check(server), []);
  assertEquals(await check(server, { key, since: checkpointOf(history.events, 500) }), []);
  // A campaign that it lists, but that no event tells of.
  const unknown = JSON.stringify({ campaignId: "nobody", status: {}, kpi: {} });
  const more = new HistoryServer({ ...history, claims: [...history.claims, unknown] });
  assertEquals(await check(more), ["/v1/campaigns/nobody: no event tells of campaign nobody"]);
  const missing = new HistoryServer(history, {
    instead: (path) => path.endsWith("/kpi") ? Response.json({ totalClicks: 1 }) : null,
  });
  assertStringIncludes((await check(missing)).join(), "the server says /kpi/totalClicks is 1");
  server.become(await forged(history.events.slice(0, 550)), strangerSigner);
  assertStringIncludes((await check(server)).join(), "not signed by the key");
  assertStringIncludes(
    (await check(server, { since: checkpointOf(history.events, 600) })).join(),
    "events are gone from its end",
  );
});

function sorted(files: ExportedFiles): [string, string][] {
  return [...files].sort(([one], [other]) => one < other ? -1 : 1)
    .map(([name, bytes]) => [name, new TextDecoder("latin1").decode(bytes)]);
}
