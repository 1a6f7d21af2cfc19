/** Counts what was compared and what was met on the way, and keeps what the two models do not agree on. */
export interface Disagreement {
  readonly what: string;
  readonly expected: unknown;
  readonly actual: unknown;
  readonly told: Record<string, unknown>;
}

/** Kept in full, of each kind. */
const keptMax = 3;

export class Comparison {
  readonly cases = new Map<string, number>();
  readonly covered = new Map<string, number>();
  readonly disagreements = new Map<string, { count: number; kept: Disagreement[] }>();

  get caseCount(): number {
    return [...this.cases.values()].reduce((sum, count) => sum + count, 0);
  }

  case(kind: string): void {
    this.cases.set(kind, (this.cases.get(kind) ?? 0) + 1);
  }

  readonly met = (what: string): void => {
    this.covered.set(what, (this.covered.get(what) ?? 0) + 1);
  };

  same(
    what: string,
    expected: unknown,
    actual: unknown,
    told: () => Record<string, unknown>,
  ): boolean {
    if (stable(expected) === stable(actual)) return true;
    const known = this.disagreements.get(what) ?? { count: 0, kept: [] };
    known.count++;
    if (known.kept.length < keptMax) known.kept.push({ what, expected, actual, told: told() });
    this.disagreements.set(what, known);
    return false;
  }
}

/** JSON with sorted names. */
export function stable(value: unknown): string {
  return JSON.stringify(
    value,
    (_, inner) =>
      inner !== null && typeof inner === "object" && !Array.isArray(inner)
        ? Object.fromEntries(Object.entries(inner).sort(([a], [b]) => a < b ? -1 : 1))
        : inner,
  ) ?? "undefined";
}
