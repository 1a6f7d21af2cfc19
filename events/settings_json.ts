/**
 * A first look at what a caller sent as settings, before a schema sees it: bounds that keep the stack
 * and the clock safe, and names and texts that no setting may have.
 */
import { type Fault, pointerTo, type Problem } from "./problem.ts";

/** All settings of a campaign as JSON in UTF-8. */
export const settingsBytesMax = 24 * 1_024;
/** Deeper than any valid settings. */
export const settingsDepthMax = 40;

/** The first reason why `input` may not even be looked at by a schema, or null. */
export function jsonProblem(input: unknown): Problem | null {
  const found = walk(input, 0, { values: 0 });
  if (found === null) return null;
  const { code, message, path } = found;
  return { pointer: pointerTo("", ...path.reverse()), code, message };
}

/** Whether there is too much of it: of what `jsonProblem` finds no fault with. */
export function sizeProblem(input: unknown): Problem | null {
  if (bytesAtMost(input) <= settingsBytesMax) return null;
  const json = JSON.stringify(input) as string | undefined;
  const fits = json === undefined || json.length * 3 <= settingsBytesMax ||
    encoder.encode(json).length <= settingsBytesMax;
  return fits ? null : { pointer: "", ...tooLarge };
}

/** Not less than the bytes of its JSON; written only where this is too much. */
function bytesAtMost(value: unknown): number {
  if (typeof value === "string") return textBytesAtMost(value);
  // The longest are numbers, with 24 characters.
  if (typeof value !== "object" || value === null) return 25;
  let bytes = 2;
  if (Array.isArray(value)) {
    for (const member of value) bytes += bytesAtMost(member) + 1;
    return bytes;
  }
  // Unlike `Object.keys` this makes no list; a member too many would only make the bound larger.
  for (const key in value) {
    bytes += textBytesAtMost(key) + bytesAtMost((value as Record<string, unknown>)[key]) + 2;
  }
  return bytes;
}

/** A control character is written as six: no UTF-16 unit takes more. */
function textBytesAtMost(text: string): number {
  return 6 * text.length + 2;
}

/** `path` from the fault up to the whole: it grows on the way back, so that good input costs none. */
type Found = Pick<Fault, "code" | "message"> & { readonly path: (string | number)[] };

const tooLarge = {
  code: "settings_too_large",
  message: `Shorten the settings: together they are at most ${settingsBytesMax} bytes of JSON.`,
};

const encoder = new TextEncoder();

function walk(value: unknown, depth: number, seen: { values: number }): Found | null {
  // Every value takes a byte at least, so this also ends at what refers to itself.
  if (++seen.values > settingsBytesMax) return { ...tooLarge, path: [] };
  switch (typeof value) {
    case "string":
      return value.isWellFormed() ? null : found("invalid_format", "Send valid Unicode.");
    case "number":
      return Number.isFinite(value) ? null : found("out_of_range", "Send a finite number.");
    case "boolean":
    case "undefined":
      return null;
    case "object":
      if (value === null) return null;
      if (depth < settingsDepthMax) return walkInside(value, depth, seen);
      return found("too_deep", `Nest at most ${settingsDepthMax} levels deep.`);
    case "bigint":
    case "function":
    case "symbol":
      return found("invalid_type", "Send a JSON value.");
  }
}

function walkInside(value: object, depth: number, seen: { values: number }): Found | null {
  const isList = Array.isArray(value);
  for (const key of Object.keys(value)) {
    // zod passes over this name in records, and an assignment with it would change a prototype.
    if (!isList && (key === "__proto__" || !key.isWellFormed())) {
      return found("unknown_field", "No field has such a name: remove it.", key.toWellFormed());
    }
    const fault = walk((value as Record<string, unknown>)[key], depth + 1, seen);
    if (fault !== null) {
      if (fault.code !== tooLarge.code) fault.path.push(key);
      return fault;
    }
  }
  return null;
}

function found(code: string, message: string, ...path: string[]): Found {
  return { code, message, path };
}
