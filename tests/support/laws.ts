/**
 * Laws that hold for all input, tried on random input. The seed is fixed, and fast-check prints it
 * with the smallest input that fails; `PLACARD_TEST_SEED=7 deno test …` tries another.
 */
import fc from "fast-check";

export const seed = Number(Deno.env.get("PLACARD_TEST_SEED") ?? 20_260_402);

export function law<Input>(
  inputs: fc.Arbitrary<Input>,
  holds: (input: Input) => void,
  numRuns = 200,
): void {
  fc.assert(fc.property(inputs, holds), { seed, numRuns });
}

export async function asyncLaw<Input>(
  inputs: fc.Arbitrary<Input>,
  holds: (input: Input) => Promise<void>,
  numRuns = 50,
): Promise<void> {
  await fc.assert(fc.asyncProperty(inputs, holds), { seed, numRuns });
}
