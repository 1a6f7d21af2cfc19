/** Asks one question after the other, each when the last is answered: how long an answer takes. */
import type { Measured } from "./suite.ts";

/** At least one, however long it takes. */
export async function oneByOne(
  ask: (turn: number) => Promise<unknown>,
  seconds: number,
): Promise<Measured> {
  const tookMs: number[] = [];
  const startedAtMs = performance.now();
  do {
    const askedAtMs = performance.now();
    await ask(tookMs.length);
    tookMs.push(performance.now() - askedAtMs);
  } while (performance.now() - startedAtMs < seconds * 1000);
  const perSecond = tookMs.length / ((performance.now() - startedAtMs) / 1000);
  return { perSecond, ...percentiles(tookMs) };
}

export function percentiles(valuesMs: readonly number[]): { p50Ms: number; p99Ms: number } {
  const sorted = valuesMs.toSorted((a, b) => a - b);
  const at = (share: number) =>
    sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? NaN;
  return { p50Ms: at(0.5), p99Ms: at(0.99) };
}
