/**
 * Measures contenders in turn, several rounds, and puts the ratios of the same round beside each
 * other: the machine drifts, so only those mean anything.
 */
import type { Contender, Mark, Measured } from "./suite.ts";

export const roundCount = Number(Deno.env.get("BENCH_ROUNDS") ?? 5);
export const secondsPerRound = Number(Deno.env.get("BENCH_SECONDS") ?? 3);
const warmUpSeconds = Math.min(2, secondsPerRound);

export interface Comparison {
  readonly unit: string;
  readonly contenders: readonly Contender[];
  readonly marks?: readonly Mark[];
  /** For slow ones. */
  readonly rounds?: number;
}

/** The tables, in Markdown. */
export async function compare(comparison: Comparison): Promise<string> {
  const { contenders, rounds = roundCount } = comparison;
  const measured = contenders.map((): Measured[] => []);
  // A first round warms up and is not counted; a quick look goes without.
  for (let round = secondsPerRound < 1 ? 0 : -1; round < rounds; round++) {
    for (let turn = 0; turn < contenders.length; turn++) {
      // Another one begins each round: what one leaves to do meets another neighbour then.
      const index = (turn + round + 1) % contenders.length;
      const contender = contenders[index]!;
      const one = await attempt(contender, round < 0 ? warmUpSeconds : secondsPerRound);
      if (round >= 0) measured[index]!.push(one);
      console.error(`  ${contender.name}: ${whole(one.perSecond)} ${comparison.unit}/s`);
    }
  }
  return `${ratesTable(comparison, measured)}\n\n${ratiosTable(comparison, measured)}`.trim();
}

export function minMedianMax(values: readonly number[]): [number, number, number] {
  const sorted = values.toSorted((a, b) => a - b);
  return [sorted[0]!, sorted[sorted.length >> 1]!, sorted.at(-1)!];
}

export function whole(value: number): string {
  return value < 10 ? value.toFixed(2) : Math.round(value).toLocaleString("en");
}

export function table(head: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]) => `| ${cells.join(" | ")} |`;
  const rule = head.map((_, index) => index === 0 ? "---" : "--:");
  return [line(head), line(rule), ...rows.map(line)].join("\n");
}

/** So many of the samples, from the first to the last. */
export function evenly(samples: readonly number[], count: number): number[] {
  return Array.from({ length: count }, (_, index) => {
    return samples[Math.round(index * (samples.length - 1) / (count - 1))]!;
  });
}

/** Measures work that does so many of something, once. */
export function timed(count: number, work: () => Promise<unknown>): () => Promise<Measured> {
  return async () => {
    const startedAtMs = performance.now();
    await work();
    return { perSecond: count / ((performance.now() - startedAtMs) / 1000) };
  };
}

async function attempt(contender: Contender, seconds: number): Promise<Measured> {
  try {
    return await contender.measure(seconds);
  } catch (error) {
    throw new Error(`${contender.name}: ${(error as Error).message}`, { cause: error });
  }
}

function ratesTable(
  { unit, contenders }: Comparison,
  measured: readonly (readonly Measured[])[],
): string {
  const rows = contenders.map(({ name, role }, index) => [
    name,
    role,
    ...minMedianMax(measured[index]!.map(({ perSecond }) => perSecond)).map(whole),
    latency(measured[index]!.map(({ p50Ms }) => p50Ms)),
    latency(measured[index]!.map(({ p99Ms }) => p99Ms)),
  ]);
  const head = [`${unit}/s`, "", "min", "median", "max", "p50 ms", "p99 ms"];
  return table(head, rows);
}

function ratiosTable(
  { contenders, marks = [] }: Comparison,
  measured: readonly (readonly Measured[])[],
): string {
  const rows = contenders.flatMap((ours, index) =>
    ours.role !== "ours" ? [] : contenders.flatMap((other, at) => {
      if (other.role === "ours") return [];
      const ratios = measured[index]!.map(({ perSecond }, round) =>
        perSecond / measured[at]![round]!.perSecond
      );
      const spread = minMedianMax(ratios);
      const mark = marks.find(({ ours: name, to }) => name === ours.name && to === other.name);
      return [[
        ours.name,
        other.name,
        spread.map(times).join(" / "),
        slowest(measured[index]!, measured[at]!),
        mark ? `≥ ${times(mark.least)}: ${spread[1] >= mark.least ? "yes" : "no"}` : "",
      ]];
    })
  );
  return rows.length === 0 ? "" : table(
    ["ours", "beside", "times its rate (min / median / max)", "times its p99", "mark"],
    rows,
  );
}

/** Ours beside theirs, where both are known. */
function slowest(ours: readonly Measured[], theirs: readonly Measured[]): string {
  const [a, b] = [ours, theirs].map((list) =>
    minMedianMax(list.map(({ p99Ms }) => p99Ms ?? NaN))[1]
  ) as [number, number];
  return Number.isNaN(a / b) ? "" : times(a / b);
}

function times(ratio: number): string {
  const digits = ratio < 0.1 ? 3 : 2;
  return `${ratio < 10 ? ratio.toFixed(digits) : Math.round(ratio).toLocaleString("en")} ×`;
}

function latency(valuesMs: readonly (number | null | undefined)[]): string {
  const known = valuesMs.filter((value) => typeof value === "number");
  return known.length === 0 ? "" : minMedianMax(known)[1].toFixed(2);
}
