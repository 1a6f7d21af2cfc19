/**
 * The part of `@std/assert` that the tests use, over `node:assert`. JSR is not reachable everywhere
 * this project is built, and the package is not on npm; where JSR is, change the one line
 * `"@std/assert"` in `deno.json` to `jsr:@std/assert@1` and delete this file.
 */
import nodeAssert, { AssertionError } from "node:assert/strict";

export { AssertionError };

export function assert(condition: unknown, message = "expected a truthy value"): asserts condition {
  if (!condition) throw new AssertionError({ message });
}

export function assertEquals<T>(actual: T, expected: T, message?: string): void {
  nodeAssert.deepStrictEqual(actual, expected, message);
}

export function assertNotEquals<T>(actual: T, expected: T, message?: string): void {
  nodeAssert.notDeepStrictEqual(actual, expected, message);
}

export function assertStrictEquals<T>(actual: unknown, expected: T, message?: string): void {
  nodeAssert.strictEqual(actual, expected, message);
}

export function assertMatch(actual: string, expected: RegExp, message?: string): void {
  nodeAssert.match(actual, expected, message);
}

export function assertStringIncludes(actual: string, expected: string, message?: string): void {
  assert(
    actual.includes(expected),
    message ?? `expected ${JSON.stringify(actual)} to include ${JSON.stringify(expected)}`,
  );
}

export function assertExists<T>(
  actual: T,
  message = "expected a value",
): asserts actual is NonNullable<T> {
  assert(actual !== null && actual !== undefined, message);
}

// deno-lint-ignore no-explicit-any -- the signature of the standard library
type ErrorClass<E extends Error> = abstract new (...args: any[]) => E;

function checkError<E extends Error>(error: unknown, type?: ErrorClass<E>, includes?: string): E {
  if (type) assert(error instanceof type, `expected ${type.name}, got ${error}`);
  if (includes !== undefined) assertStringIncludes((error as Error).message, includes);
  return error as E;
}

export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  type?: ErrorClass<E>,
  includes?: string,
): E {
  try {
    fn();
  } catch (error) {
    return checkError(error, type, includes);
  }
  throw new AssertionError({ message: "expected the function to throw" });
}

export async function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  type?: ErrorClass<E>,
  includes?: string,
): Promise<E> {
  try {
    await fn();
  } catch (error) {
    return checkError(error, type, includes);
  }
  throw new AssertionError({ message: "expected the promise to reject" });
}
