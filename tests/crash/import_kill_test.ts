/** `deno task import` as a process that is killed again and again, or runs into a full disk. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { DatabaseSync } from "node:sqlite";
import { ExportFolder } from "../../src/audit/mod.ts";
import { formatPosition, keys, logStart, parsePosition } from "../../src/event_store/mod.ts";
import { fill } from "../audit/filled.ts";
import {
  type ExportedFiles,
  exportOf,
  forged,
  type HistoryEvent,
  historyOf,
  signer,
  strangerSigner,
} from "../audit/forged_export.ts";
import { seed } from "../support/engines.ts";
import { mulberry32 } from "../support/faulty_kv.ts";
import {
  processKeys,
  runTask,
  ServerProcess,
  sleep,
  until,
  withFolder,
} from "../support/process.ts";
import { openTestServer } from "../support/server.ts";

const root = new URL("../../", import.meta.url).pathname;
/** Rows of this size, eleven in a commit. */
const largeRows = 300;
const reason = "x".repeat(58_000);
/** One commit, or two. */
const rowsPerKillMax = [14, 26];
const killsMin = 20;
/** In KiB, of each file: a part of the import. */
const fileSizeMax = 8_192;

/** Something of everything, and many large rows. */
async function history(): Promise<readonly HistoryEvent[]> {
  const server = await openTestServer();
  await fill(server);
  const { events } = await historyOf(server);
  await server.close();
  const last = events.at(-1)!;
  const edited = events.findLast(({ stored }) => stored.stream === "workspace")!.stored;
  const { epoch, versionstamp } = parsePosition(last.position)!;
  const large = Array.from({ length: largeRows }, (_, nth): HistoryEvent => {
    const stamp = (BigInt(`0x${versionstamp}`) + BigInt(nth + 1)).toString(16).padStart(20, "0");
    const stored = { ...edited, time: last.stored.time, meta: { ...edited.meta, reason } };
    return { position: formatPosition(epoch, stamp, 0), stored, body: null };
  });
  return (await forged([...events, ...large])).events;
}

async function writeExport(folder: string, files: ExportedFiles): Promise<void> {
  const target = new ExportFolder(folder);
  for (const [name, bytes] of files) await target.write(name, bytes);
}

/** Null: the database holds nothing. Otherwise the last row that is stored, or that it is whole. */
async function stateOf(kv: Deno.Kv): Promise<string | null> {
  const { value } = await kv.get<{ importing?: { through: string } }>(keys.meta());
  return value ? value.importing?.through ?? "done" : null;
}

class Importing {
  output = "";
  ended = false;
  readonly #child: Deno.ChildProcess;
  readonly status: Promise<Deno.CommandStatus>;

  /** `limit`: of each file that it writes, in KiB. */
  constructor(exported: string, readonly kv: string, limit?: number) {
    const args = ["run", "--quiet", "--allow-all", "src/tasks/import.ts", exported];
    const limited = `trap '' XFSZ; ulimit -f ${limit}; exec "$0" "$@"`;
    const [command, all] = limit === undefined
      ? [Deno.execPath(), args]
      : ["bash", ["-c", limited, Deno.execPath(), ...args]];
    this.#child = new Deno.Command(command, {
      args: all,
      cwd: root,
      env: { PLACARD_KV: kv },
      stdin: "null",
      stdout: "piped",
      stderr: "piped",
    }).spawn();
    const read = async (stream: ReadableStream<Uint8Array>) => {
      for await (const text of stream.pipeThrough(new TextDecoderStream())) this.output += text;
    };
    const { stdout, stderr, status } = this.#child;
    this.status = Promise.all([read(stdout), read(stderr), status]).then(([, , end]) => {
      this.ended = true;
      return end;
    });
  }

  async kill(): Promise<void> {
    if (!this.ended) this.#child.kill("SIGKILL");
    await this.status;
  }
}

/** Everything in a database but what every import makes anew. */
async function contents(kv: Deno.Kv): Promise<Map<string, string>> {
  const found = new Map<string, string>();
  for await (const { key, value } of kv.list({ prefix: [] })) {
    if (key[1] === "meta" || key[1] === "tip" || key[1] === "log" && key[2] === 2) continue;
    found.set(JSON.stringify(key), value instanceof Uint8Array ? value.toHex() : String(value));
  }
  return found;
}

async function assertWhole(address: string, expected: ReadonlyMap<string, string>): Promise<void> {
  const kv = await Deno.openKv(address);
  try {
    assertEquals(await stateOf(kv), "done");
    const found = await contents(kv);
    assertEquals([...found.keys()], [...expected.keys()]);
    for (const [key, value] of expected) assert(found.get(key) === value, `${key} is another one`);
    assertEquals((await Array.fromAsync(kv.list({ prefix: keys.logPrefix(2) }))).length, 1);
  } finally {
    kv.close();
  }
}

/** Holds an import up: it tries again, and never gets on, until it is killed. */
class Hold {
  readonly #database: DatabaseSync;

  private constructor(address: string) {
    this.#database = new DatabaseSync(address, { timeout: 5_000 });
  }

  /** Before its end, however many rows may come. */
  static async beforeTheEnd(kv: Deno.Kv, address: string): Promise<Hold> {
    const hold = new Hold(address);
    await kv.set(keys.meta(), "a key to be found");
    const { key } = hold.#database.prepare("SELECT hex(k) AS key FROM kv").get() as { key: string };
    await kv.delete(keys.meta());
    hold.#on("held_end", `NEW.k = x'${key}' AND instr(NEW.v, CAST('importing' AS BLOB)) = 0`);
    return hold;
  }

  afterMoreRows(count: number): void {
    this.allRows();
    const { rows } = this.#database.prepare("SELECT count(*) AS rows FROM kv").get() as {
      rows: number;
    };
    this.#on("held_rows", `(SELECT count(*) FROM kv) > ${rows + count}`);
  }

  allRows(): void {
    this.#database.exec("DROP TRIGGER IF EXISTS held_rows");
  }

  end(): void {
    this.allRows();
    this.#database.exec("DROP TRIGGER held_end");
    this.#database.close();
  }

  #on(name: string, condition: string): void {
    this.#database.exec(
      `CREATE TRIGGER ${name} BEFORE INSERT ON kv WHEN ${condition} ` +
        "BEGIN SELECT RAISE(ROLLBACK, 'held'); END",
    );
  }
}

async function killedOften(
  { address, exported, other, smallRows, lastRow }: {
    readonly address: string;
    readonly exported: string;
    readonly other: string;
    /** Before the large ones. */
    readonly smallRows: number;
    readonly lastRow: string;
  },
): Promise<void> {
  const random = mulberry32(seed);
  const kv = await Deno.openKv(address);
  const hold = await Hold.beforeTheEnd(kv, address);
  const stops: (string | null)[] = [null];
  const killWhen = async (isThere: (now: string | null) => boolean, pauseMsMax: number) => {
    const importing = new Importing(exported, address);
    await until("the import has come so far", async () => {
      assert(!importing.ended, importing.output);
      return isThere(await stateOf(kv));
    });
    await sleep(random() * pauseMsMax);
    await importing.kill();
    const [before, now] = [stops.at(-1)!, await stateOf(kv)];
    assert(now !== "done" && (before === null || now! >= before), `from ${before} to ${now}`);
    stops.push(now);
  };
  try {
    // Before the first row: while it starts, checks, and begins.
    for (const pauseMsMax of [100, 400]) await killWhen(() => true, pauseMsMax);
    await killWhen((now) => now !== null, 0);
    while (stops.at(-1) !== lastRow) {
      const before = stops.at(-1)!;
      const rowsMax = rowsPerKillMax[stops.length % 2]!;
      hold.afterMoreRows(before === logStart ? rowsMax + smallRows : rowsMax);
      await killWhen((now) => now! > before, 8);
    }
    // Between the last row and the end.
    hold.allRows();
    await killWhen((now) => now === lastRow, 50);
    assert(stops.length > killsMin, `it was killed ${stops.length - 1} times`);
    const server = ServerProcess.spawn({ kv: address });
    await server.drained;
    assertStringIncludes(server.output, "store: an import into this store was cut off");
    assertEquals(server.output.trim().split("\n").length, 1);
    const refused = await runTask("fsck", [], address);
    assertEquals(refused.code, 1);
    assertStringIncludes(refused.output, "an import into this store was cut off");
    const mixed = await runTask("import", [other], address);
    assertEquals(mixed.code, 1);
    assertStringIncludes(mixed.output, "the import of another export was begun");
    assertEquals(await stateOf(kv), lastRow);
  } finally {
    hold.end();
    kv.close();
  }
  const done = new Importing(exported, address);
  assertEquals((await done.status).code, 0, done.output);
}

/** Ends with one clear line, and can be gone on with. */
async function fullDisk(exported: string, address: string): Promise<void> {
  const stopped = new Importing(exported, address, fileSizeMax);
  assertEquals((await stopped.status).code, 1, stopped.output);
  assertStringIncludes(stopped.output, "the database cannot be written (");
  assertEquals(stopped.output.trim().split("\n").length, 1, stopped.output);
  const kv = await Deno.openKv(address);
  assert(![null, "done"].includes(await stateOf(kv)));
  kv.close();
  const done = new Importing(exported, address);
  assertEquals((await done.status).code, 0, done.output);
}

Deno.test("an import that is killed anywhere, or runs out of disk, ends as if nothing had been", () =>
  withFolder(async (folder) => {
    const events = await history();
    const exported = `${folder}/export`, other = `${folder}/other`;
    await writeExport(exported, exportOf({ events, claims: [] }, signer, 100));
    await writeExport(other, exportOf({ events: events.slice(0, 50), claims: [] }, strangerSigner));
    const small = fullDisk(exported, `${folder}/small.kv`);
    const plain = new Importing(exported, `${folder}/plain.kv`);
    assertEquals((await plain.status).code, 0, plain.output);
    const kv = await Deno.openKv(`${folder}/plain.kv`);
    const expected = await contents(kv);
    kv.close();
    const address = `${folder}/killed.kv`;
    const lastRow = events.at(-1)!.position;
    const smallRows = expected.size - largeRows;
    await killedOften({ address, exported, other, smallRows, lastRow });
    await assertWhole(address, expected);
    const { code, output } = await runTask("fsck", [], address);
    assertEquals(code, 0, output);
    const server = await ServerProcess.start({ kv: address });
    try {
      const env = { PLACARD_AUDITOR_KEY: processKeys.auditor };
      const trust = ["--since", `${exported}/checkpoint`];
      const url = `http://127.0.0.1:${server.port}`;
      const verified = await runTask("verify", [url, ...trust], "unused", env);
      assertEquals(verified.code, 0, verified.output);
    } finally {
      await server.stop();
    }
    await small;
    await assertWhole(`${folder}/small.kv`, expected);
  }));
