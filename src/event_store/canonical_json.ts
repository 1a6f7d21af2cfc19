/**
 * Canonical JSON (RFC 8785): one text for one value, so that it can be hashed on any machine. Numbers
 * and strings are as ECMAScript writes them, which is what the RFC asks; keys sort by UTF-16 units.
 */
export function canonicalJson(value: unknown): string {
  const text = written(value);
  if (text === undefined) throw new TypeError(`a ${typeof value} has no JSON`);
  // Only a lone surrogate, or text that looks like its escape, is written with these letters.
  if (text.includes("\\ud")) checkWellFormed(value);
  return text;
}

/** Names of members as they are written; those that come often are asked for again and again. */
const names = new Map<string, string>();
const namesMax = 1_000;
const nameLengthMax = 64;

/** Undefined, as of `JSON.stringify`, for what a member may be and is then left out. */
function written(value: unknown): string | undefined {
  switch (typeof value) {
    case "string":
      return JSON.stringify(value);
    case "number":
      if (!Number.isFinite(value)) throw new TypeError(`${value} has no JSON`);
      return String(value);
    case "boolean":
      return value ? "true" : "false";
    case "undefined":
      return undefined;
    case "object":
      if (value === null) return "null";
      return Array.isArray(value) ? writtenList(value) : writtenMembers(value);
    case "bigint":
    case "function":
    case "symbol":
      throw new TypeError(`${String(value)} has no JSON`);
  }
}

function writtenList(list: readonly unknown[]): string {
  let text = "";
  for (const member of list) text += (text === "" ? "[" : ",") + (written(member) ?? "null");
  return text === "" ? "[]" : text + "]";
}

function writtenMembers(value: object): string {
  const keys = Object.keys(value);
  if (keys.length > 1) keys.sort();
  let text = "";
  for (const key of keys) {
    const member = written((value as Record<string, unknown>)[key]);
    if (member !== undefined) text += (text === "" ? "{" : ",") + writtenName(key) + member;
  }
  return text === "" ? "{}" : text + "}";
}

function writtenName(key: string): string {
  const known = names.get(key);
  if (known !== undefined) return known;
  const name = `${JSON.stringify(key)}:`;
  if (names.size < namesMax && key.length <= nameLengthMax) names.set(key, name);
  return name;
}

function checkWellFormed(value: unknown): void {
  if (typeof value === "string" && !value.isWellFormed()) {
    throw new TypeError("a string with a lone surrogate has no canonical JSON");
  }
  if (value === null || typeof value !== "object") return;
  for (const [key, member] of Object.entries(value)) {
    checkWellFormed(key);
    checkWellFormed(member);
  }
}
