/**
 * One fault in what a caller sent, and how a schema's check reports one. A problem's code is stable
 * and public; its message tells a person what to do.
 */
import type { z } from "zod";

export interface Problem {
  /** JSON pointer (RFC 6901) to the faulty value; "" is the whole. */
  readonly pointer: string;
  readonly code: string;
  readonly message: string;
}

/** What a check found wrong, `path` below the value that was checked. */
export interface Fault {
  readonly code: string;
  readonly message: string;
  readonly path?: readonly (string | number)[];
}

/** A zod check that reports faults with codes of its own. */
export function rule<Value>(
  find: (value: Value) => Fault | readonly Fault[] | null,
): z.core.CheckFn<Value> {
  return (payload) => {
    const found = find(payload.value);
    if (found === null) return;
    for (const { code, message, path } of "code" in found ? [found] : found) {
      payload.issues.push({
        code: "custom",
        params: { code },
        message,
        path: path ? [...path] : [],
        input: payload.value,
      });
    }
  };
}

/** A check that no two items of a list have the same key; the fault is at the later one. */
export function unique<Item>(keyOf: (item: Item) => string, ...pathInItem: string[]) {
  return rule<Item[]>((items) => {
    if (items.length < 2) return null;
    const seen = new Set<string>();
    const faults: Fault[] = [];
    items.forEach((item, index) => {
      const key = keyOf(item);
      if (seen.has(key)) {
        faults.push({
          code: "duplicate",
          message: `${JSON.stringify(key)} is already in the list: remove it or change it.`,
          path: [index, ...pathInItem],
        });
      }
      seen.add(key);
    });
    return faults;
  });
}

/** Appends a step to a JSON pointer. */
export function pointerTo(base: string, ...steps: readonly PropertyKey[]): string {
  let pointer = base;
  for (const step of steps) {
    pointer += "/" + String(step).replaceAll("~", "~0").replaceAll("/", "~1");
  }
  return pointer;
}
