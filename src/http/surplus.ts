/**
 * Interactions beyond what can be taken wait or are refused first of all: before the route, the key and
 * the body are looked at, so that a flood of them leaves room for everybody else.
 */
import { type Ingest, tooMany } from "../ingest/mod.ts";
import { HttpProblem } from "./problem.ts";

const path = "/v1/interactions";
const problem = new HttpProblem("overloaded", tooMany);
const body = new TextEncoder().encode(problem.body);
const headers = Object.entries(problem.headers);

type Answer = (request: Request) => Response | Promise<Response>;

/** Answers at once, as long as there is room or the request is another one. */
export function answerInTurn(
  { admission }: Pick<Ingest, "admission">,
  request: Request,
  answer: Answer,
): Response | Promise<Response> {
  if (!admission.isWaitedFor || !request.url.endsWith(path)) return answer(request);
  return new Promise((resolve, reject) => {
    admission.hold((isLetIn) => {
      try {
        resolve(isLetIn ? answer(request) : refusal(request));
      } catch (error) {
        reject(error);
      }
    });
  });
}

export function refusal(request: Request): Response {
  // One that is left unread costs its connection, and a new connection costs more than the answer.
  request.body?.cancel().catch(() => {});
  return new Response(body, { status: problem.status, headers });
}
