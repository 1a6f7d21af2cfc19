/** A server under test in a process of its own. */
import { installPeers } from "./install.ts";
import { taskCommand } from "./task_command.ts";

export interface ServerProcess {
  readonly port: number;
  readonly pid: number;
  /** What it printed until it listened. */
  readonly printed: string;
  stop(): Promise<void>;
}

const ticksPerSecond = 100;
const restLookMs = 1_000;
const restShareMax = 0.1;

export const operatorKey = "bench-operator-key-bench-operator-key";
export const auditorKey = "bench-auditor-key-bench-auditor-key";
export const sdkKey = "bench-sdk-key-bench-sdk-key-bench-sdk-key";

/** Servers have the heap and the allocator of Placard's own. */
const startTask = taskCommand("start");

export function startServer(
  script: string,
  args: readonly string[] = [],
  env: Record<string, string> = {},
): Promise<ServerProcess> {
  const heapFlags = startTask.args.filter((arg) => arg.startsWith("--v8-flags"));
  const flags = ["--quiet", "--allow-all", ...heapFlags];
  return start(Deno.execPath(), ["run", ...flags, pathOf(script), ...args], {
    ...startTask.env,
    ...env,
  });
}

/** Placard itself, on a file in a folder. */
export function startPlacard(
  folder: string,
  env: Record<string, string> = {},
): Promise<ServerProcess> {
  return startServer("../main.ts", [], placardEnv(folder, env));
}

export function placardEnv(folder: string, env: Record<string, string> = {}) {
  return {
    PLACARD_KV: `${folder}/placard.kv`,
    PLACARD_PORT: "0",
    PLACARD_OPERATOR_KEY: operatorKey,
    PLACARD_SDK_KEY: sdkKey,
    PLACARD_AUDITOR_KEY: auditorKey,
    ...env,
  };
}

/** A peer, in Node, as its users would run it. */
export async function startPeer(script: string, args: readonly string[]): Promise<ServerProcess> {
  await installPeers();
  return await start("node", [pathOf(`peers/node/${script}`), ...args], { NODE_ENV: "production" });
}

/** Kilobytes of physical memory, now (`VmRSS`) or at most so far (`VmHWM`). */
export async function residentKb(pid: number, field: "VmRSS" | "VmHWM"): Promise<number> {
  const status = await Deno.readTextFile(`/proc/${pid}/status`);
  return Number(new RegExp(`${field}:\\s+(\\d+)`).exec(status)?.[1]);
}

/** What the process has taken of the cores so far. */
export async function cpuSecondsOf(pid: number): Promise<number> {
  const stat = await Deno.readTextFile(`/proc/${pid}/stat`);
  // Behind the name, which may hold anything.
  const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
  return (Number(fields[11]) + Number(fields[12])) / ticksPerSecond;
}

/** Resolves when the process has nothing to do in the background any more. */
export async function atRest(pid: number): Promise<void> {
  for (let before = await cpuSecondsOf(pid);;) {
    await new Promise((done) => setTimeout(done, restLookMs));
    const now = await cpuSecondsOf(pid);
    if ((now - before) * 1000 < restShareMax * restLookMs) return;
    before = now;
  }
}

export function mebibytes(kilobytes: number): number {
  return Math.round(kilobytes / 1024);
}

const running = new Set<() => unknown>();

/** Ends a child when somebody ends the bench. Gives what undoes that. */
export function endWithBench(end: () => unknown): () => void {
  if (running.size === 0) {
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      Deno.addSignalListener(signal, endAll);
    }
  }
  running.add(end);
  return () => {
    running.delete(end);
    if (running.size > 0) return;
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      Deno.removeSignalListener(signal, endAll);
    }
  };
}

/** Ends the children that are still there, after a failure. */
export async function endChildren(): Promise<void> {
  await Promise.allSettled([...running].map((end) => end()));
}

async function endAll(): Promise<void> {
  await endChildren();
  Deno.exit(1);
}

async function start(
  program: string,
  args: readonly string[],
  env: Record<string, string>,
): Promise<ServerProcess> {
  const child = new Deno.Command(program, { args: [...args], env, stdout: "piped" }).spawn();
  const lines = child.stdout.pipeThrough(new TextDecoderStream());
  let seen = "";
  for await (const text of lines.values({ preventCancel: true })) {
    seen += text;
    if (/listening on .*:\d+\n/.test(seen)) break;
  }
  const port = Number(/listening on .*:(\d+)\n/.exec(seen)?.[1]);
  if (!port) throw new Error(`${args.join(" ")} did not start: ${seen}`);
  const forget = endWithBench(() => child.kill("SIGTERM"));
  return {
    port,
    pid: child.pid,
    printed: seen,
    stop: async () => {
      forget();
      child.kill("SIGTERM");
      await lines.cancel();
      await child.status;
    },
  };
}

function pathOf(script: string): string {
  return new URL(script, import.meta.url).pathname;
}
