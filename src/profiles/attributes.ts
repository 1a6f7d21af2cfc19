/** What may be known of a device or user, and what is wrong with what a caller sent; pure. */
import { pointerTo, type Problem } from "../../events/problem.ts";

export type AttributeValue =
  | string
  | number
  | boolean
  | null
  | readonly (string | number | boolean | null)[]
  | { readonly [name: string]: AttributeValue };
export type Attributes = Readonly<Record<string, AttributeValue>>;

/** Of all attributes together, as JSON in UTF-8. */
export const attributesBytesMax = 8 * 1024;
/** The attributes themselves are the first level. */
export const attributesDepthMax = 5;
export const attributeNameLengthMax = 100;
export const attributeTextLengthMax = 1_000;
export const attributeListLengthMax = 100;
/** Names that reach into JavaScript's own objects. */
export const attributeNamesForbidden: readonly string[] = [
  "__proto__",
  "constructor",
  "prototype",
];
/** Faults that one answer names. */
const problemsMax = 20;

/** What is wrong with attributes, each by its pointer below `pointer`; empty: nothing. */
export function attributeProblems(value: unknown, pointer = "/attributes"): Problem[] {
  const problems: Problem[] = [];
  if (!isObject(value)) {
    return [{ pointer, code: "invalid_type", message: "must be an object of attributes" }];
  }
  checkObject(value, pointer, 1, problems);
  if (problems.length > 0) return problems;
  const text = JSON.stringify(value);
  // A letter is at most three bytes.
  const isTooLarge = text.length > attributesBytesMax ||
    text.length * 3 > attributesBytesMax && encoder.encode(text).length > attributesBytesMax;
  if (isTooLarge) {
    const message = `all attributes together may have at most ${attributesBytesMax} bytes`;
    problems.push({ pointer, code: "too_long", message });
  }
  return problems;
}

const encoder = new TextEncoder();
/** No control characters, no lone surrogates. */
const namePattern = /^[^\p{Cc}\p{Cs}]+$/u;

function checkObject(
  value: Record<string, unknown>,
  pointer: string,
  depth: number,
  problems: Problem[],
): void {
  if (depth > attributesDepthMax) {
    add(problems, pointer, "too_deep", `attributes nest at most ${attributesDepthMax} levels`);
    return;
  }
  for (const name of Object.keys(value)) {
    if (problems.length >= problemsMax) return;
    const member = value[name];
    if (isNameFaulty(name)) {
      add(
        problems,
        pointerTo(pointer, name.slice(0, attributeNameLengthMax).toWellFormed()),
        "invalid_format",
        `a name has 1 to ${attributeNameLengthMax} printable characters and is none of ` +
          attributeNamesForbidden.join(", "),
      );
    } else if (isObject(member)) {
      checkObject(member, pointerTo(pointer, name), depth + 1, problems);
    } else if (Array.isArray(member)) checkList(member, pointerTo(pointer, name), problems);
    else checkScalar(member, pointer, name, problems);
  }
}

function isNameFaulty(name: string): boolean {
  return name.length > attributeNameLengthMax || !namePattern.test(name) ||
    attributeNamesForbidden.includes(name);
}

function checkList(list: readonly unknown[], pointer: string, problems: Problem[]): void {
  if (list.length > attributeListLengthMax) {
    const message = `a list may have at most ${attributeListLengthMax} items`;
    add(problems, pointer, "too_long", message);
    return;
  }
  list.forEach((item, index) => {
    if (item === null || typeof item !== "object") checkScalar(item, pointer, index, problems);
    else {
      const message = "a list holds texts, numbers, true, false and null only";
      add(problems, pointerTo(pointer, index), "invalid_type", message);
    }
  });
}

function checkScalar(
  value: unknown,
  base: string,
  step: string | number,
  problems: Problem[],
): void {
  if (typeof value === "string") {
    if (value.length > attributeTextLengthMax) {
      const message = `a text may have at most ${attributeTextLengthMax} characters`;
      add(problems, pointerTo(base, step), "too_long", message);
    } else if (!value.isWellFormed()) {
      add(problems, pointerTo(base, step), "invalid_format", "has a lone surrogate");
    }
  } else if (typeof value === "number" && !Number.isFinite(value)) {
    add(problems, pointerTo(base, step), "invalid_type", "is too large a number");
  }
}

function add(problems: Problem[], pointer: string, code: string, message: string): void {
  if (problems.length < problemsMax) problems.push({ pointer, code, message });
}

function isObject(value: unknown): value is Record<string, unknown> {
  return value !== null && typeof value === "object" && !Array.isArray(value);
}
