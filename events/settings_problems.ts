/** A schema's issues in a form that a caller can act on: where, a stable code, what to do. */
import type { z } from "zod";
import { pointerTo, type Problem } from "./problem.ts";

/** More than these help nobody; a hostile list of settings could have thousands. */
const problemsMax = 100;

export function problemsOf(issues: readonly z.core.$ZodIssue[], input: unknown): Problem[] {
  return issues.slice(0, problemsMax)
    .flatMap((issue) => problemsOfIssue(issue, input)).slice(0, problemsMax);
}

function problemsOfIssue(issue: z.core.$ZodIssue, input: unknown): Problem[] {
  const pointer = pointerTo("", ...issue.path);
  switch (issue.code) {
    case "unrecognized_keys":
      return issue.keys.map((key) => unknownField(pointer, key));
    case "invalid_type":
      if (valueAt(input, issue.path) === undefined) return [required(pointer)];
      return [
        problem(pointer, "invalid_type", `Send ${kindNames[issue.expected] ?? issue.expected}.`),
      ];
    case "too_small":
      return [tooSmall(pointer, issue)];
    case "too_big":
      return [tooBig(pointer, issue)];
    case "invalid_value":
      if (valueAt(input, issue.path) === undefined) return [required(pointer)];
      return [problem(pointer, "invalid_value", `Use one of: ${issue.values.join(", ")}.`)];
    case "invalid_union": {
      if (valueAt(input, issue.path) === undefined) return [required(pointer)];
      const options = (issue as { options?: readonly unknown[] }).options;
      const hint = options ? `Use one of: ${options.join(", ")}.` : "Send one of the listed forms.";
      return [problem(pointer, "invalid_value", hint)];
    }
    case "invalid_format":
      return [problem(pointer, "invalid_format", issue.message)];
    case "custom":
      return [problem(pointer, String(issue.params?.code ?? "invalid_value"), issue.message)];
    case "invalid_key":
    case "invalid_element":
    case "not_multiple_of":
      return [problem(pointer, "invalid_value", issue.message)];
  }
}

const kindNames: Readonly<Record<string, string>> = {
  string: "a text",
  number: "a number",
  int: "a whole number",
  boolean: "true or false",
  array: "a list",
  object: "an object",
  record: "an object",
};

function tooSmall(pointer: string, issue: z.core.$ZodIssueTooSmall): Problem {
  if (issue.origin === "array") {
    return problem(pointer, "too_short", `Give at least ${issue.minimum}.`);
  }
  if (issue.origin === "string") {
    return problem(pointer, "too_short", `Write at least ${issue.minimum} characters.`);
  }
  return problem(pointer, "out_of_range", `Choose ${issue.minimum} or more.`);
}

function tooBig(pointer: string, issue: z.core.$ZodIssueTooBig): Problem {
  if (issue.origin === "array") {
    return problem(pointer, "too_long", `Give at most ${issue.maximum}.`);
  }
  if (issue.origin === "string") {
    return problem(pointer, "too_long", `Shorten it to at most ${issue.maximum} characters.`);
  }
  return problem(pointer, "out_of_range", `Choose ${issue.maximum} or less.`);
}

function unknownField(pointer: string, key: string): Problem {
  return problem(
    pointerTo(pointer, key),
    "unknown_field",
    `There is no ${JSON.stringify(key)} here: remove it or check its spelling.`,
  );
}

function required(pointer: string): Problem {
  return problem(pointer, "required", "This is required: add it.");
}

function problem(pointer: string, code: string, message: string): Problem {
  return { pointer, code, message };
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  let value = input;
  for (const step of path) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) {
      return undefined;
    }
    value = (value as Record<PropertyKey, unknown>)[step];
  }
  return value;
}
