/** The shape of the house: who may import whom, and where time and chance may come in. */
import { assertEquals } from "@std/assert";

const root = new URL("..", import.meta.url).pathname;

/** What the files of a folder may import, by folder; `npm` packages and `node:` by name. */
const mayImport: Readonly<Record<string, readonly string[]>> = {
  "events": ["zod", "node:"],
  "projections": ["events", "src/audit/tlog", "roaring-wasm"],
  "src/decider.ts": ["events"],
  "src/campaign": ["events", "src/decider.ts"],
  "src/workspace": ["events", "src/decider.ts"],
  "src/audience": ["events", "src/decider.ts", "json-logic-engine"],
  "src/event_store": [
    "events/recorded_event.ts",
    "projections/packed_rows.ts",
    "projections/row_positions.ts",
    "node:",
  ],
  "src/projector": [
    "events/recorded_event.ts",
    "projections/chunk_judge.ts",
    "projections/projection.ts",
    "src/event_store",
  ],
  "src/identity": ["events/id_digest.ts", "src/event_store"],
  "src/transact": [
    "events",
    "src/decider.ts",
    "src/event_store",
    "src/audience",
    "src/campaign",
    "src/workspace",
  ],
  "src/past": [
    "events",
    "projections",
    "src/event_store",
    "src/projector",
    "src/transact",
  ],
  "src/scheduler": ["events", "projections", "src/event_store", "src/campaign", "src/transact"],
  "src/profiles": ["events", "src/event_store", "src/identity"],
  "src/snapshots": [
    "events",
    "projections",
    "src/event_store",
    "src/identity",
    "src/profiles",
    "src/audience",
    "src/campaign",
    "src/transact",
    "roaring-wasm",
    "node:",
  ],
  "src/ingest": ["events", "projections", "src/event_store", "src/identity", "zod", "node:"],
  "src/delivery": [
    "events",
    "projections",
    "src/event_store",
    "src/identity",
    "src/profiles",
    "src/audience",
    "src/campaign",
    "src/transact",
    "src/snapshots",
    "node:",
  ],
  // Before the folder that it is in: a verifier relies on nothing else.
  "src/audit/tlog": ["node:"],
  "src/audit": [
    "events",
    "projections",
    "src/event_store",
    "src/projector",
    "src/identity",
    "src/profiles",
    "src/snapshots",
    "zod",
    "node:",
  ],
};

/** Where `Date.now`, `Math.random` and `crypto` come in, to be injected into all the rest. */
const mayUseChance = ["main.ts", "src/tasks/", "src/event_store/log_row.ts"];

async function* sourceFiles(folder: string): AsyncGenerator<string> {
  for await (const entry of Deno.readDir(root + folder)) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory) yield* sourceFiles(path);
    else if (path.endsWith(".ts")) yield path;
  }
}

async function allSources(): Promise<Map<string, string>> {
  const sources = new Map([["main.ts", await Deno.readTextFile(root + "main.ts")]]);
  for (const folder of ["events", "projections", "src"]) {
    for await (const path of sourceFiles(folder)) {
      sources.set(path, await Deno.readTextFile(root + path));
    }
  }
  return sources;
}

function importsOf(path: string, text: string): string[] {
  return [...text.matchAll(/^(?:import|export)[^;]*?from "([^"]+)"/gms)].map(([, target]) =>
    target!.startsWith(".") ? new URL(target!, `file:///${path}`).pathname.slice(1) : target!
  );
}

Deno.test("tidy: imports go one way", async () => {
  const wrong: string[] = [];
  for (const [path, text] of await allSources()) {
    const folder = Object.keys(mayImport).find((name) =>
      path === name || path.startsWith(`${name}/`)
    );
    if (!folder) continue;
    for (const target of importsOf(path, text)) {
      const allowed = [folder, ...mayImport[folder]!].some((name) =>
        target === name || target.startsWith(name.endsWith(":") ? name : `${name}/`)
      );
      if (!allowed) wrong.push(`${path} imports ${target}`);
    }
  }
  assertEquals(wrong, []);
});

Deno.test("tidy: from outside, a folder of src is entered by its mod.ts", async () => {
  const wrong: string[] = [];
  for (const [path, text] of await allSources()) {
    for (const target of importsOf(path, text)) {
      const folder = /^src\/(audit\/tlog|\w+)\//.exec(target)?.[1];
      if (!folder || path.startsWith(`src/${folder}/`)) continue;
      if (target !== `src/${folder}/mod.ts`) wrong.push(`${path} imports ${target}`);
    }
  }
  assertEquals(wrong, []);
});

Deno.test("tidy: time, ids and chance are injected", async () => {
  const wrong: string[] = [];
  for (const [path, text] of await allSources()) {
    if (mayUseChance.some((name) => path.startsWith(name))) continue;
    for (const word of ["Date.now", "new Date()", "Math.random", "crypto."]) {
      if (text.includes(word)) wrong.push(`${path} uses ${word}`);
    }
  }
  assertEquals(wrong, []);
});

Deno.test("tidy: files are named after what they hold, in snake_case, and stay readable", async () => {
  const linesMax = 320;
  const wrong: string[] = [];
  for (const [path, text] of await allSources()) {
    const name = path.split("/").at(-1)!;
    if (!/^[a-z0-9_]+\.ts$/.test(name)) wrong.push(`${path} is not snake_case`);
    if (/^(utils?|helpers?|types|common|misc|manager|service)\.ts$/.test(name)) {
      wrong.push(`${path} says nothing`);
    }
    const lines = text.split("\n").length;
    if (lines > linesMax) wrong.push(`${path} has ${lines} lines`);
    if (/\.(sum|min|max)\(\[/.test(text)) wrong.push(`${path} uses sum, min or max of the store`);
  }
  assertEquals(wrong, []);
});
