/**
 * What the operators of a rule do, as JsonLogic (https://jsonlogic.com) says. The engine's own are not
 * used: they throw at numbers that are none, spread lists over arguments and read prototypes. These
 * take any JSON and never throw.
 */
import type { LogicEngine } from "json-logic-engine";

/** A text that a rule makes is cut here, so that no rule can make a long one out of short ones. */
export const madeTextLengthMax = 8_192;

type Value = unknown;
type Path = readonly string[];

interface Operator {
  /** Takes its arguments as they stand in the rule and evaluates those that it needs. */
  readonly lazy?: boolean;
  method(args: readonly Value[], data: Value, above: unknown, engine: LogicEngine): Value;
}

/** Arguments come as `compileRule` prepares them: always a list, and names as paths. */
export const operators: Readonly<Record<string, Operator>> = {
  var: {
    method: ([path, otherwise = null], data) => {
      const found = lookUp(data, path as Path);
      return found === undefined ? otherwise : found;
    },
  },
  missing: { method: ([names, paths], data) => missing(names as string[], paths as Path[], data) },
  missing_some: {
    method: ([needed, names, paths], data) => {
      const gone = missing(names as string[], paths as Path[], data);
      return (names as string[]).length - gone.length >= (needed as number) ? [] : gone;
    },
  },
  if: {
    lazy: true,
    method: (args, data, _above, engine) => {
      for (let index = 0; index + 1 < args.length; index += 2) {
        if (truthy(engine.run(args[index], data))) return engine.run(args[index + 1], data);
      }
      return args.length % 2 === 1 ? engine.run(args.at(-1), data) : null;
    },
  },
  and: {
    lazy: true,
    method: (args, data, _above, engine) => {
      let value: Value = null;
      for (const arg of args) {
        value = engine.run(arg, data);
        if (!truthy(value)) return value;
      }
      return value;
    },
  },
  or: {
    lazy: true,
    method: (args, data, _above, engine) => {
      let value: Value = null;
      for (const arg of args) {
        value = engine.run(arg, data);
        if (truthy(value)) return value;
      }
      return value;
    },
  },
  some: iteration((list, holds) => list.some(holds)),
  all: iteration((list, holds) => list.length > 0 && list.every(holds)),
  none: iteration((list, holds) => !list.some(holds)),
  "==": eager(([one, other]) => equal(one, other)),
  "!=": eager(([one, other]) => !equal(one, other)),
  "===": eager(([one, other]) => one === other),
  "!==": eager(([one, other]) => one !== other),
  "!": eager(([value]) => !truthy(value)),
  "!!": eager(([value]) => truthy(value)),
  ">": eager(([one, other]) => plain(one) > plain(other)),
  ">=": eager(([one, other]) => plain(one) >= plain(other)),
  "<": eager(([one, other, third]) => {
    return plain(one) < plain(other) && (third === undefined || plain(other) < plain(third));
  }),
  "<=": eager(([one, other, third]) => {
    return plain(one) <= plain(other) && (third === undefined || plain(other) <= plain(third));
  }),
  max: eager((args) =>
    args.reduce((most: number, arg) => Math.max(most, numberOf(arg)), -Infinity)
  ),
  min: eager((args) =>
    args.reduce((least: number, arg) => Math.min(least, numberOf(arg)), Infinity)
  ),
  "+": eager((args) => args.reduce((sum: number, arg) => sum + parsed(arg), 0)),
  "*": eager((args) => {
    if (args.length === 1) return args[0];
    return args.reduce((product: number, arg) => product * parsed(arg), 1);
  }),
  "-": eager((args) => {
    return args.length === 1 ? -numberOf(args[0]) : numberOf(args[0]) - numberOf(args[1]);
  }),
  "/": eager(([one, other]) => numberOf(one) / numberOf(other)),
  "%": eager(([one, other]) => numberOf(one) % numberOf(other)),
  in: eager(([part, whole]) => {
    if (Array.isArray(whole)) return whole.indexOf(part) >= 0;
    return typeof whole === "string" && whole !== "" && whole.includes(textOf(part));
  }),
  cat: eager((args) => joined(args, "")),
  substr: eager(([source, start, end]) => substr(textOf(source), numberOf(start), end)),
};

/** As JsonLogic has it: an empty list is false, every other object true. */
export function truthy(value: Value): boolean {
  return Array.isArray(value) ? value.length > 0 : Boolean(value);
}

function eager(method: (args: readonly Value[]) => Value): Operator {
  return { method };
}

/** What is no list is like an empty one. */
function iteration(
  decide: (list: readonly Value[], holds: (item: Value) => boolean) => boolean,
): Operator {
  return {
    lazy: true,
    method: ([given, condition], data, _above, engine) => {
      const list = engine.run(given, data);
      return decide(
        Array.isArray(list) ? list : [],
        (item) => truthy(engine.run(condition, item)),
      );
    },
  };
}

/** Own properties only, of texts and lists too (`length`, an index). Undefined: there is none. */
function lookUp(data: Value, path: Path): Value {
  let value = data;
  for (const step of path) {
    if (value === null || value === undefined || !Object.hasOwn(Object(value), step)) {
      return undefined;
    }
    value = (value as Record<string, Value>)[step];
  }
  return value;
}

/** Null and "" are missing as well. */
function missing(names: readonly string[], paths: readonly Path[], data: Value): string[] {
  return names.filter((_, index) => {
    const value = lookUp(data, paths[index]!);
    return value === undefined || value === null || value === "";
  });
}

/** JavaScript's `==`, on which an object's own `toString` has no hold. */
function equal(one: Value, other: Value): boolean {
  if (isObject(one) && isObject(other)) return one === other;
  // deno-lint-ignore eqeqeq
  return plain(one) == plain(other);
}

function isObject(value: Value): boolean {
  return typeof value === "object" && value !== null;
}

/** What JavaScript compares: a list or an object as its text. */
function plain(value: Value): number {
  return (isObject(value) ? textOf(value) : value) as number;
}

/** JavaScript's `Number(value)`. */
function numberOf(value: Value): number {
  return typeof value === "number" ? value : Number(plain(value));
}

/** JavaScript's `parseFloat(value)`, which takes the number that a text begins with. */
function parsed(value: Value): number {
  // There and back, as text, −0 becomes 0.
  return typeof value === "number" ? value + 0 : parseFloat(textOf(value));
}

/** JavaScript's `String(value)` for JSON. */
function textOf(value: Value): string {
  if (typeof value === "string") return value;
  if (Array.isArray(value)) return joined(value, ",");
  return isObject(value) ? "[object Object]" : String(value);
}

function joined(values: readonly Value[], separator: string): string {
  let text = "";
  for (let index = 0; index < values.length; index++) {
    const value = values[index];
    if (index > 0) text += separator;
    if (value !== null && value !== undefined) text += textOf(value);
    if (text.length > madeTextLengthMax) return text.slice(0, madeTextLengthMax);
  }
  return text;
}

/** JavaScript's `substr`, and a negative `end` counts from the end of what that gives. */
function substr(source: string, start: number, end: Value): string {
  const length = end === undefined ? undefined : numberOf(end);
  if (length === undefined || !(length < 0)) return part(source, start, length);
  const rest = part(source, start, undefined);
  return part(rest, 0, rest.length + length);
}

function part(source: string, start: number, length: number | undefined): string {
  const whole = Math.trunc(start) || 0;
  const from = whole < 0 ? Math.max(0, source.length + whole) : whole;
  if (length === undefined) return source.slice(from);
  return source.slice(from, from + Math.max(0, Math.trunc(length) || 0));
}
