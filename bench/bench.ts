/**
 * `deno task bench [SUITE…] [--write]`: rates of the real thing beside what somebody would take
 * instead and beside the limits of the machine. Prints Markdown; with `--write` it goes into
 * docs/performance.md.
 */
import { machineFacts } from "./machine.ts";
import { endChildren } from "./process.ts";
import { writeReport } from "./report.ts";
import type { Suite } from "./suite.ts";
import { auditSuite } from "./suites/audit.ts";
import { audienceSuite } from "./suites/audience.ts";
import { commandsSuite } from "./suites/commands.ts";
import { deliverySuite } from "./suites/delivery.ts";
import { growthSuite } from "./suites/growth.ts";
import { interactionsSuite } from "./suites/interactions.ts";
import { kpiSuite } from "./suites/kpi.ts";
import { kvConnectSuite } from "./suites/kvconnect.ts";
import { notarySuite } from "./suites/notary.ts";
import { overloadSuite } from "./suites/overload.ts";
import { replaySuite } from "./suites/replay.ts";

const suites: readonly Suite[] = [
  commandsSuite,
  interactionsSuite,
  deliverySuite,
  kpiSuite,
  replaySuite,
  kvConnectSuite,
  notarySuite,
  overloadSuite,
  growthSuite,
  audienceSuite,
  auditSuite,
];

const names = Deno.args.filter((argument) => !argument.startsWith("--"));
const wanted = suites.filter(({ name }) => names.length === 0 || names.includes(name));
const unknown = names.filter((name) => !suites.some((suite) => suite.name === name));
if (unknown.length > 0) {
  console.error(`no such suite: ${unknown}; suites: ${suites.map(({ name }) => name).join(", ")}`);
  Deno.exit(1);
}
try {
  for (const suite of wanted) {
    const facts = await machineFacts(commandOf(suite));
    const text = `### ${suite.name}\n\n${facts}\n\n${await suite.run()}`;
    console.log(`${text}\n`);
    if (Deno.args.includes("--write")) await writeReport(suite.name, text);
  }
} finally {
  await endChildren();
}

/** What somebody else runs for the same. */
function commandOf({ name }: Suite): string {
  const settings = Object.entries(Deno.env.toObject())
    .filter(([key]) => key.startsWith("BENCH_"))
    .toSorted()
    .map(([key, value]) => `${key}=${value} `);
  return `${settings.join("")}deno task bench ${name}`;
}
