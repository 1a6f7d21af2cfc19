/**
 * Rules, ready to be asked of many subjects. They run in json-logic-engine's interpreter, which makes
 * closures of a rule once; its compiler, which makes source text for `new Function`, is never used:
 * it would be the one place where what a caller wrote becomes code.
 */
import { LogicEngine } from "json-logic-engine";
import { ruleFault } from "../../events/json_logic.ts";
import { operators, truthy } from "./operators.ts";

export interface CompiledRule {
  /** The attributes and facts that it looks at, without those of a list's items. */
  readonly variables: readonly string[];
  /** Never throws, and takes a few milliseconds at most (see `ruleFault`). */
  matches(data: unknown): boolean;
}

/**
 * A rule that the check refuses (one that was stored under looser limits, say) holds for nobody.
 * `pathOf` gives the steps of an attribute's name.
 */
export function compileRule(rule: unknown, pathOf: PathOf = dotted): CompiledRule {
  if (ruleFault(rule) !== null) return { variables: [], matches: () => false };
  const variables = new Set<string>();
  const ready = prepared(rule, pathOf, variables);
  // One for each rule: the engine stops to keep closures when it has met too many rules.
  const engine = new LogicEngine({ ...operators }, {
    disableInline: true,
    disableInterpretedOptimization: false,
    permissive: false,
  });
  return {
    variables: [...variables],
    matches: (data) => truthy(engine.run(ready, data ?? null)),
  };
}

/** Whether every condition holds; a trigger without conditions is not held back. */
export function conditionsHold(
  conditions: { readonly and: readonly unknown[] } | undefined,
  properties: unknown,
): boolean {
  if (conditions === undefined) return true;
  let rules = compiled.get(conditions);
  if (rules === undefined) {
    compiled.set(
      conditions,
      rules = conditions.and.map((one) => compileRule(one)),
    );
  }
  return rules.every((rule) => rule.matches(properties));
}

/** Conditions stay the same object as long as a campaign is not edited. */
const compiled = new WeakMap<object, readonly CompiledRule[]>();

type PathOf = (name: string) => readonly string[];

const dotted: PathOf = (name) => name.split(".");

/** Arguments always as a list, and names of attributes as paths: what the operators take. */
function prepared(rule: unknown, pathOf: PathOf, variables: Set<string> | null): unknown {
  if (rule === null || typeof rule !== "object") return rule;
  const within = (part: unknown) => prepared(part, pathOf, variables);
  if (Array.isArray(rule)) return rule.map(within);
  const [operator, given] = Object.entries(rule)[0]!;
  const args: unknown[] = Array.isArray(given) ? given : [given];
  const paths = (names: readonly string[]) => {
    for (const name of names) variables?.add(name);
    return names.map(pathOf);
  };
  switch (operator) {
    case "var": {
      const [name, ...otherwise] = args;
      const path = name === "" ? [] : paths([name as string])[0];
      return { var: [path, ...otherwise.map(within)] };
    }
    case "missing": {
      const names = (Array.isArray(args[0]) ? args[0] : args) as string[];
      return { missing: [names, paths(names)] };
    }
    case "missing_some": {
      const [needed, names] = args as [number, string[]];
      return { missing_some: [needed, names, paths(names)] };
    }
    case "some":
    case "all":
    case "none":
      return { [operator]: [within(args[0]), prepared(args[1], dotted, null)] };
    default:
      return { [operator]: args.map(within) };
  }
}
