/**
 * Commands over KV Connect, against denokv on the same machine with its server-side batching of
 * writes: what the store costs when it is not in the process. Once on the loopback as it is, where
 * each commit of 1 KB and more waits 44 ms, and once as docs/operations.md says to set it up, in a
 * network namespace so that the machine stays as it was.
 */
import { compare } from "../compare.ts";
import { exists, programPath } from "../install.ts";
import { under as rateUnder } from "../load/load.ts";
import { endWithBench, operatorKey, placardEnv, startServer } from "../process.ts";
import { request } from "../requests.ts";
import type { Contender, Suite } from "../suite.ts";
import { createCampaigns } from "./campaigns.ts";

const connections = 64;
const streamCount = Number(Deno.env.get("BENCH_STREAMS") ?? 1_000);
const token = "bench-kv-connect-token";
const body = JSON.stringify({ description: "edit ~~~~~~~~~~~~" });
const append = "the store's append behind a bare route";
const command = "a campaign command: PATCH of one setting";
const raw = "one raw commit each";
const ownDenokv = new URL("../../.tools/bin/denokv", import.meta.url).pathname;

export const kvConnectSuite: Suite = {
  name: "kvconnect",

  async run() {
    const program = await exists(ownDenokv) ? ownDenokv : await programPath("denokv");
    if (!program) return "Skipped: there is no denokv (`deno task denokv` installs it).";
    return [
      "The loopback as it is:",
      await measure(program),
      "The loopback acknowledges at once (`quickack`, see [operations](operations.md)):",
      await inQuickNamespace(program),
    ].join("\n\n");
  },
};

async function measure(program: string): Promise<string> {
  const folder = await Deno.makeTempDir();
  const denokv = await startDenokv(program, `${folder}/denokv.sqlite`);
  const env = { DENO_KV_ACCESS_TOKEN: token };
  const placard = await startServer(
    "../main.ts",
    [],
    placardEnv(folder, { ...env, PLACARD_KV: denokv.url }),
  );
  // The same server keeps all of it: the contenders take turns.
  const appender = await startServer("servers/bare_append.ts", [denokv.url], env);
  const single = await startServer("servers/kv_commit.ts", [denokv.url], env);
  try {
    const ids = await createCampaigns(placard.port, streamCount);
    const onEach = ids.map((id) => request("POST", `/append/${id}`, { body }));
    const edits = ids
      .map((id) => request("PATCH", `/v1/campaigns/${id}`, { key: operatorKey, body }));
    const contenders: Contender[] = [
      { name: append, role: "ours", measure: under(appender.port, onEach) },
      { name: command, role: "ours", measure: under(placard.port, edits) },
      { name: raw, role: "limit", measure: under(single.port, onEach) },
    ];
    const marks = [
      { ours: append, to: raw, least: 1 },
      { ours: command, to: raw, least: 1 },
    ];
    return await compare({ unit: "commands", contenders, marks });
  } finally {
    for (const server of [placard, appender, single]) await server.stop();
    await denokv.stop();
    await Deno.remove(folder, { recursive: true });
  }
}

/** The same by this file as a program, where the loopback is its own. */
async function inQuickNamespace(program: string): Promise<string> {
  const route = "ip route change local 127.0.0.1 dev lo table local proto kernel scope host " +
    "src 127.0.0.1 quickack 1";
  const script = `ip link set lo up && ${route} && exec "$0" run --quiet --allow-all "$1" "$2"`;
  const command = new Deno.Command("unshare", {
    args: ["--net", "sh", "-c", script, Deno.execPath(), import.meta.filename!, program],
    stdout: "piped",
    stderr: "inherit",
  });
  const output = await command.output().catch(() => null);
  if (!output?.success) return "Skipped: needs root, and Linux with unshare and ip.";
  return new TextDecoder().decode(output.stdout).trim();
}

function under(port: number, requests: readonly string[]) {
  return rateUnder({ port, connections, requests });
}

async function startDenokv(program: string, file: string) {
  const listener = Deno.listen({ hostname: "127.0.0.1", port: 0 });
  const { port } = listener.addr;
  listener.close();
  const child = new Deno.Command(program, {
    args: [
      ...["--sqlite-path", file, "serve", "--addr", `127.0.0.1:${port}`],
      ...["--access-token", token, "--atomic-write-batch-timeout-ms", "1"],
    ],
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  const forget = endWithBench(() => child.kill("SIGTERM"));
  const url = `http://127.0.0.1:${port}`;
  for (let attempt = 0;; attempt++) {
    const isUp = await fetch(url).then((response) => response.body?.cancel().then(() => true))
      .catch(() => false);
    if (isUp) break;
    if (attempt === 100) throw new Error("denokv did not start");
    await new Promise((done) => setTimeout(done, 100));
  }
  return {
    url,
    stop: async () => {
      forget();
      child.kill("SIGTERM");
      await child.status;
    },
  };
}

if (import.meta.main) console.log(await measure(Deno.args[0]!));
