/**
 * What the documents say holds: links lead somewhere, lists are whole, and what they show to type is
 * typed, against a server that the README's own command starts.
 *
 * Run are the `sh` blocks of the README, except after `<!-- not run: REASON -->`, and those of `docs/` after
 * `<!-- run -->`; all of one file in one shell. What comes out is held against the `json` or `text` block
 * that follows: its fields must be there, "…" stands for anything.
 */
import { assert, assertEquals } from "@std/assert";
import { interactionKinds } from "../events/interaction_chunk.ts";
import { campaignStatuses } from "../events/campaign_events.ts";
import { messageTypes } from "../events/campaign_settings.ts";
import { campaignRefusalCodes } from "../src/campaign/mod.ts";
import { configFrom } from "../src/config.ts";
import { statusByCode } from "../src/http/problem.ts";
import { rejectionCodes } from "../src/ingest/mod.ts";
import { openTestServer } from "./support/server.ts";

const root = new URL("..", import.meta.url).pathname;

interface Document {
  /** From the project's root on. */
  readonly path: string;
  readonly text: string;
}

/** A fenced block. */
interface Block {
  readonly language: string;
  readonly text: string;
  /** The HTML comment on the line before it. */
  readonly mark: string | undefined;
  /** The `json` or `text` block that follows before any other: what must come out. */
  readonly shown: Block | undefined;
}

function blocksOf(markdown: string): Block[] {
  const fences = /(?:^<!-- *(.*?) *-->\n+)?^```(\w*)\n([\s\S]*?)^```$/gm;
  const blocks = [...markdown.matchAll(fences)]
    .map(([, mark, language, text]) => ({ language: language!, text: text!, mark }));
  return blocks.map((block, index) => {
    const next = blocks[index + 1];
    const shown = next && /^(json|text)$/.test(next.language)
      ? { ...next, shown: undefined }
      : undefined;
    return { ...block, shown };
  });
}

/** The text without its fenced blocks. */
function prose(markdown: string): string {
  return markdown.replaceAll(/^```[\s\S]*?^```$/gm, "");
}

function linksOf(markdown: string): string[] {
  return [...prose(markdown).replaceAll(/`[^`\n]*`/g, "`").matchAll(/\]\(<?([^)\s>]+)>?\)/g)]
    .map(([, target]) => target!);
}

/** The anchors of the headings, as GitHub makes them. */
function anchorsOf(markdown: string): string[] {
  return [...prose(markdown).matchAll(/^#+ +(.+)$/gm)].map(([, heading]) =>
    heading!.toLowerCase().replaceAll(/[^\p{L}\p{N}\s_-]/gu, "").replaceAll(" ", "-")
  );
}

/** In which way the output is not what a document shows; null: it is. */
function faultOf({ language, text }: Block, printed: string): string | null {
  if (language === "text") {
    const lines = text.split("\n").filter((line) => line !== "");
    const missing = lines.find((line) => !printed.split("\n").some((one) => agrees(line, one)));
    return missing === undefined ? null : `no line is ${missing}`;
  }
  const expected = JSON.parse(text);
  const faults = jsonValuesIn(printed).map((value) => differenceOf(expected, value, ""));
  if (faults.includes(null)) return null;
  return faults.at(-1) ?? "there is no JSON in the output";
}

/** Every JSON object and list in a text, whatever stands around them. */
function jsonValuesIn(text: string): unknown[] {
  const found: unknown[] = [];
  for (let start = 0; start < text.length; start++) {
    if (!"{[".includes(text[start]!)) continue;
    const end = endOfJson(text, start);
    try {
      found.push(JSON.parse(text.slice(start, end)));
      start = end - 1;
    } catch {
      // A brace of something else.
    }
  }
  return found;
}

function endOfJson(text: string, start: number): number {
  let depth = 0;
  let inString = false;
  for (let i = start; i < text.length; i++) {
    const letter = text[i]!;
    if (inString) {
      if (letter === "\\") i++;
      else if (letter === '"') inString = false;
    } else if (letter === '"') inString = true;
    else if ("{[".includes(letter)) depth++;
    else if ("}]".includes(letter) && --depth === 0) return i + 1;
  }
  return text.length;
}

/** Whatever is expected must be there, more may be. An empty list must be empty. */
function differenceOf(expected: unknown, actual: unknown, at: string): string | null {
  if (expected === null || typeof expected !== "object") {
    const same = typeof expected === "string"
      ? expected === "…" || agrees(expected, String(actual))
      : expected === actual;
    return same ? null : `${at}: ${JSON.stringify(actual)} is not ${JSON.stringify(expected)}`;
  }
  if (actual === null || typeof actual !== "object") return `${at} is ${JSON.stringify(actual)}`;
  if (Array.isArray(expected)) {
    if (!Array.isArray(actual)) return `${at} is no list`;
    if (expected.length === 0 && actual.length > 0) return `${at} is not empty`;
    const lacks = expected.findIndex((item) =>
      !actual.some((one) => differenceOf(item, one, "") === null)
    );
    return lacks < 0 ? null : `${at}/${lacks} has nothing that agrees with it`;
  }
  for (const [name, value] of Object.entries(expected)) {
    if (!Object.hasOwn(actual, name)) return `${at}/${name} is missing`;
    const difference = differenceOf(
      value,
      (actual as Record<string, unknown>)[name],
      `${at}/${name}`,
    );
    if (difference !== null) return difference;
  }
  return null;
}

/** "…" stands for anything. */
function agrees(pattern: string, text: string): boolean {
  return new RegExp(`^${pattern.split("…").map(escaped).join("[\\s\\S]*")}$`).test(text);
}

function escaped(text: string): string {
  return text.replaceAll(/[.*+?^${}()|[\]\\/]/g, "\\$&");
}

async function* markdownFiles(folder = ""): AsyncGenerator<string> {
  for await (const { name, isDirectory } of Deno.readDir(root + folder)) {
    const path = `${folder}${name}`;
    if (isDirectory && /^docs\b/.test(path)) yield* markdownFiles(`${path}/`);
    else if (name.endsWith(".md")) yield path;
  }
}

async function allDocuments(): Promise<Document[]> {
  const paths = (await Array.fromAsync(markdownFiles())).sort();
  return await Promise.all(
    paths.map(async (path) => ({ path, text: await Deno.readTextFile(root + path) })),
  );
}

async function textOf(path: string): Promise<string> {
  return await Deno.readTextFile(root + path);
}

/** Those of the words that the document does not name, as code or in a heading. */
async function missingIn(path: string, words: Iterable<string>): Promise<string[]> {
  const text = await textOf(path);
  return [...words].filter((word) => !new RegExp(`(^|[^\\w])${word}([^\\w]|$)`, "m").test(text));
}

async function exists(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => true, () => false);
}

Deno.test("docs: every link leads somewhere", async () => {
  const documents = await allDocuments();
  const wrong: string[] = [];
  for (const { path, text } of documents) {
    for (const link of linksOf(text)) {
      if (/^(https?|mailto):/.test(link)) continue;
      const [file, anchor] = link.split("#") as [string, string | undefined];
      const target = file === "" ? path : new URL(file, `file:///${path}`).pathname.slice(1);
      const climbs = new URL(file, `file:///a/b/c/${path}`).pathname.startsWith("/a/b/c/");
      if (!climbs || !await exists(root + target)) wrong.push(`${path}: ${link}`);
      else if (anchor !== undefined && !anchorsOf(await textOf(target)).includes(anchor)) {
        wrong.push(`${path}: ${link} has no such heading`);
      }
    }
  }
  assertEquals(wrong, []);
});

Deno.test("docs: the files that are named exist, and nothing outside of the project is", async () => {
  const wrong: string[] = [];
  for (const { path, text } of await allDocuments()) {
    for (
      const [place] of text.matchAll(
        /(?:\.\.\/shared|(?<![\w.])\/(?:work|root|home|tmp|mnt)\/\S*)/g,
      )
    ) {
      wrong.push(`${path}: ${place}`);
    }
    const named = /`((?:events|projections|src|tests|docs|bench|demo)\/[\w./]*)`/g;
    for (const [, place] of prose(text).matchAll(named)) {
      if (!await exists(root + place)) wrong.push(`${path}: there is no ${place}`);
    }
  }
  assertEquals(wrong, []);
});

Deno.test("docs: every variable of the configuration is explained, and no other", async () => {
  const variables = new Set(["DENO_KV_ACCESS_TOKEN"]);
  configFrom((name) => void variables.add(name));
  assertEquals(await missingIn("docs/operations.md", variables), []);
  const known = new Set([
    ...variables,
    "PLACARD_TEST_SEED",
    "PLACARD_TEST_EVERY_BYTE",
    "PLACARD_TEST_WORLDS_PER_PLACE",
  ]);
  const wrong: string[] = [];
  for (const { path, text } of await allDocuments()) {
    for (const [name] of text.matchAll(/\bPLACARD_[A-Z_]*[A-Z]\b/g)) {
      if (!known.has(name)) wrong.push(`${path}: ${name}`);
    }
  }
  assertEquals(wrong, []);
});

Deno.test("docs: every problem has a heading that says its status", async () => {
  const text = await textOf("docs/http.md");
  const section = text.slice(text.indexOf("\n## Problems"));
  const told = [...section.matchAll(/^### (\w+)\n\nStatus (\d{3})\. /gm)]
    .map(([, code, status]) => `${code} ${status}`);
  const codes = Object.entries(statusByCode).map(([code, status]) => `${code} ${status}`);
  assertEquals(told.sort(), codes.sort());
});

Deno.test("docs: statuses, refusals, kinds, types and rejections are all there", async () => {
  assertEquals(
    await missingIn("docs/guide.md", [...campaignStatuses, ...campaignRefusalCodes]),
    [],
  );
  assertEquals(await missingIn("docs/settings.md", messageTypes), []);
  assertEquals(await missingIn("docs/reporting.md", [...interactionKinds, ...rejectionCodes]), []);
});

Deno.test("docs: every limit and default of the settings is told with its value", async () => {
  const text = await textOf("docs/settings.md");
  const wrong: string[] = [];
  for await (const { name: file } of Deno.readDir(`${root}events`)) {
    for (const [name, value] of Object.entries(await import(`../events/${file}`))) {
      if (!/(Max|Min|Default)$/.test(name)) continue;
      const shown = typeof value === "number" ? value.toLocaleString("en") : String(value);
      const row = new RegExp(`\\| \`${name}\` +\\| ${shown} +\\|`);
      if (!row.test(text)) wrong.push(`${name} = ${shown}`);
    }
  }
  assertEquals(wrong, []);
});

Deno.test("docs: every path of the API, metric and task is named", async () => {
  const server = await openTestServer();
  const paths = Object.keys((server.document as unknown as { paths: object }).paths);
  const metrics = await (await server.placard.app.request("/metrics")).text();
  await server.close();
  const http = (await textOf("docs/http.md")).replaceAll(
    /`(POST) (\S+)\/activate`, `…\/restart`, `…\/end`/g,
    "`$1 $2/activate` `$2/restart` `$2/end`",
  );
  const files = /^\/docs\/.*\.(css|js)$/;
  const untold = paths
    .filter((path) => !files.test(path) && !new RegExp(`[ \`]${escaped(path)}\``).test(http));
  assertEquals(untold, []);
  const names = [...metrics.matchAll(/^# HELP (\w+)/gm)].map(([, name]) => name!);
  assert(names.length > 0);
  assertEquals(await missingIn("docs/operations.md", names), []);
  const { tasks } = JSON.parse(await textOf("deno.json")) as { tasks: Record<string, unknown> };
  const all = (await allDocuments()).map(({ text }) => text).join("\n");
  assertEquals(
    Object.keys(tasks).filter((task) => !new RegExp(`deno task ${task}\\b`).test(all)),
    [],
  );
});

const startCommand = "npx --yes deno task start";
const readmeUrl = "http://127.0.0.1:8080";
/** What the documents beside the README presume. */
const variablesOfReadme = /^(?:URL|KEY|JSON)=.*$/gm;

const lacking = await Array.fromAsync(["sh", "curl", "node"], async (name) => {
  const found = await new Deno.Command(name, {
    args: ["--version"],
    stdout: "null",
    stderr: "null",
  })
    .output().then(() => true, () => false);
  return found ? [] : [name];
}).then((names) => names.flat());
if (lacking.length > 0) {
  console.log(`docs: nothing is run, this machine lacks ${lacking.join(", ")}`);
}

Deno.test({
  name: "docs: what they show to type can be typed",
  ignore: lacking.length > 0,
  fn: async (test) => {
    const readme = await textOf("README.md");
    const [start, ...blocks] = blocksOf(readme).filter(({ language, mark }) =>
      language === "sh" && !mark?.startsWith("not run:")
    );
    assert(
      start && start.text.includes(startCommand),
      `the README's first block is ${startCommand}`,
    );
    const exported = Object.fromEntries(
      [...start.text.matchAll(/^export (\w+)=(\S+)$/gm)].map(([, name, value]) => [name, value]),
    );
    const folder = await Deno.makeTempDir({ prefix: "placard-docs-" });
    const server = await startServer(folder, exported);
    try {
      await test.step("README.md", () => runAll(blocks, folder, server.url));
      const variables = (readme.match(variablesOfReadme) ?? []).join("\n");
      assert(variables.includes("KEY="), "the README sets URL, KEY and JSON");
      for (const { path, text } of await allDocuments()) {
        const marked = blocksOf(text).filter(({ language, mark }) =>
          language === "sh" && mark === "run"
        );
        if (path === "README.md" || marked.length === 0) continue;
        await test.step(path, () => runAll(marked, folder, server.url, variables));
      }
    } finally {
      await server.stop();
      await Deno.remove(folder, { recursive: true });
    }
  },
});

async function startServer(folder: string, exported: Record<string, string | undefined>) {
  const child = new Deno.Command(Deno.execPath(), {
    args: ["task", "--quiet", "start"],
    cwd: root,
    env: {
      ...exported as Record<string, string>,
      PLACARD_KV: `${folder}/placard.kv`,
      PLACARD_PORT: "0",
      NO_COLOR: "1",
    },
    stdout: "piped",
    stderr: "inherit",
  }).spawn();
  let printed = "";
  const reader = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  let url: string | undefined;
  while (url === undefined) {
    const { done, value } = await reader.read();
    if (done) throw new Error(`the server did not start: ${printed}`);
    printed += value;
    url = /^listening on (\S+)\n/m.exec(printed)?.[1];
  }
  const drained = (async () => {
    while (!(await reader.read()).done);
  })();
  return {
    url,
    stop: async () => {
      child.kill("SIGTERM");
      await Promise.all([drained, child.status]);
    },
  };
}

/** Runs blocks in one shell and holds what each printed against what the document shows after it. */
async function runAll(
  blocks: readonly Block[],
  folder: string,
  url: string,
  before = "",
): Promise<void> {
  const mark = (index: number) => `\n=== block ${index} ===\n`;
  const script = [
    "set -eu",
    before,
    ...blocks.flatMap(({ text }, index) => [text, `printf '%s' '${mark(index)}'`]),
  ].join("\n").replaceAll(readmeUrl, url);
  const { stdout, stderr, success } = await new Deno.Command("sh", {
    args: ["-c", script],
    cwd: folder,
    env: { NO_PROXY: "127.0.0.1", no_proxy: "127.0.0.1" },
  }).output();
  let output = new TextDecoder().decode(stdout);
  const wrong: string[] = [];
  blocks.forEach(({ text, shown }, index) => {
    const end = output.indexOf(mark(index));
    const printed = end < 0 ? output : output.slice(0, end);
    output = end < 0 ? "" : output.slice(end + mark(index).length);
    const fault = shown && faultOf(shown, printed);
    if (fault) wrong.push(`${fault}\nafter:\n${text}\nwhich printed:\n${printed}`);
  });
  if (!success) wrong.push(`the shell stopped: ${new TextDecoder().decode(stderr)}\n${output}`);
  assert(wrong.length === 0, wrong.join("\n\n"));
}
