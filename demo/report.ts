/** Tables for people, at most 96 columns wide. */
import type { Figures } from "./own_count.ts";

const widthMax = 96;

const words: Record<string, string> = {
  waiting_to_post: "waiting",
  preparing_to_publish: "preparing",
  posting_reflecting_modifications: "reflecting",
};

export interface TimelineEntry {
  readonly status: string;
  readonly at: string;
}

/** One line, or some, of `+seconds status`. */
export function timeline(
  name: string,
  entries: readonly TimelineEntry[],
  startedMs: number,
): string {
  const indent = 16;
  const parts = entries.map(({ status, at }) =>
    `+${((Date.parse(at) - startedMs) / 1_000).toFixed(1)} ${words[status] ?? status}`
  );
  let text = `  ${name.padEnd(indent - 2)}`;
  let column = indent;
  parts.forEach((part, index) => {
    const shown = index === 0 ? part : ` → ${part}`;
    if (column + shown.length > widthMax) {
      text += `\n${" ".repeat(indent)}`;
      column = indent;
    }
    text += shown;
    column += shown.length;
  });
  return text;
}

const columns = [
  ["totalImpressions", "uniqueImpressions", "userImpressions"],
  ["totalClicks", "uniqueClicks", "userClicks"],
  ["totalCtr", "uniqueCtr", "userCtr"],
] as const;
const nameWidth = 16;
const columnWidth = 7;

export function kpiTable(rows: readonly { name: string; figures: Figures }[]): string {
  const groupWidth = 3 * columnWidth + 1;
  const heads = ["impressions", "clicks", "CTR in %"].map((head) => head.padStart(groupWidth));
  const sub = ["total", "unique", "users"].map((head) => head.padStart(columnWidth)).join("");
  return [
    `  ${"".padEnd(nameWidth)}${heads.join("")}`,
    `  ${"".padEnd(nameWidth)}${` ${sub}`.repeat(3)}${"late".padStart(columnWidth)}`,
    ...rows.map(({ name, figures }) => {
      const groups = columns.map((group) =>
        ` ${group.map((metric) => cell(metric, figures[metric]).padStart(columnWidth)).join("")}`
      );
      const late = cell("late", figures.late).padStart(columnWidth);
      return `  ${name.padEnd(nameWidth)}${groups.join("")}${late}`;
    }),
  ].join("\n");
}

function cell(metric: string, value: number | null | undefined): string {
  if (value === null || value === undefined) return "–";
  return metric.endsWith("Ctr") ? value.toFixed(1) : value.toLocaleString("en");
}

/** JSON for reading: indented, and long lines go on in the next. */
export function shownJson(value: unknown): string {
  return JSON.stringify(value, null, 2).split("\n").map((line) => wrapped(`    ${line}`)).join(
    "\n",
  );
}

function wrapped(line: string): string {
  if (line.length <= widthMax) return line;
  const cut = line.lastIndexOf(" ", widthMax);
  return `${line.slice(0, cut)}\n${wrapped(`        ${line.slice(cut + 1)}`)}`;
}

export function count(number: number): string {
  return number.toLocaleString("en");
}
