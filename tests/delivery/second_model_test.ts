/**
 * Delivery and explain beside a second model, made by other code (`second_model.ts`): random worlds live
 * through changes of the clock, and both are asked who is shown what, when, and why not.
 * `PLACARD_TEST_SEED=7` tries others, `PLACARD_TEST_WORLD=12` lives only one, and
 * `PLACARD_TEST_WORLDS_PER_PLACE=6` lives twice as many as the suite has time for.
 */
import { assert, assertEquals } from "@std/assert";
import { Comparison, stable } from "./comparison.ts";
import { placeCount } from "./random_world.ts";
import { metTooRarely } from "./second_coverage.ts";
import { murmur3 } from "./second_hash.ts";
import { WorldDriver } from "./world_driver.ts";

const seed = Number(Deno.env.get("PLACARD_TEST_SEED") ?? 20_260_402);
const onlyWorld = Deno.env.get("PLACARD_TEST_WORLD");
const worldsPerPlace = Number(Deno.env.get("PLACARD_TEST_WORLDS_PER_PLACE") ?? 3);
const casesMin = worldsPerPlace * 16_667;
const options = {
  moments: 80,
  questions: 17,
};
const worldCount = worldsPerPlace * placeCount;
const lanes = 3;

Deno.test("the second model's hash gives the published values", () => {
  const vectors: [string, number, number][] = [
    ["", 0, 0],
    ["", 1, 0x514e_28b7],
    ["", 0xffff_ffff, 0x81f1_6f39],
    ["test", 0, 0xba6b_d213],
    ["test", 0x9747_b28c, 0x704b_81dc],
    ["Hello, world!", 0, 0xc036_3e43],
    ["Hello, world!", 0x9747_b28c, 0x2488_4cba],
    ["The quick brown fox jumps over the lazy dog", 0, 0x2e4f_f723],
    ["The quick brown fox jumps over the lazy dog", 0x9747_b28c, 0x2fa8_26cd],
    ["aaaa", 0x9747_b28c, 0x5a97_808a],
    ["aaa", 0x9747_b28c, 0x283e_0130],
    ["aa", 0x9747_b28c, 0x5d21_1726],
    ["a", 0x9747_b28c, 0x7fa0_9ea6],
    ["ππππππππ", 0x9747_b28c, 0xd580_63c1],
  ];
  for (const [text, from, expected] of vectors) assertEquals(murmur3(text, from), expected, text);
});

Deno.test("delivery and explain agree with a second model", async () => {
  const startedMs = performance.now();
  const comparison = new Comparison();
  const numbers = onlyWorld === undefined
    ? Array.from({ length: worldCount }, (_, number) => number)
    : [Number(onlyWorld)];
  // A few at a time: while one waits for its store, another asks.
  const waiting = numbers.values();
  const lane = async () => {
    for (const number of waiting) {
      await new WorldDriver({ seed, number, comparison, ...options }).live().catch((error) => {
        throw new Error(`seed ${seed}, world ${number}: ${error.message}`, { cause: error });
      });
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
  const counted = (counts: Map<string, number>) =>
    [...counts].sort().map(([what, count]) => `${what}: ${count}`);
  const seconds = ((performance.now() - startedMs) / 1_000).toFixed(1);
  console.log(
    `seed ${seed}: ${comparison.caseCount} cases in ${numbers.length} worlds in ${seconds} s ` +
      `(${counted(comparison.cases).join(", ")})\n${counted(comparison.covered).join("\n")}`,
  );
  assertEquals(told(comparison), "");
  if (onlyWorld !== undefined) return;
  assertEquals(metTooRarely(comparison.covered, worldCount), []);
  assert(comparison.caseCount >= casesMin);
});

/** Some of what they do not agree on; of one world alone, with all that has happened there. */
function told({ disagreements }: Comparison): string {
  return [...disagreements].flatMap(([what, { count, kept }]) => [
    `${what}: ${count} disagreements`,
    ...kept.map(({ expected, actual, told: { world, now, at, asked, ...rest } }) => {
      const whole = onlyWorld === undefined ? {} : rest;
      const different = difference(expected, actual);
      return asJson({ world, now, at, asked, ...different, ...whole });
    }),
  ]).join("\n");
}

function asJson(value: unknown): string {
  return JSON.stringify(value, (_, inner) => inner instanceof Set ? [...inner] : inner);
}

/** What one has and the other has not, of lists; and both, of anything else. */
function difference(expected: unknown, actual: unknown) {
  if (!Array.isArray(expected) || !Array.isArray(actual)) return { expected, actual };
  const without = (these: unknown[], those: unknown[]) => {
    const known = new Set(those.map((one) => stable(one)));
    return these.filter((one) => !known.has(stable(one)));
  };
  const missing = without(expected, actual), extra = without(actual, expected);
  return missing.length + extra.length > 0
    ? { missing, extra }
    : { order: expected.map(({ campaignId }) => campaignId), actual };
}
