/**
 * Canonical JSON (RFC 8785): one text for one value, so that it can be hashed on any machine. Numbers
 * and strings are as ECMAScript writes them, which is what the RFC asks; keys sort by UTF-16 units.
 */
export function canonicalJson(value: unknown): string {
  if (value === null || typeof value !== "object") return primitive(value);
  if (Array.isArray(value)) {
    let text = "[";
    for (let index = 0; index < value.length; index++) {
      if (index > 0) text += ",";
      text += value[index] === undefined ? "null" : canonicalJson(value[index]);
    }
    return text + "]";
  }
  let text = "{";
  for (const key of Object.keys(value).sort()) {
    const member = (value as Record<string, unknown>)[key];
    if (member === undefined) continue;
    if (text.length > 1) text += ",";
    text += primitive(key) + ":" + canonicalJson(member);
  }
  return text + "}";
}

function primitive(value: unknown): string {
  if (typeof value === "number" && !Number.isFinite(value)) {
    throw new TypeError(`${value} has no JSON`);
  }
  if (typeof value === "string" && !value.isWellFormed()) {
    throw new TypeError("a string with a lone surrogate has no canonical JSON");
  }
  const text = JSON.stringify(value);
  if (text === undefined) throw new TypeError(`a ${typeof value} has no JSON`);
  return text;
}
