/**
 * `deno task bench [SUITE…]`: rates of the real thing beside the limit of the machine, interleaved in
 * one run, several rounds. Only the ratios of one run mean anything: the machine drifts.
 */
import { type LoadReport } from "./load.ts";
import { audienceSuite } from "./suites/audience.ts";
import { commandsSuite } from "./suites/commands.ts";
import { deliverySuite } from "./suites/delivery.ts";
import { interactionsSuite } from "./suites/interactions.ts";
import { replaySuite } from "./suites/replay.ts";

/** One thing that is measured; the first of a suite is the limit that the others stand beside. */
export interface Contender {
  readonly name: string;
  /** Things done a second, and how long one took where that is known. */
  measure(seconds: number): Promise<{ perSecond: number; report?: LoadReport }>;
}

export interface Suite {
  readonly name: string;
  readonly unit: string;
  /** Ratios to the limit that we want to reach, by contender. */
  readonly marks: Readonly<Record<string, number>>;
  /** Starts what is needed; `stop` ends it. */
  start(): Promise<{ contenders: readonly Contender[]; stop(): Promise<void> }>;
}

const suites: readonly Suite[] = [
  commandsSuite,
  interactionsSuite,
  deliverySuite,
  replaySuite,
  audienceSuite,
];
const roundCount = Number(Deno.env.get("BENCH_ROUNDS") ?? 5);
const secondsPerRound = Number(Deno.env.get("BENCH_SECONDS") ?? 3);

const wanted = suites.filter(({ name }) => Deno.args.length === 0 || Deno.args.includes(name));
if (wanted.length === 0) {
  console.error(`suites: ${suites.map(({ name }) => name).join(", ")}`);
  Deno.exit(1);
}
printMachine();
for (const suite of wanted) await run(suite);

async function run(suite: Suite): Promise<void> {
  const { contenders, stop } = await suite.start();
  const rates = contenders.map((): number[] => []);
  const reports = contenders.map((): LoadReport[] => []);
  // A first round warms up and is not counted.
  for (let round = -1; round < roundCount; round++) {
    for (const [index, contender] of contenders.entries()) {
      const { perSecond, report } = await contender.measure(round < 0 ? 1 : secondsPerRound);
      if (report && report.failed > 0) {
        throw new Error(`${contender.name}: ${report.failed} failed: ${report.firstFailure}`);
      }
      if (round < 0) continue;
      rates[index]!.push(perSecond);
      if (report) reports[index]!.push(report);
    }
  }
  await stop();
  console.log(`\n## ${suite.name} (${suite.unit}/s)\n`);
  console.log("| | min | median | max | of the limit (min/median/max) | mark | p50 ms | p99 ms |");
  console.log("|---|--:|--:|--:|--:|--:|--:|--:|");
  contenders.forEach(({ name }, index) => {
    const ratios = rates[index]!.map((rate, round) => rate / rates[0]![round]!);
    const mark = suite.marks[name];
    const cells = [
      name,
      ...minMedianMax(rates[index]!).map((rate) => Math.round(rate).toLocaleString("en")),
      index === 0 ? "limit" : minMedianMax(ratios).map(percent).join(" / "),
      mark === undefined ? "" : `≥ ${percent(mark)}`,
      latency(reports[index]!.map(({ p50Ms }) => p50Ms)),
      latency(reports[index]!.map(({ p99Ms }) => p99Ms)),
    ];
    console.log(`| ${cells.join(" | ")} |`);
  });
}

function minMedianMax(values: readonly number[]): [number, number, number] {
  const sorted = values.toSorted((a, b) => a - b);
  return [sorted[0]!, sorted[sorted.length >> 1]!, sorted.at(-1)!];
}

function percent(ratio: number): string {
  return `${(ratio * 100).toFixed(0)} %`;
}

function latency(valuesMs: readonly number[]): string {
  return valuesMs.length === 0 ? "" : minMedianMax(valuesMs)[1].toFixed(2);
}

function printMachine(): void {
  const { total } = Deno.systemMemoryInfo();
  console.log(
    `Deno ${Deno.version.deno}, V8 ${Deno.version.v8}, ${Deno.build.target}, ` +
      `${navigator.hardwareConcurrency} cores, ${Math.round(total / 2 ** 30)} GiB; ` +
      `${roundCount} rounds of ${secondsPerRound} s each, interleaved; the load generator is a ` +
      "process on the same cores.",
  );
}
