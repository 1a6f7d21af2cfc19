/**
 * How often each device and user was shown each campaign, from the beginning of the log to the records
 * that are kept each for itself. So rows change once an hour at most. They are divided by number, so
 * that each fits one commit.
 */
import type { SubjectKind } from "../events/profile_events.ts";
import { subjectKinds } from "../events/profile_events.ts";
import { CountRow, countRowShift } from "./count_row.ts";

export const totalPrefix = "exposure/total/";

/** The counts of one campaign, for devices or for users. */
export class CampaignTotals {
  readonly rows: (CountRow | undefined)[] = [];

  constructor(readonly name: string, readonly changed: (row: CountRow) => void) {}

  of(number: number): number {
    return this.rows[number >>> countRowShift]?.get(number) ?? 0;
  }

  /** One more for each of the numbers; 0 is nobody. */
  add(numbers: Uint32Array): void {
    // Row by row: what is next to each other in memory is changed together.
    const starts = [0, 0];
    for (let nth = 0; nth < numbers.length; nth++) {
      const number = numbers[nth]!;
      if (number === 0) continue;
      const after = (number >>> countRowShift) + 2;
      while (starts.length <= after) starts.push(0);
      starts[after]!++;
    }
    for (let at = 1; at < starts.length; at++) starts[at]! += starts[at - 1]!;
    const grouped = new Uint32Array(starts.at(-1)!);
    for (let nth = 0; nth < numbers.length; nth++) {
      const number = numbers[nth]!;
      if (number !== 0) grouped[starts[(number >>> countRowShift) + 1]!++] = number;
    }
    for (let index = 0; index < starts.length - 1; index++) {
      if (starts[index]! < starts[index + 1]!) {
        this.#addTo(this.row(index), grouped, starts[index]!, starts[index + 1]!);
      }
    }
  }

  #addTo(row: CountRow, numbers: Uint32Array, from: number, to: number): void {
    if (row.isAhead) return;
    row.addAll(numbers, from, to);
    if (!row.isDirty) this.changed(row);
  }

  row(index: number): CountRow {
    return this.rows[index] ??= new CountRow(
      `${totalPrefix}${this.name.replace("/", `/${index}/`)}`,
    );
  }
}

export class ExposureTotals {
  readonly #campaigns: Readonly<Record<SubjectKind, Map<string, CampaignTotals>>> = {
    device: new Map(),
    user: new Map(),
  };
  /** Loaded rows that may have events of the log's end already. */
  readonly #ahead = new Set<CountRow>();

  constructor(readonly changed: (row: CountRow) => void) {}

  of(campaignId: string, kind: SubjectKind, number: number): number {
    return this.#campaigns[kind].get(campaignId)?.of(number) ?? 0;
  }

  campaign(kind: SubjectKind, campaignId: string): CampaignTotals {
    let totals = this.#campaigns[kind].get(campaignId);
    if (!totals) {
      totals = new CampaignTotals(`${kind}/${campaignId}`, this.changed);
      this.#campaigns[kind].set(campaignId, totals);
    }
    return totals;
  }

  /** To be called before the records of an event: a row takes no event that it has already. */
  catchUp(position: string): void {
    for (const row of this.#ahead) {
      if (position <= row.through) continue;
      row.isAhead = false;
      this.#ahead.delete(row);
    }
  }

  row(key: string): CountRow {
    const [kind, index, ...campaign] = key.slice(totalPrefix.length).split("/");
    return this.campaign(kind as SubjectKind, campaign.join("/")).row(Number(index));
  }

  load(key: string, bytes: Uint8Array, through: string): void {
    const row = this.row(key);
    row.load(bytes);
    row.through = through;
    row.isAhead = true;
    this.#ahead.add(row);
  }

  *rowKeys(): Iterable<string> {
    for (const kind of subjectKinds) {
      for (const { rows } of this.#campaigns[kind].values()) {
        for (const row of rows) if (row) yield row.key;
      }
    }
  }
}
