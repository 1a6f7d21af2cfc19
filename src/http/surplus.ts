/**
 * Interactions beyond what can be taken are told so first of all: before the route, the key and the
 * body are looked at, so that a flood of them leaves room for everybody else.
 */
import { type Ingest, tooMany } from "../ingest/mod.ts";
import { HttpProblem } from "./problem.ts";

const path = "/v1/interactions";
const problem = new HttpProblem("overloaded", tooMany);
const body = new TextEncoder().encode(problem.body);
const headers = Object.entries(problem.headers);

/** Undefined: to be answered as always. */
export function surplusAnswer(
  { admission }: Pick<Ingest, "admission">,
  request: Request,
): Response | undefined {
  if (!admission.isFull || !request.url.endsWith(path)) return undefined;
  admission.refused++;
  // One that is left unread costs its connection, and a new connection costs more than the answer.
  request.body?.cancel().catch(() => {});
  return new Response(body, { status: problem.status, headers });
}
