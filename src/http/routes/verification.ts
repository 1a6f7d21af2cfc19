/** Replays the history beside the live read models, and says whether all of the store agrees. */
import { z } from "zod";
import type { Engine } from "../engine.ts";
import { json, positionHeader } from "../read.ts";
import { type Route, route } from "../route.ts";

/** Faults that an answer names; all are counted. */
const faultsShownMax = 20;

const reportSchema = z.strictObject({
  ok: z.boolean().describe("Whether nothing was found wrong."),
  position: z.string().describe("The live read models had this position when it began."),
  counts: z.record(z.string(), z.int()).describe("How many of what was looked at."),
  faultCount: z.int(),
  firstDifference: z.string().nullable(),
  faults: z.array(z.string()).describe(`The first ${faultsShownMax}.`),
  notes: z.array(z.string()).describe("What could not be checked, and why."),
});

export function verificationRoutes({ verification }: Engine): Route[] {
  return [
    route({
      method: "post",
      path: "/v1/audit/verify",
      tag: "Audit",
      summary: "Replay everything beside the live read models, compare, and check every hash",
      description: "Checks every row, hash chain and body of the log, folds it into fresh read " +
        "models and compares those with the live ones, row by row. The server goes on meanwhile; " +
        "a long history takes minutes. One at a time: another one gets a 503. It is the server's " +
        "own word: whoever does not trust it exports the history and verifies that.",
      roles: ["operator", "auditor"],
      asksOnly: true,
      answers: {
        200: {
          description: "What was found",
          schema: reportSchema,
          headers: ["Placard-Position"],
        },
      },
      problems: [503],
      handle: async ({ context }) => {
        const { signal } = context.req.raw;
        const { position, counts, faultCount, faults, notes } = await verification.run(signal);
        const report = {
          ok: faultCount === 0,
          position,
          counts,
          faultCount,
          firstDifference: faults[0] ?? null,
          faults: faults.slice(0, faultsShownMax),
          notes,
        };
        return json(report, 200, positionHeader(position));
      },
    }),
  ];
}
