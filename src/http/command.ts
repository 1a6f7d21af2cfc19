/** Commands over HTTP: preconditions, idempotency keys, and the answer that is remembered. */
import type { Context } from "hono";
import type { z } from "zod";
import type { EventMeta } from "../../events/recorded_event.ts";
import { problemsOf } from "../../events/settings_problems.ts";
import type { Invalid, Refusal } from "../decider.ts";
import { canonicalJson, type Decided, type Outcome, sha256Hex } from "../event_store/mod.ts";
import type { Done, Result } from "../transact/mod.ts";
import { checkJson, checkMediaType, commandBodyBytesMax, parseJson, readText } from "./body.ts";
import type { Engine } from "./engine.ts";
import type { Call } from "./route.ts";
import { HttpProblem, invalidInput, type ProblemCode } from "./problem.ts";
import { positionHeader } from "./read.ts";

const idempotencyKeyPattern = /^[\x21-\x7e]{1,255}$/;
export const reasonLengthMax = 500;
const eventTypesToldMax = 100;

/** An answer as it is remembered: all but its position. */
export interface CommandAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | null;
}

export interface CommandCall {
  readonly meta: EventMeta;
  readonly expectedVersion: number | undefined;
  readonly remember: { scope: string; key: string; requestHash: string } | undefined;
}

export const jsonBody = ["application/json"];
export const patchBody = ["application/merge-patch+json", "application/json"];

/** The body of a command as JSON; an empty one is `{}` where every field is optional. */
export async function readCommandBody(
  context: Context,
  mediaTypes: readonly string[],
  optional = false,
): Promise<unknown> {
  const text = await readText(context, commandBodyBytesMax);
  if (optional && text.trim() === "") return {};
  checkMediaType(context, mediaTypes);
  const value = parseJson(text);
  if (value === undefined) throw new HttpProblem("malformed_json", "the body is empty; send JSON");
  checkJson(value, text);
  return value;
}

/** What the schema makes of a body. Throws a 422 that names every fault. */
export function parseBody<T>(schema: z.ZodType<T>, body: unknown): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  throw invalidInput(problemsOf(parsed.error.issues, body));
}

export function commandCall(
  engine: Engine,
  { context, principal }: Call<unknown>,
  body: unknown,
  reason?: string,
): CommandCall {
  return {
    meta: {
      actor: `key:${principal.keyId}`,
      commandId: engine.newId(),
      traceId: traceId(context) ?? engine.newId(),
      ...(reason === undefined ? {} : { reason }),
    },
    expectedVersion: expectedVersion(context.req.header("if-match")),
    remember: rememberUnder(context, principal.keyId, body),
  };
}

/** The scope of an idempotency key is the API key, the method and the path. */
export function rememberUnder(context: Context, keyId: string, body: unknown) {
  const key = context.req.header("idempotency-key");
  if (key === undefined) return undefined;
  if (!idempotencyKeyPattern.test(key)) {
    throw new HttpProblem(
      "malformed_request",
      "an Idempotency-Key has 1 to 255 printable ASCII characters and no space",
    );
  }
  return {
    // Hashed, because a path may be longer than a key of the store.
    scope: sha256Hex(`${keyId} ${context.req.method} ${context.req.path}`),
    key,
    requestHash: sha256Hex(comparable(body)),
  };
}

/** One text for one body. What has no canonical JSON (1e400, lone surrogates) still has this one. */
function comparable(body: unknown): string {
  try {
    return canonicalJson(body);
  } catch {
    return JSON.stringify(body);
  }
}

export function commandResponse(outcome: Outcome<CommandAnswer>): Response {
  const { status, headers, body } = outcome.answer;
  return new Response(body, {
    status,
    headers: { ...headers, ...positionHeader(outcome.position) },
  });
}

/** The answer to a result; `answerOf` makes the one to a success. */
export function answerTo<State>(
  result: Result<State>,
  answerOf: (done: Done<State>) => CommandAnswer,
): Decided<CommandAnswer> {
  switch (result.kind) {
    case "done":
      return { answer: answerOf(result), success: true };
    case "refused":
      return problemAnswer(refusalProblem(result.refusal));
    case "invalid":
      return problemAnswer(invalidInput((result.invalid as Invalid).invalid));
    case "unknown":
      return problemAnswer(notFound());
    case "version_mismatch":
      return problemAnswer(
        new HttpProblem(
          "version_mismatch",
          `the version is ${result.version} now; read it again before you change it`,
          { members: { currentVersion: result.version } },
        ),
      );
  }
}

/** A version mismatch also tells what has happened since the version that the caller knows. */
export async function withEventsBetween<T extends { answer: CommandAnswer }>(
  engine: Engine,
  stream: string,
  expectedVersion: number | undefined,
  outcome: T,
): Promise<T> {
  const { answer } = outcome;
  if (answer.status !== 412 || expectedVersion === undefined || !answer.body) return outcome;
  const problem = JSON.parse(answer.body);
  await engine.tail.readOwnWrites();
  const positions = engine.models.index.model
    .positions(stream, expectedVersion, problem.currentVersion)
    .slice(-eventTypesToldMax);
  const events = await engine.reader.readAt(positions);
  const eventsSince = events.map(({ event }) => event.type);
  return { ...outcome, answer: { ...answer, body: JSON.stringify({ ...problem, eventsSince }) } };
}

export function notFound(): HttpProblem {
  return new HttpProblem("not_found", "there is nothing with this id here");
}

export function etagOf(version: number): string {
  return `"${version}"`;
}

function refusalProblem({ refused, detail }: Refusal): HttpProblem {
  return new HttpProblem(refused as ProblemCode, detail);
}

function problemAnswer(problem: HttpProblem): Decided<CommandAnswer> {
  return {
    answer: { status: problem.status, headers: problem.headers, body: problem.body },
    success: false,
  };
}

function expectedVersion(header: string | undefined): number | undefined {
  if (header === undefined || header.trim() === "*") return undefined;
  const match = /^"(\d{1,15})"$/.exec(header.trim());
  if (!match) {
    throw new HttpProblem("malformed_request", 'If-Match takes one ETag as it was read, like "3"');
  }
  return Number(match[1]);
}

/** The trace id of a `traceparent` header (W3C Trace Context). */
function traceId(context: Context): string | undefined {
  return /^[0-9a-f]{2}-([0-9a-f]{32})-[0-9a-f]{16}-[0-9a-f]{2}$/
    .exec(context.req.header("traceparent") ?? "")?.[1];
}
