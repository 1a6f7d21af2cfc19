/**
 * Canonical JSON (RFC 8785): one text for one value, so that it can be hashed on any machine. Numbers
 * and strings are as ECMAScript writes them, which is what the RFC asks; keys sort by UTF-16 units.
 */
export function canonicalJson(value: unknown): string {
  const order = { kept: true };
  const inOrder = sorted(value, order);
  const text = order.kept ? JSON.stringify(inOrder) : written(value);
  if (text === undefined) throw new TypeError(`a ${typeof value} has no JSON`);
  // Only a lone surrogate, or text that looks like its escape, is written with these letters.
  if (text.includes("\\ud")) checkWellFormed(value);
  return text;
}

/**
 * The same value with its members in order, which `JSON.stringify` keeps, except that an object always
 * has members named like an index first: then `order.kept` becomes false.
 */
function sorted(value: unknown, order: { kept: boolean }): unknown {
  if (value === null || typeof value !== "object") return checked(value);
  if (Array.isArray(value)) return value.map((member) => sorted(member, order));
  const members: Record<string, unknown> = Object.create(null);
  for (const key of Object.keys(value).sort()) {
    if (beginsLikeIndex(key)) order.kept = false;
    members[key] = sorted((value as Record<string, unknown>)[key], order);
  }
  return members;
}

function beginsLikeIndex(key: string): boolean {
  const code = key.charCodeAt(0);
  return code >= 48 && code <= 57;
}

function written(value: unknown): string | undefined {
  if (value === null || typeof value !== "object") return JSON.stringify(value);
  if (Array.isArray(value)) {
    return `[${value.map((member) => written(member) ?? "null").join(",")}]`;
  }
  const texts: string[] = [];
  for (const key of Object.keys(value).sort()) {
    const text = written((value as Record<string, unknown>)[key]);
    if (text !== undefined) texts.push(`${JSON.stringify(key)}:${text}`);
  }
  return `{${texts.join(",")}}`;
}

function checked(value: unknown): unknown {
  const hasNoJson = typeof value === "number"
    ? !Number.isFinite(value)
    : typeof value === "function" || typeof value === "symbol" || typeof value === "bigint";
  if (hasNoJson) throw new TypeError(`${String(value)} has no JSON`);
  return value;
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
