/**
 * Rules of audiences: JsonLogic as `json_logic.ts` takes it, over what is known of a subject. What a
 * rule reads is either an attribute of the user or of the device, or a fact that follows from events.
 */
import { ruleFault } from "./json_logic.ts";
import type { Fault } from "./problem.ts";

/** An event of the log holds the rule; this leaves room for all the rest of it. */
const ruleBytesLimit = 16 * 1024;
const encoder = new TextEncoder();
const subjectPath = /^(?:user|device|facts)\./;

/** What is wrong with the rule of an audience, the first fault, or null. */
export function audienceRuleFault(rule: unknown): Fault | null {
  if (typeof rule !== "object" || rule === null || Array.isArray(rule)) {
    return { code: "invalid_rule", message: "A rule is an object with exactly one operator." };
  }
  const fault = ruleFault(rule) ?? pathFault(rule, []);
  if (fault !== null) return fault;
  if (encoder.encode(JSON.stringify(rule)).length <= ruleBytesLimit) return null;
  return { code: "too_long", message: `Write a rule of at most ${ruleBytesLimit} bytes of JSON.` };
}

type Path = readonly (string | number)[];

/** Trusts the shape of the rule: it has been checked. */
function pathFault(rule: unknown, path: Path): Fault | null {
  if (typeof rule !== "object" || rule === null) return null;
  if (Array.isArray(rule)) return firstFault(rule, path);
  const [operator, given] = Object.entries(rule)[0]!;
  const inside = [...path, operator];
  const args: unknown[] = Array.isArray(given) ? given : [given];
  const strange = namesRead(operator, args).find((name) => !subjectPath.test(name));
  if (strange !== undefined) {
    const message = `Write user.${strange}, device.${strange} or facts.${strange}: a rule reads ` +
      "attributes of the user or the device, and facts.";
    return { code: "invalid_rule", message, path: inside };
  }
  // What is asked of each item of a list reads the item, not the subject.
  const overItems = operator === "some" || operator === "all" || operator === "none";
  const ofSubject = overItems ? args.slice(0, 1) : args;
  return Array.isArray(given) ? firstFault(ofSubject, inside) : pathFault(given, inside);
}

function firstFault(rules: readonly unknown[], path: Path): Fault | null {
  for (const [index, rule] of rules.entries()) {
    const fault = pathFault(rule, [...path, index]);
    if (fault !== null) return fault;
  }
  return null;
}

/** The attributes that an operation names; always texts in a rule that has been checked. */
function namesRead(operator: string, args: readonly unknown[]): readonly string[] {
  switch (operator) {
    case "var":
      return args.slice(0, 1) as string[];
    case "missing":
      return (args.length === 1 && Array.isArray(args[0]) ? args[0] : args) as string[];
    case "missing_some":
      return args[1] as string[];
    default:
      return [];
  }
}
