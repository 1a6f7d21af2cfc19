/** The bench runs, as quickly as it can, and without anything from outside. */
import { assert, assertEquals, assertStringIncludes } from "@std/assert";

Deno.test("bench: a quick look at commands and interactions, no peers", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", "bench/bench.ts", "commands", "interactions"],
    cwd: new URL("../..", import.meta.url).pathname,
    env: {
      BENCH_ROUNDS: "1",
      BENCH_SECONDS: "0.1",
      BENCH_PEERS: "0",
      BENCH_STREAMS: "50",
      BENCH_DEVICES: "1000",
    },
  }).output();
  const decoder = new TextDecoder();
  assertEquals(code, 0, decoder.decode(stderr));
  const report = decoder.decode(stdout);
  for (const text of ["### commands", "### interactions", "one KV commit each", "bare Hono"]) {
    assertStringIncludes(report, text);
  }
  assert(!report.includes("NaN"), report);
});

Deno.test("bench: a quick look at what an auditor does", async () => {
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", "bench/bench.ts", "audit"],
    cwd: new URL("../..", import.meta.url).pathname,
    env: {
      BENCH_ROUNDS: "1",
      BENCH_SECONDS: "0.1",
      BENCH_PEERS: "0",
      BENCH_AUDIT_INTERACTIONS: "1000",
      BENCH_AUDIT_EVENTS: "200",
    },
  }).output();
  const decoder = new TextDecoder();
  assertEquals(code, 0, decoder.decode(stderr));
  const report = decoder.decode(stdout);
  for (const text of ["### audit", "every check holds", "all are equal", "kv.list of the same"]) {
    assertStringIncludes(report, text);
  }
  assert(!report.includes("NaN"), report);
});

Deno.test("bench: an unknown suite is named, and nothing runs", async () => {
  const { code, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "--quiet", "--allow-all", "bench/bench.ts", "comands"],
    cwd: new URL("../..", import.meta.url).pathname,
  }).output();
  assertEquals(code, 1);
  assertStringIncludes(new TextDecoder().decode(stderr), "comands");
});
