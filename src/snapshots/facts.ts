/** What a rule sees of a subject's past: only the facts that it names are looked up. */
import type { SubjectKind } from "../../events/profile_events.ts";
import type { Numbers, SubjectSource } from "./sources.ts";

const dayMs = 24 * 60 * 60 * 1000;
/** Names of campaigns and events may have dots: they are one step of the path. */
const factPath = /^facts\.(seen|clicked|did)\.(.+)$/s;

type Fact = (kind: SubjectKind, number: number) => unknown;

export class Facts {
  readonly #facts: { readonly group: string | null; readonly name: string; readonly of: Fact }[];

  constructor(variables: readonly string[], subjects: SubjectSource, nowMs: number) {
    this.#facts = variables.flatMap((variable) => {
      const of = factOf(variable, subjects, nowMs);
      if (!of) return [];
      const [, group = null, name = variable.slice(variable.indexOf(".") + 1)] =
        factPath.exec(variable) ?? [];
      return [{ group, name, of }];
    });
  }

  get isEmpty(): boolean {
    return this.#facts.length === 0;
  }

  of(kind: SubjectKind, number: number): Record<string, unknown> {
    const facts: Record<string, unknown> = {};
    for (const { group, name, of } of this.#facts) {
      const into = group === null
        ? facts
        : (facts[group] ??= Object.create(null)) as Record<string, unknown>;
      into[name] = of(kind, number);
    }
    return facts;
  }
}

/** The steps of a variable's name. */
export function variablePath(name: string): string[] {
  const [, group, ofWhat] = factPath.exec(name) ?? [];
  return group === undefined ? name.split(".") : ["facts", group, ofWhat!];
}

/** Undefined for what is no fact. */
function factOf(variable: string, subjects: SubjectSource, nowMs: number): Fact | undefined {
  const daysAgo = (atMs: number) =>
    atMs === 0 ? null : Math.max(0, Math.floor((nowMs - atMs) / dayMs));
  if (variable === "facts.lastSeenDaysAgo") {
    return (kind, number) => daysAgo(subjects.lastSeenMs(kind, number));
  }
  if (variable === "facts.firstSeenDaysAgo") {
    return (kind, number) => daysAgo(subjects.firstSeenMs(kind, number));
  }
  const [, group, name] = factPath.exec(variable) ?? [];
  if (group === undefined) return undefined;
  const set = (kind: SubjectKind): Numbers | undefined =>
    subjects[group as "seen" | "clicked" | "did"](kind, name!);
  return (kind, number) => set(kind)?.has(number) ?? false;
}
