/** The permissions of the start task: just what the configuration names, and it really starts. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { until, withFolder } from "./support/process.ts";

const root = new URL("..", import.meta.url).pathname;
const kinds = ["net", "read", "write"] as const;
/** Whatever the tests were started with: an empty variable counts as unset. */
const unset = {
  PLACARD_KV: "",
  PLACARD_HOST: "",
  PLACARD_PORT: "",
  PLACARD_OPERATOR_KEY: "",
  PLACARD_AUDITOR_KEY: "",
  PLACARD_SDK_KEY: "",
  PLACARD_PREPARE_LEAD: "",
  PLACARD_REFLECT_WINDOW: "",
  PLACARD_ACTIVE_LIMIT: "",
  PLACARD_TIME_ZONE: "",
};

type Variables = Readonly<Record<string, string>>;

/** The flag as the task gets it. */
async function flag(kind: string, variables: Variables): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--no-prompt", "--allow-env=PLACARD_*", "src/permissions.ts", kind],
    cwd: root,
    env: { ...unset, ...variables },
    stdin: "null",
  }).output();
  const decoder = new TextDecoder();
  assertEquals(code, 0, decoder.decode(stderr));
  return decoder.decode(stdout).replace(/\n$/, "");
}

const table: [variables: Variables, net: string, read: string, write: string][] = [
  [
    {},
    "--allow-net=127.0.0.1",
    "--allow-read=events,projections,src,./data",
    "--allow-write=./data",
  ],
  [
    { PLACARD_KV: ":memory:" },
    "--allow-net=127.0.0.1",
    "--allow-read=events,projections,src",
    "--deny-write",
  ],
  [
    { PLACARD_KV: "/var/lib/placard/a/placard.kv", PLACARD_HOST: "0.0.0.0" },
    "--allow-net=0.0.0.0",
    "--allow-read=events,projections,src,/var/lib/placard/a",
    "--allow-write=/var/lib/placard/a",
  ],
  [
    { PLACARD_KV: "/var/a b/c, d.kv", PLACARD_HOST: "::1" },
    "--allow-net=[::1]",
    "--allow-read=events,projections,src,/var/a b",
    "--allow-write=/var/a b",
  ],
  // A flag cannot name these folders.
  [
    { PLACARD_KV: "/var/a,b/c.kv" },
    "--allow-net=127.0.0.1",
    "--allow-read",
    "--allow-write",
  ],
  [
    { PLACARD_KV: "/var/a  b/c.kv" },
    "--allow-net=127.0.0.1",
    "--allow-read",
    "--allow-write",
  ],
  [
    { PLACARD_KV: "placard.kv", PLACARD_HOST: "localhost" },
    "--allow-net=localhost",
    "--allow-read=events,projections,src,.",
    "--allow-write=.",
  ],
  [
    { PLACARD_KV: "https://kv.example/x" },
    "--allow-net",
    "--allow-read=events,projections,src",
    "--deny-write",
  ],
  // The server tells what is wrong; until then it may do nothing.
  [{ PLACARD_PORT: "x" }, "--deny-net", "--deny-read", "--deny-write"],
];

Deno.test("permissions: the flags name just what the configuration names", async () => {
  const answers = await Promise.all(
    table.map(async ([variables]) => {
      const flags: string[] = [];
      for (const kind of kinds) flags.push(await flag(kind, variables));
      return flags;
    }),
  );
  answers.forEach((flags, index) => {
    const [variables, ...expected] = table[index]!;
    assertEquals(flags, expected, JSON.stringify(variables));
  });
});

async function startTask(): Promise<string> {
  return JSON.parse(await Deno.readTextFile(`${root}deno.json`)).tasks.start.command;
}

Deno.test("permissions: the start task gives these three and the environment, no more", async () => {
  const command = await startTask();
  const own = command.replaceAll(/"\$\(.*?\)"/g, "FLAG");
  assertEquals(
    own,
    "MALLOC_ARENA_MAX=1 MALLOC_MMAP_THRESHOLD_=65536 MALLOC_TRIM_THRESHOLD_=131072 " +
      "deno run --quiet --v8-flags=--max-semi-space-size=8,--heap-growing-percent=30,--no-allocation-site-pretenuring --no-prompt " +
      "--allow-env=PLACARD_*,DENO_KV_ACCESS_TOKEN FLAG FLAG FLAG main.ts",
  );
  assertEquals(
    [...command.matchAll(/"\$\((.*?)\)"/g)].map(([, inner]) => inner),
    kinds.map((kind) => `deno run --quiet --allow-env=PLACARD_* src/permissions.ts ${kind}`),
  );
});

/** Under these flags, what may be read? Asked of Deno itself. */
async function mayRead(variables: Variables, paths: readonly string[]): Promise<boolean[]> {
  const asks = `console.log(JSON.stringify(${JSON.stringify(paths)}.map((path) =>
    Deno.permissions.querySync({ name: "read", path }).state === "granted")))`;
  const flags = [await flag("read", variables), await flag("write", variables)];
  const { stdout } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-prompt",
      "--no-config",
      ...flags,
      `data:text/javascript,${encodeURIComponent(asks)}`,
    ],
    stdin: "null",
  }).output();
  return JSON.parse(new TextDecoder().decode(stdout));
}

Deno.test("permissions: only the database's folder and the code of threads may be read", async () => {
  const kv = "/var/lib/a b/placard,1.kv";
  const paths = [kv, `${kv}-wal`, "/var/lib/a", "/var/lib", "b", "/etc/passwd", "/etc"];
  assertEquals(await mayRead({ PLACARD_KV: kv }, paths), [true, true].concat(Array(5).fill(false)));
  assertEquals(await mayRead({ PLACARD_KV: ":memory:" }, ["/etc/passwd", "."]), [false, false]);
});

const sdkKey = "sdk-key-of-the-permission-tests-0123456789";
const interaction = {
  id: "i",
  kind: "impression",
  campaignId: "none",
  platform: "web",
  deviceId: "d",
  occurredAt: "2026-04-01T09:00:00.000Z",
};

/** Starts it as an operator does, waits until it listens, and stops it. */
async function started(variables: Variables): Promise<{ code: number; output: string }> {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "start"],
    cwd: root,
    env: {
      ...unset,
      PLACARD_PORT: "0",
      PLACARD_SDK_KEY: sdkKey,
      NO_COLOR: "1",
      ...variables,
    },
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  let output = "", ended = false;
  const read = async (stream: ReadableStream<Uint8Array>) => {
    for await (const text of stream.pipeThrough(new TextDecoderStream())) output += text;
  };
  const all = Promise.all([read(child.stdout), read(child.stderr), child.status])
    .finally(() => ended = true);
  try {
    await until("it listens", () => ended || /listening on .*\n/.test(output));
    const url = /listening on (\S+)/.exec(output)?.[1];
    if (url !== undefined) {
      const response = await fetch(`${url}/healthz`);
      await response.body?.cancel();
      assertEquals(response.status, 200, output);
      // Judged on the thread, which has read its code: there is no such campaign.
      const reported = await fetch(`${url}/v1/interactions`, {
        method: "POST",
        headers: { authorization: `Bearer ${sdkKey}`, "content-type": "application/json" },
        body: JSON.stringify({ interactions: [interaction] }),
      });
      const { rejected } = await reported.json();
      assertEquals([reported.status, rejected?.[0]?.code], [202, "unknown_campaign"], output);
    }
  } finally {
    if (!ended) child.kill("SIGTERM");
  }
  const [, , { code }] = await all;
  return { code, output };
}

Deno.test("permissions: the start task starts with a store in memory", async () => {
  const { code, output } = await started({ PLACARD_KV: ":memory:" });
  assertStringIncludes(output, "listening on http://127.0.0.1:");
  assertEquals(code, 0, output);
});

Deno.test("permissions: it starts with a folder that has spaces, a file with a comma, and makes both", () =>
  withFolder(async (folder) => {
    const kv = `${folder}/a b/c d/placard, 1.kv`;
    const { code, output } = await started({ PLACARD_KV: kv, PLACARD_HOST: "::1" });
    assertStringIncludes(output, "listening on http://[::1]:");
    assertEquals(code, 0, output);
    assert((await Deno.stat(kv)).isFile);
  }));

Deno.test("permissions: a bad variable is told once, in one line", async () => {
  const { code, output } = await started({ PLACARD_TIME_ZONE: "Mars/Olympus" });
  assertEquals(code, 1);
  assertEquals(
    output.trim(),
    'configuration: PLACARD_TIME_ZONE must be a time zone like Asia/Seoul, not "Mars/Olympus"',
  );
});
