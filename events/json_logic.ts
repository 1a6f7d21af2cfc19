/**
 * The rule language of conditions and audiences: JsonLogic (https://jsonlogic.com), the operators
 * listed here and no others. A rule is checked before it is stored, so whoever evaluates one may
 * trust its shape, its depth and its paths.
 */
import { isAttributePath } from "./attribute_path.ts";
import type { Fault } from "./problem.ts";

export const ruleDepthMax = 10;
export const ruleNodesMax = 500;

/** Operators and how many arguments each takes, least and most. */
export const ruleOperators: Readonly<Record<string, readonly [number, number]>> = {
  var: [1, 2],
  missing: [1, Infinity],
  missing_some: [2, 2],
  if: [2, Infinity],
  "==": [2, 2],
  "===": [2, 2],
  "!=": [2, 2],
  "!==": [2, 2],
  "!": [1, 1],
  "!!": [1, 1],
  or: [1, Infinity],
  and: [1, Infinity],
  ">": [2, 2],
  ">=": [2, 2],
  "<": [2, 3],
  "<=": [2, 3],
  max: [1, Infinity],
  min: [1, Infinity],
  "+": [1, Infinity],
  "-": [1, 2],
  "*": [1, Infinity],
  "/": [2, 2],
  "%": [2, 2],
  in: [2, 2],
  cat: [1, Infinity],
  substr: [2, 3],
  some: [2, 2],
  all: [2, 2],
  none: [2, 2],
};

/** What is wrong with a rule, the first fault, or null. */
export function ruleFault(rule: unknown): Fault | null {
  return new RuleCheck().fault(rule, [], 1, false);
}

type Path = readonly (string | number)[];

class RuleCheck {
  #nodes = 0;

  /** `inItem`: within `some`, `all` and `none`, where `var` "" is the item itself. */
  fault(rule: unknown, path: Path, depth: number, inItem: boolean): Fault | null {
    if (++this.#nodes > ruleNodesMax) return invalid(`Use at most ${ruleNodesMax} parts.`, path);
    if (rule === null || typeof rule === "string" || typeof rule === "boolean") return null;
    if (typeof rule === "number") {
      return Number.isFinite(rule) ? null : invalid("Write a finite number.", path);
    }
    if (typeof rule !== "object") return invalid("Write a JSON value.", path);
    if (depth > ruleDepthMax) return invalid(`Nest at most ${ruleDepthMax} levels deep.`, path);
    if (Array.isArray(rule)) return this.#itemsFault(rule, path, depth, inItem);
    const operators = Object.keys(rule);
    const operator = operators[0];
    if (operators.length !== 1 || operator === undefined) {
      return invalid("An operation is an object with exactly one operator.", path);
    }
    return this.#operationFault(operator, (rule as Record<string, unknown>)[operator], path, {
      depth,
      inItem,
    });
  }

  #operationFault(
    operator: string,
    given: unknown,
    path: Path,
    { depth, inItem }: { depth: number; inItem: boolean },
  ): Fault | null {
    const inside = [...path, operator];
    const arity = Object.hasOwn(ruleOperators, operator) ? ruleOperators[operator] : undefined;
    if (arity === undefined) {
      const known = Object.keys(ruleOperators).join(" ");
      return { code: "unknown_operator", message: `Use one of: ${known}.`, path: inside };
    }
    const args: unknown[] = Array.isArray(given) ? given : [given];
    if (args.length < arity[0] || args.length > arity[1]) {
      const most = arity[1] === Infinity ? "or more" : `to ${arity[1]}`;
      return invalid(`${operator} takes ${arity[0]} ${most} arguments.`, inside);
    }
    const names = namesFault(operator, args, inItem);
    if (names !== null) return invalid(names, inside);
    const overItems = operator === "some" || operator === "all" || operator === "none";
    for (const [index, arg] of args.entries()) {
      const argPath = Array.isArray(given) ? [...inside, index] : inside;
      const fault = this.fault(arg, argPath, depth + 1, inItem || (overItems && index === 1));
      if (fault !== null) return fault;
    }
    return null;
  }

  #itemsFault(items: unknown[], path: Path, depth: number, inItem: boolean): Fault | null {
    for (const [index, item] of items.entries()) {
      const fault = this.fault(item, [...path, index], depth + 1, inItem);
      if (fault !== null) return fault;
    }
    return null;
  }
}

/** Attribute names stand in a rule as they are, never computed: what a rule reads can be listed. */
function namesFault(operator: string, args: readonly unknown[], inItem: boolean): string | null {
  let names: readonly unknown[] = [];
  if (operator === "var") names = args.slice(0, 1);
  if (operator === "missing") names = args.length === 1 && Array.isArray(args[0]) ? args[0] : args;
  if (operator === "missing_some") {
    if (!Number.isInteger(args[0]) || !Array.isArray(args[1])) {
      return "missing_some takes a whole number and a list of attributes.";
    }
    names = args[1];
  }
  for (const name of names) {
    if (name === "" && inItem && operator === "var") continue;
    if (typeof name !== "string" || !isAttributePath(name)) {
      return `${operator} takes the name of an attribute, such as "price" or "user.city".`;
    }
  }
  return null;
}

function invalid(message: string, path: Path): Fault {
  return { code: "invalid_rule", message, path };
}
