/** What people read at the end: timelines, KPIs, and whether the two counts agree. */
import type { Client } from "./client.ts";
import type { Outbox } from "./outbox.ts";
import { answered, Comparison, type Figures, type OwnCount, questions } from "./own_count.ts";
import { count, kpiTable, timeline } from "./report.ts";

export interface Named {
  readonly id: string;
  readonly name: string;
}

const differencesShownMax = 40;

/** False when the counts differ. */
export async function reckon(
  auditor: Client,
  campaigns: readonly Named[],
  outbox: Outbox,
): Promise<boolean> {
  await printTimelines(auditor, campaigns);
  const comparison = new Comparison();
  const rows: { name: string; figures: Figures }[] = [];
  const compareAll = async (name: string, ids: readonly string[], path: string) => {
    rows.push({
      name,
      figures: await compareKpis(auditor, outbox.own, comparison, name, ids, path),
    });
  };
  for (const { id, name } of campaigns) await compareAll(name, [id], `/v1/campaigns/${id}/kpi`);
  await compareAll("all of them", campaigns.map(({ id }) => id), "/v1/kpi");
  console.log(`\nKPIs as the server answers them\n\n${kpiTable(rows)}\n`);
  compareRefusals(outbox, comparison);
  printOutbox(outbox, rows.at(-1)!.figures);
  return verdict(comparison);
}

async function printTimelines(auditor: Client, campaigns: readonly Named[]): Promise<void> {
  console.log("\nWhat happened, in seconds since the first draft\n");
  let startedMs: number | undefined;
  for (const { id, name } of campaigns) {
    const status = await auditor.ok("GET", `/v1/campaigns/${id}/status`);
    startedMs ??= Date.parse(status.timeline[0].at);
    console.log(timeline(name, status.timeline, startedMs));
  }
}

async function compareKpis(
  auditor: Client,
  own: OwnCount,
  comparison: Comparison,
  name: string,
  ids: readonly string[],
  path: string,
): Promise<Figures> {
  let figures: Figures = {};
  for (const question of questions) {
    const body = await auditor.ok("GET", path + question);
    comparison.compare(name, own.owed(ids, question), answered(body, question));
    if (question === "") figures = answered(body, question)[""]!;
  }
  return figures;
}

function compareRefusals({ own, accepted, refused }: Outbox, comparison: Comparison): void {
  comparison.same("accepted", own.accepted, accepted);
  for (const code of new Set([...own.refused.keys(), ...refused.keys()])) {
    comparison.same(`refused as ${code}`, own.refused.get(code), refused.get(code));
  }
}

function printOutbox({ own, batches, refused }: Outbox, all: Figures): void {
  const codes = [...refused].map(([code, times]) => `${times} ${code}`).sort().join(", ");
  console.log(
    `  ${count(own.sent)} interactions sent in ${batches} batches; ${count(own.accepted)} ` +
      `accepted, ${count(own.distinct)} of them different.\n` +
      `  Refused one by one: ${codes}.\n` +
      `  Purchases after a click: ${count(all.purchases!)} by ${
        count(all.purchasers!)
      } devices.\n` +
      "  late: seen by devices more than 60 s after the stop, counted apart.\n",
  );
}

function verdict({ figures, differences }: Comparison): boolean {
  if (differences.length === 0) {
    console.log(
      "Counted a second time by the demo, from what it sent: totals, purchases, breakdowns by\n" +
        `element, platform and revision, refusals: all ${count(figures)} figures agree.`,
    );
    return true;
  }
  console.log(`${count(differences.length)} of ${count(figures)} figures DIFFER:`);
  for (const difference of differences.slice(0, differencesShownMax)) {
    console.log(`  ${difference}`);
  }
  return false;
}
