/**
 * Puts load on a server: with `wrk`, which costs little, or where it cannot be had with our own
 * generator. A process of its own, on the same cores, like any client on one machine.
 */
import { secondsPerRound } from "../compare.ts";
import { programPath } from "../install.ts";

export interface LoadPlan {
  readonly port: number;
  readonly connections: number;
  readonly seconds: number;
  /** Whole requests as they go over the wire, taken in turn; see `wrk.lua` for what is filled in. */
  readonly requests: readonly string[];
  /** Devices are drawn from so many. */
  readonly devices?: number;
  /** The same seed fills in the same ids and devices. Any, when it is left out. */
  readonly seed?: number;
  /** So many answers are waited for, however long it takes, instead of `seconds`. */
  readonly limit?: number;
  /** Requests a second, whether or not those before were answered. */
  readonly rate?: number;
}

export interface LoadReport {
  readonly answered: number;
  readonly seconds: number;
  /** Answers with a status above 399. */
  readonly refused: number;
  /** Connections that failed. */
  readonly broken: number;
  readonly p50Ms: number | null;
  readonly p99Ms: number | null;
}

export const deviceCount = 1_000_000;
const longestSeconds = 3_600;
const script = new URL("wrk.lua", import.meta.url).pathname;
const sockets = new URL("sockets.ts", import.meta.url).pathname;

/** Which generator is used, for the report. */
export async function generatorName(): Promise<string> {
  return await wrkPath()
    ? "wrk, one thread"
    : "bench/load/sockets.ts (instead of wrk; it takes far more of the cores)";
}

/** What a contender measures: these requests, for so many seconds. */
export function under(plan: Omit<LoadPlan, "seconds">) {
  return async (seconds: number) => {
    const { answered, seconds: took, p50Ms, p99Ms } = await load({ ...plan, seconds });
    return { perSecond: answered / took, p50Ms, p99Ms };
  };
}

/** Runs a plan in which every request must succeed. */
export async function load(plan: LoadPlan): Promise<LoadReport> {
  const report = await offer(plan);
  if (report.refused + report.broken === 0) return report;
  throw new Error(
    `${report.refused} of ${report.answered} requests failed, ${report.broken} connections; ` +
      `one answer: ${await oneAnswer(plan)}`,
  );
}

/** Runs a plan whose requests may be refused. */
export async function offer(plan: LoadPlan): Promise<LoadReport> {
  const folder = await Deno.makeTempDir();
  const file = `${folder}/requests`;
  try {
    await writeRequests(file, plan.requests);
    const wrk = await wrkPath();
    return await run(wrk ? [wrk, ...wrkOptions(plan)] : [...ownGenerator, String(plan.port)], [
      ...(wrk ? [`http://127.0.0.1:${plan.port}`, "--"] : [
        String(plan.connections),
        String(plan.limit ? longestSeconds : plan.seconds),
      ]),
      file,
      String(plan.seed ?? crypto.getRandomValues(new Uint32Array(1))[0]! >>> 1),
      String(plan.devices ?? deviceCount),
      String(plan.limit ?? 0),
      String(plan.rate ?? 0),
    ]);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

/** It knows whole seconds only, so a quick look goes without. */
async function wrkPath(): Promise<string | null> {
  return secondsPerRound < 1 ? null : await programPath("wrk");
}

const ownGenerator = [Deno.execPath(), "run", "--quiet", "--allow-net", "--allow-read", sockets];

function wrkOptions({ connections, seconds, limit }: LoadPlan): string[] {
  const whole = limit ? longestSeconds : Math.max(1, Math.round(seconds));
  return ["-t1", `-c${connections}`, `-d${whole}s`, "--timeout", "60s", "-s", script];
}

async function run(program: readonly string[], args: readonly string[]): Promise<LoadReport> {
  const command = new Deno.Command(program[0]!, { args: [...program.slice(1), ...args] });
  const { stdout, stderr, success } = await command.output();
  const decoder = new TextDecoder();
  const line = decoder.decode(stdout).split("\n").findLast((text) => text.startsWith("{"));
  if (!success || !line) {
    throw new Error(
      `the load generator failed: ${decoder.decode(stderr)}${decoder.decode(stdout)}`,
    );
  }
  return JSON.parse(line);
}

async function writeRequests(file: string, requests: readonly string[]): Promise<void> {
  const encoder = new TextEncoder();
  const parts = requests.flatMap((text) => {
    const bytes = encoder.encode(text);
    return [encoder.encode(`${bytes.length}\n`), bytes];
  });
  await Deno.writeFile(file, new Uint8Array(await new Blob(parts).arrayBuffer()));
}

/** What the server says to one of the requests, to see what went wrong. */
async function oneAnswer({ port, requests }: LoadPlan): Promise<string> {
  const connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode(requests[0]!));
  const buffer = new Uint8Array(2_000);
  const count = await connection.read(buffer);
  connection.close();
  return new TextDecoder().decode(buffer.subarray(0, count ?? 0));
}
