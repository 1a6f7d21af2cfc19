/** What a suite is: it starts what it needs, measures, and gives its part of the report. */
export interface Suite {
  readonly name: string;
  /** Its part of the report, in Markdown, without the heading. */
  run(): Promise<string>;
}

/** One thing that is measured beside others. */
export interface Contender {
  readonly name: string;
  /** Ours, what somebody would take instead, or what the machine can do at most. */
  readonly role: "ours" | "peer" | "limit";
  measure(seconds: number): Promise<Measured>;
}

export interface Measured {
  readonly perSecond: number;
  readonly p50Ms?: number | null;
  readonly p99Ms?: number | null;
}

/** A ratio that we want to reach. */
export interface Mark {
  readonly ours: string;
  readonly to: string;
  readonly least: number;
}
