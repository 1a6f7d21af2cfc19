/**
 * Interactions beyond what can be taken are told so first of all: before the route, the key and the
 * body are looked at, so that a flood of them leaves room for everybody else.
 */
import { type Ingest, tooMany } from "../ingest/mod.ts";
import { HttpProblem } from "./problem.ts";

const path = "/v1/interactions";
const problem = new HttpProblem("overloaded", tooMany);

/** Undefined: to be answered as always. */
export function surplusAnswer({ admission }: Ingest, request: Request): Response | undefined {
  if (!admission.isFull || !request.url.endsWith(path)) return undefined;
  admission.refused++;
  return problem.response();
}
