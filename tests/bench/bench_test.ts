/** The bench runs, as quickly as it can, and without anything from outside. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";

/** Runs suites as quickly as they can be run; the report must hold these texts. */
async function quickLook(
  suites: readonly string[],
  env: Record<string, string>,
  texts: readonly string[],
): Promise<void> {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", "bench/bench.ts", ...suites],
    cwd: new URL("../..", import.meta.url).pathname,
    env: { BENCH_ROUNDS: "1", BENCH_SECONDS: "0.1", BENCH_PEERS: "0", ...env },
  }).output();
  const decoder = new TextDecoder();
  assertEquals(code, 0, decoder.decode(stderr));
  const report = decoder.decode(stdout);
  for (const text of texts) assertStringIncludes(report, text);
  assert(!report.includes("NaN"), report);
}

Deno.test("bench: a quick look at commands and interactions, no peers", () =>
  quickLook(
    ["commands", "interactions"],
    { BENCH_STREAMS: "50", BENCH_DEVICES: "1000" },
    ["### commands", "### interactions", "one KV commit each", "bare Hono"],
  ));

Deno.test("bench: a quick look at what an auditor does", () =>
  quickLook(
    ["audit"],
    { BENCH_AUDIT_INTERACTIONS: "1000", BENCH_AUDIT_EVENTS: "200" },
    ["### audit", "every check holds", "all are equal", "kv.list of the same"],
  ));

Deno.test("bench: an unknown suite is named, and nothing runs", async () => {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", "bench/bench.ts", "comands"],
    cwd: new URL("../..", import.meta.url).pathname,
  }).output();
  assertEquals(code, 1);
  assertStringIncludes(new TextDecoder().decode(stderr), "comands");
});
