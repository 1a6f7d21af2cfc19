/** Answers from read models: fresh, at a known position, never with a status that time has left. */
import { z } from "zod";
import { parsePosition } from "../event_store/mod.ts";
import type { Mounted } from "../projector/mod.ts";
import type { Engine } from "./engine.ts";
import { HttpProblem, invalidInput } from "./problem.ts";

const afterWaitMsMax = 5_000;
const afterPollMs = 10;

/** The query that every GET of a read model takes. */
export const readQuery = {
  after: z.string().optional()
    .describe("Waits, at most 5 s, until the read model has this position."),
};

/** The query that every list takes. */
export const pageQuery = {
  limit: z.coerce.number().int().min(1).max(200).default(50),
  cursor: z.string().optional(),
};

/** Sees to it that the models may be read now; gives the position that they reflect. */
export async function prepareRead(
  engine: Engine,
  models: readonly Mounted[],
  after?: string,
): Promise<string> {
  await engine.tail.readOwnWrites();
  await engine.scheduler.settle();
  await engine.tail.readOwnWrites();
  if (after !== undefined) {
    if (!parsePosition(after)) throw noPosition();
    await waitForPosition(engine, after);
  }
  for (const model of models) engine.projector.assertFolding(model);
  return engine.tail.cursor.position;
}

export function positionHeader(position: string): Record<string, string> {
  return { "placard-position": position };
}

export function json(
  value: unknown,
  status = 200,
  headers: Readonly<Record<string, string>> = {},
): Response {
  return new Response(JSON.stringify(value), {
    status,
    headers: { "content-type": "application/json", ...headers },
  });
}

/** Waits until the read models of this instance have the position. */
export async function waitForPosition({ tail }: Engine, after: string): Promise<void> {
  const startedAtMs = performance.now();
  while (tail.cursor.position < after) {
    if (performance.now() - startedAtMs > afterWaitMsMax) {
      throw new HttpProblem("position_not_reached", "this instance has not read that far yet");
    }
    await tail.poll();
    if (tail.cursor.position < after) await new Promise((done) => setTimeout(done, afterPollMs));
  }
}

function noPosition(): HttpProblem {
  const message = "is not a position; take one from a Placard-Position header";
  return invalidInput([{ pointer: "/after", code: "invalid_format", message }]);
}
