/** The tables of a comparison: ratios are those of the same round, and marks are judged by their median. */
import { assertEquals } from "@std/assert";
import { compare } from "../../bench/compare.ts";
import type { Contender } from "../../bench/suite.ts";

/** The first is the one that warms up and is not counted. */
function measuring(
  name: string,
  role: Contender["role"],
  rates: readonly number[],
  p99Ms?: number,
): Contender {
  let round = 0;
  return {
    name,
    role,
    measure: () => Promise.resolve({ perSecond: rates[round++]!, p50Ms: p99Ms, p99Ms }),
  };
}

Deno.test("compare: rates, ratios of the same round, marks", async () => {
  const text = await compare({
    unit: "things",
    rounds: 3,
    contenders: [
      measuring("ours", "ours", [1, 3_000, 2_000, 4_000], 6),
      measuring("theirs", "peer", [999, 1_000, 1_000, 4_000], 3),
      measuring("machine", "limit", [999, 30_000, 40_000, 40_000]),
    ],
    marks: [
      { ours: "ours", to: "theirs", least: 2 },
      { ours: "ours", to: "machine", least: 0.5 },
    ],
  });
  assertEquals(text.split("\n").filter((line) => line.startsWith("| ")), [
    "| things/s |  | min | median | max | p50 ms | p99 ms |",
    "| --- | --: | --: | --: | --: | --: | --: |",
    "| ours | ours | 2,000 | 3,000 | 4,000 | 6.00 | 6.00 |",
    "| theirs | peer | 1,000 | 1,000 | 4,000 | 3.00 | 3.00 |",
    "| machine | limit | 30,000 | 40,000 | 40,000 |  |  |",
    "| ours | beside | times its rate (min / median / max) | times its p99 | mark |",
    "| --- | --: | --: | --: | --: |",
    "| ours | theirs | 1.00 × / 2.00 × / 3.00 × | 2.00 × | ≥ 2.00 ×: yes |",
    "| ours | machine | 0.050 × / 0.10 × / 0.10 × |  | ≥ 0.50 ×: no |",
  ]);
});
