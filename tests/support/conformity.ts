/**
 * Does an answer agree with the OpenAPI document that the server itself gives? Status, media type,
 * body, headers: whatever the document does not say is a fault, and so are broken conventions.
 */
import { Ajv2020, type ValidateFunction } from "ajv/dist/2020.js";
import addFormats from "ajv-formats";
import { AssertionError } from "@std/assert";

// deno-lint-ignore no-explicit-any -- a document is looked into everywhere
export type Document = any;

export const methods = ["get", "post", "put", "patch", "delete"] as const;

export interface Operation {
  readonly method: string;
  /** As the document has it: `/v1/campaigns/{id}`. */
  readonly path: string;
  readonly operation: Document;
}

interface Checker {
  readonly operations: readonly (Operation & { readonly pattern: RegExp })[];
  schema(pointer: string): ValidateFunction;
}

const checkers = new WeakMap<object, Checker>();

/** Every operation of the document. */
export function operationsOf(document: Document): readonly Operation[] {
  return checkerOf(document).operations;
}

/** The operation that a request is answered by; undefined where the document has none. */
export function operationFor(
  document: Document,
  method: string,
  path: string,
): Operation | undefined {
  const pathname = readable(new URL(`http://localhost${path}`).pathname);
  return checkerOf(document).operations.find((one) =>
    one.method === method.toLowerCase() && one.pattern.test(pathname)
  );
}

/** Throws an AssertionError that names the first disagreement. `path` may have a query. */
export function checkAnswer(
  document: Document,
  method: string,
  path: string,
  response: Pick<Response, "status" | "headers">,
  bodyText: string,
): void {
  const fail = (what: string): never => {
    const told = bodyText.length > 2_000 ? bodyText.slice(0, 2_000) + "…" : bodyText;
    throw new AssertionError({
      message: `${method} ${path.slice(0, 300)} → ${response.status}: ${what}\n${told}`,
    });
  };
  const { status, headers } = response;
  const position = headers.get("placard-position");
  if (position !== null && !/^[A-Za-z0-9._~-]+$/.test(position)) {
    fail(`Placard-Position has the characters of no position: ${position}`);
  }
  if (status >= 400 && mediaTypeOf(headers) === "application/problem+json") {
    checkProblem(document, status, headers, bodyText, fail);
  }
  const found = operationFor(document, method, path);
  if (!found) {
    if (status !== 404 && status !== 405) fail("the document has no such operation");
    if (mediaTypeOf(headers) !== "application/problem+json") fail("not a problem");
    if ((status === 405) !== headers.has("allow")) fail("405 comes with Allow");
    return;
  }
  const declared = found.operation.responses[String(status)];
  if (!declared) return fail("the document declares no such status for this operation");
  for (const [name, header] of Object.entries<Document>(declared.headers ?? {})) {
    if (header.required && !headers.has(name)) fail(`the header ${name} is missing`);
  }
  const content: Record<string, unknown> | undefined = declared.content;
  if (!content) {
    if (bodyText !== "") fail("a body, and the document declares none");
    return;
  }
  const mediaType = mediaTypeOf(headers);
  if (mediaType === undefined || !Object.hasOwn(content, mediaType)) {
    return fail(`content-type ${mediaType}, the document declares ${Object.keys(content)}`);
  }
  const pointer = ["paths", found.path, found.method, "responses", String(status)]
    .concat(["content", mediaType, "schema"]).map(step).join("/");
  const validate = checkerOf(document).schema(pointer);
  const body = mediaType.endsWith("json") ? parsed(bodyText, fail) : bodyText;
  if (!validate(body)) fail(`the body is not as declared: ${JSON.stringify(validate.errors)}`);
}

function checkProblem(
  document: Document,
  status: number,
  headers: Headers,
  bodyText: string,
  fail: (what: string) => never,
): void {
  const problem = parsed(bodyText, fail) as { status?: unknown; code?: unknown };
  const validate = checkerOf(document).schema("components/schemas/Problem");
  if (!validate(problem)) fail(`not a problem: ${JSON.stringify(validate.errors)}`);
  if (problem.status !== status) fail("the problem tells another status");
  if (!/^[a-z][a-z0-9_]*$/.test(String(problem.code))) fail("the code is not snake_case");
  if ((status === 503 || status === 429) && !/^\d+$/.test(headers.get("retry-after") ?? "")) {
    fail("503 and 429 come with Retry-After");
  }
  if (status === 401 && !headers.has("www-authenticate")) fail("401 comes with WWW-Authenticate");
}

function checkerOf(document: Document): Checker {
  let checker = checkers.get(document);
  if (!checker) checkers.set(document, checker = checkerFor(document));
  return checker;
}

function checkerFor(document: Document): Checker {
  const ajv = new Ajv2020({ strict: false, allErrors: false });
  addFormats.default(ajv);
  ajv.addSchema(document, "openapi");
  const compiled = new Map<string, ValidateFunction>();
  const operations = Object.entries<Document>(document.paths).flatMap(([path, item]) =>
    methods.filter((method) => item[method]).map((method) => ({
      method,
      path,
      operation: item[method],
      pattern: new RegExp(
        "^" + path.split(/\{\w+\}/).map((text) => text.replaceAll(/[.*+?^$()[\]\\|]/g, "\\$&"))
          .join("[^/]+") +
          "$",
        "s",
      ),
    }))
  );
  return {
    operations,
    schema(pointer) {
      let validate = compiled.get(pointer);
      if (!validate) {
        compiled.set(pointer, validate = ajv.compile({ $ref: `openapi#/${pointer}` }));
      }
      return validate;
    },
  };
}

/** Percent-encoded or not, it is the same path. */
function readable(pathname: string): string {
  try {
    return decodeURI(pathname);
  } catch {
    return pathname;
  }
}

function parsed(text: string, fail: (what: string) => never): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return fail("the body is not JSON");
  }
}

function mediaTypeOf(headers: Headers): string | undefined {
  return headers.get("content-type")?.split(";")[0]?.trim().toLowerCase();
}

/** A step of a JSON pointer within the fragment of a URI. */
function step(name: string): string {
  return encodeURIComponent(name.replaceAll("~", "~0").replaceAll("/", "~1"));
}
