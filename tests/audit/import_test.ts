/** An export is taken into an empty database: the same history, and what is damaged is refused. */
import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import fc from "fast-check";
import { ExportFolder, fsck, importExport } from "../../src/audit/mod.ts";
import {
  canonicalJson,
  cursorAtStart,
  eventLine,
  ImportRefusedError,
  keys,
  openLog,
  parsePosition,
  StoreFormatError,
} from "../../src/event_store/mod.ts";
import { verifierKey } from "../../src/audit/tlog/mod.ts";
import { upcast } from "../../events/upcast.ts";
import { mountedModels } from "../../src/placard.ts";
import { engines, fileEngine, memoryEngine, testOnEngines } from "../support/engines.ts";
import { FaultyKv, type Method } from "../support/faulty_kv.ts";
import { asyncLaw } from "../support/laws.ts";
import { runTask, withFolder } from "../support/process.ts";
import { openTestServer, type TestServer } from "../support/server.ts";
import {
  checkpointOf,
  type ExportedFiles,
  exportOf,
  filesOf,
  type History,
  historyOf,
  signer,
  strangerSigner,
  type Trust,
} from "./forged_export.ts";
import { fill } from "./filled.ts";

const clock = "2026-03-01T12:00:00.000Z";
const linesPerSegment = 12;
const decoder = new TextDecoder();
const encoder = new TextEncoder();

/** The export of a store in which something of everything has happened, and what it answered. */
interface Source {
  readonly history: History;
  readonly files: ExportedFiles;
  readonly lines: readonly string[];
  readonly rows: ReadonlyMap<string, string>;
  readonly answers: readonly string[];
}

let made: Promise<Source> | null = null;

function source(): Promise<Source> {
  return made ??= (async () => {
    const kv = await Deno.openKv(":memory:");
    try {
      const server = await openTestServer({ kv, clock });
      await fill(server);
      const answers = await answersOf(server);
      const history = await historyOf(server);
      await server.close();
      const files = exportOf(history, signer, linesPerSegment);
      return { history, files, lines: linesOf(files), rows: await modelRows(kv), answers };
    } finally {
      kv.close();
    }
  })();
}

function copyOf(files: ExportedFiles): ExportedFiles {
  return new Map([...files].map(([name, bytes]) => [name, bytes.slice()]));
}

function linesOf(files: ExportedFiles): string[] {
  return [...files].filter(([name]) => name.endsWith(".ndjson"))
    .flatMap(([, bytes]) => decoder.decode(bytes).trimEnd().split("\n"));
}

const nowMs = () => Date.parse(clock);
const doImport = (kv: Deno.Kv, files: ExportedFiles, run = "run", trust: Trust = {}) =>
  importExport({
    kv,
    files: filesOf(files),
    nowMs,
    newId: () => run,
    commitMutationsMax: 7,
    ...trust,
  });

/** Every read model's rows, folded anew from so many commits. */
async function modelRows(kv: Deno.Kv, count = Infinity): Promise<Map<string, string>> {
  const reader = await openLog(kv, upcast);
  const rows = new Map<string, string>();
  const models = Object.values(mountedModels(kv)).map(({ create }) => create());
  for await (const { events } of reader.read(cursorAtStart)) {
    if (count-- === 0) break;
    for (const recorded of events) for (const model of models) model.fold(recorded);
  }
  for (const model of models) {
    for (const key of model.rowKeys()) {
      rows.set(`${model.name} ${key}`, model.encodeRow(key).toHex());
    }
  }
  return rows;
}

/** What clients are told of everything. */
async function answersOf(server: TestServer): Promise<string[]> {
  const answers: string[] = [];
  const ask = async (path: string) => {
    const { text } = await server.expect(200, "GET", path);
    answers.push(`${path} ${text}`);
    return JSON.parse(text);
  };
  await ask("/v1/workspace");
  await ask("/v1/audiences");
  await ask("/v1/kpi");
  for (const { id } of (await ask("/v1/campaigns")).items) {
    await ask(`/v1/campaigns/${id}`);
    await ask(`/v1/campaigns/${id}/status`);
    await ask(`/v1/campaigns/${id}/history`);
    await ask(`/v1/campaigns/${id}/kpi?granularity=day&by=platform`);
  }
  return answers;
}

/** The lines of what stands in the log. */
async function storedLines(kv: Deno.Kv): Promise<string[]> {
  const reader = await openLog(kv, upcast);
  const lines: string[] = [];
  for await (const { epoch, versionstamp, events } of reader.read(cursorAtStart)) {
    const row = await reader.storedRow(epoch, versionstamp);
    lines.push(...events.map(({ position }, index) => eventLine(position, row![index]!)));
  }
  return lines;
}

/** The lines as they were, and behind them the event that says where they came from. */
async function assertImported(kv: Deno.Kv, files: ExportedFiles, told = ""): Promise<void> {
  const lines = await storedLines(kv);
  const { stream, type, data, position } = JSON.parse(lines.pop()!);
  assertEquals(lines, linesOf(files), told);
  assertEquals({ stream, type, data }, {
    stream: "notary",
    type: "log_imported",
    data: { key: verifierKey(signer), checkpoint: decoder.decode(files.get("checkpoint")) },
  });
  const before = parsePosition(JSON.parse(lines.at(-1)!).position)!;
  assertEquals(parsePosition(position)!.epoch, before.epoch + 1);
}

async function positions(kv: Deno.Kv): Promise<string[]> {
  const found: string[] = [];
  for await (const { events } of (await openLog(kv, upcast)).read(cursorAtStart)) {
    found.push(...events.map(({ position }) => position));
  }
  return found;
}

testOnEngines("what comes out of an import is what went into the export", async (store) => {
  const { files, lines, rows, answers } = await source();
  const done = await doImport(store.kv, files);
  assertEquals(done.eventCount, lines.length);
  assertEquals(done.epoch, 2);
  await assertImported(store.plain, files);
  assertEquals(await modelRows(store.plain, done.rowCount), rows);
  const server = await openTestServer({ kv: store.plain, clock });
  try {
    // The server has the keys that the tests set and the workspace that came: it appends nothing.
    assertEquals(await answersOf(server), answers);
    const { position } = await server.expect(201, "POST", "/v1/campaigns", {
      body: server.settings({ name: "After" }),
    });
    assertEquals(parsePosition(position)!.epoch, 2);
    const all = await positions(store.plain);
    assertEquals(all.slice(0, lines.length), lines.map((line) => JSON.parse(line).position));
    assertEquals(all, all.toSorted());
    assertEquals(new Set(all).size, all.length);
    const highest = (await store.plain.get<number>(keys.identityCounter("device"))).value!;
    assert(highest >= 17, `the devices' numbers go on above ${highest}`);
    await server.expect(200, "PUT", "/v1/devices/d1", { body: { attributes: {} } });
    const number = await store.plain.get<number>(keys.identityNumber("device", "d1"));
    assertEquals(number.value, highest + 1);
  } finally {
    await server.close();
  }
  const report = await check(store.plain);
  assertEquals(report.faults, []);
  assertEquals(report.notes.length, 1, "of the audience that was frozen there");
}, engines.filter(({ faulty }) => !faulty));

testOnEngines("an imported log can be exported and imported again", async (store) => {
  const { files, rows } = await source();
  const middle = await Deno.openKv(":memory:");
  try {
    await doImport(middle, files);
    const server = await openTestServer({ kv: middle, clock });
    await server.campaignIn("posting");
    const again = exportOf(await historyOf(server), signer, linesPerSegment);
    await server.close();
    const done = await doImport(store.kv, again);
    assertEquals(done.epoch, 3);
    await assertImported(store.plain, again);
    assert((await modelRows(store.plain)).size > rows.size);
    assertEquals((await check(store.plain)).faults, []);
  } finally {
    middle.close();
  }
}, [memoryEngine]);

Deno.test("an import is only for a database that holds nothing", async () => {
  const { files } = await source();
  const kv = await Deno.openKv(":memory:");
  try {
    await doImport(kv, files);
    const before = await Array.fromAsync(kv.list({ prefix: [] }));
    await assertRejects(() => doImport(kv, files), ImportRefusedError, "holds a log already");
    assertEquals(await Array.fromAsync(kv.list({ prefix: [] })), before);
  } finally {
    kv.close();
  }
});

Deno.test("an import that was cut off is known as such, and goes on where it was", async () => {
  const { history, files, rows } = await source();
  const inner = await Deno.openKv(":memory:");
  const log: Method = "commit";
  try {
    for (let skip = 0;; skip++) {
      for await (const { key } of inner.list({ prefix: [] })) await inner.delete(key);
      const kv = new FaultyKv(inner);
      const held = kv.hold({ method: log, skip });
      const running = doImport(kv.asKv(), files, `first ${skip}`);
      const arrived = await Promise.race([
        held.arrived.then(() => true),
        running.then(() => false),
      ]);
      if (!arrived) break;
      // The process that was killed there; its last commit arrives later, or is refused.
      if (skip > 0) {
        await assertRejects(() => openLog(inner, upcast), StoreFormatError, "import again");
        const other = exportOf(history, strangerSigner);
        await assertRejects(() => doImport(inner, other), ImportRefusedError, "another export");
      }
      const { rowCount } = await doImport(inner, files, `second ${skip}`);
      held.release();
      // Where it has nothing left to write, it finds all done.
      await running.catch((error) => assert(error instanceof ImportRefusedError));
      await assertImported(inner, files, `cut off at commit ${skip}`);
      assertEquals(await modelRows(inner, rowCount), rows);
      assertEquals((await check(inner)).faults, []);
    }
  } finally {
    inner.close();
  }
});

Deno.test("any number of generations, in segments and commits of any size, is one history", async () => {
  const generation = fc.record({
    edits: fc.integer({ min: 1, max: 5 }),
    atOnce: fc.boolean(),
    linesPerSegment: fc.integer({ min: 1, max: 9 }),
    commitMutationsMax: fc.integer({ min: 2, max: 9 }),
  });
  const some = fc.array(generation, { minLength: 1, maxLength: 4 });
  await asyncLaw(some, async (generations) => {
    let lines: string[] = [];
    let kv = await Deno.openKv(":memory:");
    for (const [nth, one] of generations.entries()) {
      const server = await openTestServer({ kv, clock, checkedShare: Infinity });
      // Every edit changes something.
      const edit = (count: number) =>
        server.expect(200, "PATCH", "/v1/workspace", { body: { activeLimit: 100 * nth + count } });
      const counts = Array.from({ length: one.edits }, (_, count) => count + 1);
      if (one.atOnce) await Promise.all(counts.map(edit));
      else for (const count of counts) await edit(count);
      const position = await server.end();
      const files = exportOf(await historyOf(server), signer, one.linesPerSegment);
      await server.close();
      assertEquals(parsePosition(position)!.epoch, nth + 1);
      kv.close();
      assertEquals(linesOf(files).slice(0, lines.length), lines);
      lines = linesOf(files);
      kv = await Deno.openKv(":memory:");
      const { commitMutationsMax } = one;
      const newId = () => "run";
      await importExport({ kv, files: filesOf(files), nowMs, newId, commitMutationsMax });
      await assertImported(kv, files);
    }
    const stored = await positions(kv);
    assertEquals(stored.slice(0, -1), lines.map((line) => JSON.parse(line).position));
    assertEquals((await check(kv)).faults, []);
    kv.close();
  }, 10);
});

Deno.test("replies that are lost make no row twice", async () => {
  const { files } = await source();
  for (const fault of ["throw before", "throw after", "busy", "resend"] as const) {
    const inner = await Deno.openKv(":memory:");
    try {
      const kv = new FaultyKv(inner);
      kv.fail(fault, { method: "commit", times: 5 });
      await doImport(kv.asKv(), files);
      await assertImported(inner, files);
    } finally {
      inner.close();
    }
  }
});

type Damage = (files: ExportedFiles, lines: string[]) => void;

/** A change of the second segment's lines, checksums made to fit; the part of the message. */
const damages: Readonly<Record<string, [RegExp, Damage]>> = {
  "a line is dropped": [
    /events-000001.ndjson (line 11|ends after line 11)/,
    (_, lines) => void lines.splice(10, 1),
  ],
  "two lines are swapped": [
    /events-000001.ndjson line 1[12]/,
    (_, lines) => void lines.splice(10, 2, lines[11]!, lines[10]!),
  ],
  "a line comes twice": [
    /events-000001.ndjson line 12/,
    (_, lines) => void lines.splice(10, 0, lines[10]!),
  ],
  "an event is altered": [
    /events-000001.ndjson line 11/,
    (_, lines) => void (lines[10] = altered(lines[10]!, (event) => event.meta.actor = "key:me")),
  ],
  "a position is altered": [
    /events-000001.ndjson line 11/,
    (_, lines) =>
      void (lines[10] = altered(
        lines[10]!,
        (event) => event.position = `0001-${"0".repeat(20)}-0000`,
      )),
  ],
  "a member is added": [
    /events-000001.ndjson line 11/,
    (_, lines) => void (lines[10] = altered(lines[10]!, (event) => event.more = 1)),
  ],
  "a line has spaces": [
    /events-000001.ndjson line 11 is not canonical/,
    (_, lines) => void (lines[10] = lines[10]!.replace(",", ", ")),
  ],
  "the end is cut off": [
    /events-000001.ndjson ends after line 8/,
    (_, lines) => void lines.splice(8),
  ],
};

// deno-lint-ignore no-explicit-any -- an event that is to be damaged
function altered(line: string, change: (event: any) => void): string {
  const event = JSON.parse(line);
  change(event);
  return canonicalJson(event);
}

for (const [name, [message, damage]] of Object.entries(damages)) {
  Deno.test(`an export is refused whole: ${name}`, async () => {
    const files = copyOf((await source()).files);
    const file = "events-000001.ndjson";
    const lines = decoder.decode(files.get(file)).trimEnd().split("\n");
    damage(files, lines);
    files.set(file, encoder.encode(`${lines.join("\n")}\n`));
    await assertRefused(files, message);
  });
}

const fileDamages: Readonly<
  Record<string, [RegExp, (files: ExportedFiles, history: History) => void]>
> = {
  "a file is missing": [
    /bodies-000001.bin is missing/,
    (files) => files.delete("bodies-000001.bin"),
  ],
  "a file is cut off": [
    /events-000001.ndjson line 12 is cut off/,
    (files) => cut(files, "events-000001.ndjson"),
  ],
  "bodies are cut off": [/events-00000\d.ndjson line \d+: the body \S+ is missing/, (files) => {
    const isFull = (file: string) => /^bodies/.test(file) && files.get(file)!.length > 0;
    cut(files, [...files.keys()].find(isFull)!);
  }],
  "the manifest is none": [
    /manifest.json is altered/,
    (files) => files.set("manifest.json", encoder.encode("{}")),
  ],
  "there is no manifest": [/there is no manifest.json/, (files) => files.delete("manifest.json")],
  "there is no checkpoint": [/checkpoint is missing/, (files) => files.delete("checkpoint")],
  "the checkpoint is another one's": [/the root over the \d+ lines/, (files, { events }) => {
    const note = checkpointOf([...events].reverse(), events.length);
    files.set("checkpoint", encoder.encode(note));
  }],
};

function cut(files: ExportedFiles, name: string): void {
  files.set(name, files.get(name)!.slice(0, -1));
}

for (const [name, [message, damage]] of Object.entries(fileDamages)) {
  Deno.test(`an export is refused whole: ${name}`, async () => {
    const { files: whole, history } = await source();
    const files = copyOf(whole);
    damage(files, history);
    await assertRefused(files, message);
  });
}

Deno.test("no flipped bit of events or bodies is taken", async () => {
  const { files } = await source();
  const names = [...files.keys()].filter((name) => name !== "claims.jsonl");
  const flips = fc.tuple(
    fc.constantFrom(...names.filter((name) => files.get(name)!.length > 0)),
    fc.nat(),
    fc.integer({ min: 1, max: 255 }),
  );
  await asyncLaw(flips, async ([name, at, flip]) => {
    const damaged = copyOf(files);
    const bytes = damaged.get(name)!;
    bytes[at % bytes.length]! ^= flip;
    await assertRefused(damaged, /./);
  });
});

async function assertRefused(files: ExportedFiles, message: RegExp): Promise<void> {
  const kv = await Deno.openKv(":memory:");
  try {
    const error = await assertRejects(() => doImport(kv, files), Error);
    assert(/^(ExportFault|SourceUnreadable)Error$/.test(error.name), error.stack);
    assert(message.test(error.message), error.message);
    assertEquals(await Array.fromAsync(kv.list({ prefix: [] })), [], "something was left behind");
  } finally {
    kv.close();
  }
}

testOnEngines("the task imports, and names what is wrong in one line", async (store) => {
  const { files, lines } = await source();
  const address = store.address!;
  await withFolder(async (folder) => {
    const exportFolder = new ExportFolder(folder);
    for (const [name, bytes] of files) await exportFolder.write(name, bytes);
    await Deno.writeFile(`${folder}/events-000000.ndjson`, files.get("events-000001.ndjson")!);
    const refused = await runTask("import", [folder], address);
    assertEquals(refused.code, 1);
    assertStringIncludes(refused.output, "events-000000.ndjson line 1");
    assertEquals(refused.output.trim().split("\n").length, 1);
    await Deno.writeFile(`${folder}/events-000000.ndjson`, files.get("events-000000.ndjson")!);
    const done = await runTask("import", [folder], address);
    assertEquals(done.code, 0, done.output);
    assertStringIncludes(done.output, `imported ${lines.length} events`);
    const again = await runTask("import", [folder], address);
    assertStringIncludes(again.output, "holds a log already");
    assertEquals((await runTask("fsck", [], address)).code, 0);
    assertStringIncludes((await runTask("import", [], address)).output, "usage");
  });
}, [fileEngine]);

const check = (kv: Deno.Kv) =>
  fsck(kv, Object.values(mountedModels(kv)).map(({ create }) => create));
