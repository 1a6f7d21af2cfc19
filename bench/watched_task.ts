/** A task of `deno.json` in a process of its own, and the memory that it takes over time. */
import { cpuSecondsOf, endWithBench, residentKb } from "./process.ts";
import { taskCommand, type TaskName } from "./task_command.ts";

export interface WatchedTask {
  readonly code: number;
  readonly stdout: string;
  /** Where progress is shown. */
  readonly stderr: string;
  readonly seconds: number;
  readonly cpuSeconds: number;
  /** Resident memory at most. */
  readonly peakKb: number;
  /** The same, every so often. */
  readonly residentKb: readonly number[];
}

const sampleMs = 20;
const root = new URL("..", import.meta.url).pathname;

/** Runs the very command of the task, without the process that `deno task` would put before it. */
export async function watchTask(
  name: TaskName,
  args: readonly string[],
  env: Record<string, string>,
): Promise<WatchedTask> {
  const command = taskCommand(name);
  const startedAtMs = performance.now();
  const child = new Deno.Command(Deno.execPath(), {
    args: [...command.args, ...args],
    env: { NO_COLOR: "1", ...command.env, ...env },
    cwd: root,
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const forget = endWithBench(() => child.kill("SIGTERM"));
  let ended = false;
  const output = child.output().finally(() => ended = true);
  const resident: number[] = [];
  let peakKb = 0, cpuSeconds = 0;
  while (!ended) {
    try {
      resident.push(await residentKb(child.pid, "VmRSS"));
      peakKb = await residentKb(child.pid, "VmHWM") || peakKb;
      cpuSeconds = await cpuSecondsOf(child.pid);
    } catch { /* It has just ended. */ }
    await Promise.race([output, new Promise((done) => setTimeout(done, sampleMs))]);
  }
  forget();
  const { code, stdout, stderr } = await output;
  const decoder = new TextDecoder();
  return {
    code,
    stdout: decoder.decode(stdout),
    stderr: decoder.decode(stderr),
    seconds: (performance.now() - startedAtMs) / 1000,
    cpuSeconds,
    peakKb,
    residentKb: resident.filter((kb) => kb > 0),
  };
}
