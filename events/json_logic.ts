/**
 * The rule language of conditions and audiences: JsonLogic (https://jsonlogic.com), the operators
 * listed here and no others. A rule is checked before it is stored, so whoever evaluates one may
 * trust its shape, its depth and its paths, and that it takes a few milliseconds at most.
 */
import { isAttributePath } from "./attribute_path.ts";
import type { Fault } from "./problem.ts";

export const ruleDepthMax = 10;
export const ruleNodesMax = 500;
/** Characters of all its texts together, names of attributes included. */
export const ruleTextLengthMax = 16_000;
/** An attribute that is a list has at most so many items. */
export const listItemsMax = 100;
/** What `some`, `all` and `none` may do: items of the list times parts of the condition, in all. */
export const itemStepsMax = 10_000;
/** The same for texts: items of the list times characters of the condition, in all. */
export const itemTextStepsMax = 400_000;

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
  #textLength = 0;
  #itemSteps = 0;
  #itemTextSteps = 0;

  /** `inItem`: within `some`, `all` and `none`, where `var` "" is the item itself. */
  fault(rule: unknown, path: Path, depth: number, inItem: boolean): Fault | null {
    if (++this.#nodes > ruleNodesMax) return invalid(`Use at most ${ruleNodesMax} parts.`, path);
    if (typeof rule === "string") return this.#textFault(rule, path);
    if (rule === null || typeof rule === "boolean") return null;
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

  #textFault(text: string, path: Path): Fault | null {
    this.#textLength += text.length;
    if (this.#textLength <= ruleTextLengthMax) return null;
    return invalid(`Use at most ${ruleTextLengthMax} characters of text in all.`, path);
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
    if (isIteration(operator)) {
      if (inItem) return invalid("some, all and none cannot stand inside one another.", inside);
      return this.#iterationFault(args, inside, depth);
    }
    for (const [index, arg] of args.entries()) {
      const argPath = Array.isArray(given) ? [...inside, index] : inside;
      const fault = this.fault(arg, argPath, depth + 1, inItem);
      if (fault !== null) return fault;
    }
    return null;
  }

  /** The condition is evaluated for every item, so what is in it counts as often. */
  #iterationFault([list, condition]: unknown[], path: Path, depth: number): Fault | null {
    const nodesBefore = this.#nodes;
    const listFault = this.fault(list, [...path, 0], depth + 1, false);
    if (listFault !== null) return listFault;
    // Where the list is no attribute, it has no more items than it has parts.
    const items = Math.max(listItemsMax, this.#nodes - nodesBefore);
    const before = { nodes: this.#nodes, textLength: this.#textLength };
    const conditionFault = this.fault(condition, [...path, 1], depth + 1, true);
    if (conditionFault !== null) return conditionFault;
    this.#itemSteps += items * (this.#nodes - before.nodes);
    this.#itemTextSteps += items * (this.#textLength - before.textLength);
    if (this.#itemSteps <= itemStepsMax && this.#itemTextSteps <= itemTextStepsMax) return null;
    const parts = Math.floor(itemStepsMax / items);
    const characters = Math.floor(itemTextStepsMax / items);
    return invalid(
      "some, all and none together are too much work: for a list like this, use at most " +
        `${parts} parts and ${characters} characters in the conditions.`,
      [...path, 1],
    );
  }

  #itemsFault(items: unknown[], path: Path, depth: number, inItem: boolean): Fault | null {
    for (const [index, item] of items.entries()) {
      const fault = this.fault(item, [...path, index], depth + 1, inItem);
      if (fault !== null) return fault;
    }
    return null;
  }
}

function isIteration(operator: string): boolean {
  return operator === "some" || operator === "all" || operator === "none";
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
