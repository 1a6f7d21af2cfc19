/**
 * A second reading of JsonLogic, plain and slow, written from its documentation and not from ours: the
 * operators are JavaScript's own, a rule is walked anew for every evaluation.
 */
// deno-lint-ignore-file no-explicit-any eqeqeq -- JavaScript's own operators on any JSON

export function evaluate(rule: any, data: any): any {
  if (Array.isArray(rule)) return rule.map((item) => evaluate(item, data));
  if (rule === null || typeof rule !== "object") return rule;
  const name = Object.keys(rule)[0]!;
  const raw: any[] = Array.isArray(rule[name]) ? rule[name] : [rule[name]];

  if (name === "if") {
    let at = 0;
    for (; at < raw.length - 1; at += 2) {
      if (holds(evaluate(raw[at], data))) return evaluate(raw[at + 1], data);
    }
    return at < raw.length ? evaluate(raw[at], data) : null;
  }
  if (name === "and" || name === "or") {
    let last: any;
    for (const one of raw) {
      last = evaluate(one, data);
      if (holds(last) === (name === "or")) return last;
    }
    return last;
  }
  if (name === "some" || name === "all" || name === "none") {
    const list = evaluate(raw[0], data);
    let count = 0;
    const length = Array.isArray(list) ? list.length : 0;
    for (let at = 0; at < length; at++) if (holds(evaluate(raw[1], list[at]))) count++;
    if (name === "some") return count > 0;
    if (name === "none") return count === 0;
    return length > 0 && count === length;
  }

  const given = raw.map((one) => evaluate(one, data));
  const [a, b, c] = given;
  switch (name) {
    case "var": {
      const found = at(data, a);
      return found === undefined ? b ?? null : found;
    }
    case "missing":
      return without(Array.isArray(a) ? a : given, data);
    case "missing_some": {
      const gone = without(b, data);
      return b.length - gone.length >= a ? [] : gone;
    }
    case "==":
      return a == b;
    case "===":
      return a === b;
    case "!=":
      return a != b;
    case "!==":
      return a !== b;
    case "!":
      return !holds(a);
    case "!!":
      return holds(a);
    case ">":
      return a > b;
    case ">=":
      return a >= b;
    case "<":
      return given.length === 3 ? a < b && b < c : a < b;
    case "<=":
      return given.length === 3 ? a <= b && b <= c : a <= b;
    case "max":
      return Math.max(...given);
    case "min":
      return Math.min(...given);
    case "+":
      return given.map((one) => parseFloat(one)).reduce((x, y) => x + y, 0);
    case "*":
      return given.length === 1 ? a : given.map((one) => parseFloat(one)).reduce((x, y) => x * y);
    case "-":
      return given.length === 1 ? -a : a - b;
    case "/":
      return a / b;
    case "%":
      return a % b;
    case "in":
      if (Array.isArray(b)) return b.indexOf(a) !== -1;
      return typeof b === "string" && b !== "" && b.indexOf(a) !== -1;
    case "cat":
      return given.join("");
    case "substr": {
      const rest = String(a).substr(b);
      if (given.length === 2) return rest;
      return Number(c) < 0
        ? rest.substr(0, Math.max(0, rest.length + Math.trunc(Number(c))))
        : String(a).substr(b, c);
    }
    default:
      throw new Error(`no operator ${name}`);
  }
}

export function holds(value: any): boolean {
  return Array.isArray(value) ? value.length !== 0 : !!value;
}

function at(data: any, name: string): any {
  if (name === "") return data;
  let value = data;
  for (const step of name.split(".")) {
    if (value == null || !Object.hasOwn(Object(value), step)) return undefined;
    value = value[step];
  }
  return value;
}

function without(names: string[], data: any): string[] {
  return names.filter((name) => {
    const value = at(data, name);
    return value === undefined || value === null || value === "";
  });
}
