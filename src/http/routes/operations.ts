/** For whoever runs the server: is it alive, is it ready, what does it measure. */
import { z } from "zod";
import type { Engine } from "../engine.ts";
import type { Metrics } from "../metrics.ts";
import { json } from "../read.ts";
import { type Route, route } from "../route.ts";

const readinessSchema = z.strictObject({
  ready: z.boolean(),
  store: z.strictObject({ reachable: z.boolean(), error: z.string().optional() }),
  flushFailure: z.string().optional().describe("Rows could not be written; tried again."),
  projections: z.array(z.strictObject({
    name: z.string(),
    running: z.boolean(),
    position: z.string(),
    checkpoint: z.string(),
    eventsSinceCheckpoint: z.int(),
    stoppedAt: z.string().optional(),
    error: z.string().optional(),
  })),
});

export function operationRoutes(engine: Engine, metrics: Metrics): Route[] {
  return [
    route({
      method: "get",
      path: "/healthz",
      tag: "Operations",
      summary: "Is the process alive?",
      roles: "public",
      answers: {
        200: { description: "Alive", schema: z.strictObject({ status: z.literal("alive") }) },
      },
      handle: () => json({ status: "alive" }),
    }),
    route({
      method: "get",
      path: "/readyz",
      tag: "Operations",
      summary: "Is the store reachable and does every projection run?",
      roles: "public",
      answers: {
        200: { description: "Ready", schema: readinessSchema },
        503: { description: "Not ready, and why", schema: readinessSchema },
      },
      handle: async () => {
        const error = await engine.tail.poll().then(() => undefined, (failure) => `${failure}`);
        const projections = engine.projector.mounted.map((one) => ({
          name: one.name,
          running: one.failure === null,
          position: one.cursor.position,
          checkpoint: one.checkpointPosition,
          eventsSinceCheckpoint: one.eventsSinceCheckpoint,
          ...(one.failure
            ? { stoppedAt: one.failure.position, error: String(one.failure.error) }
            : {}),
        }));
        const reachable = error === undefined;
        const ready = reachable && projections.every(({ running }) => running);
        const store = { reachable, ...(reachable ? {} : { error }) };
        const failure = engine.projector.flushFailure;
        const flush = failure === null ? {} : { flushFailure: String(failure) };
        return json({ ready, store, ...flush, projections }, ready ? 200 : 503);
      },
    }),
    route({
      method: "get",
      path: "/metrics",
      tag: "Operations",
      summary: "Metrics for Prometheus",
      roles: "public",
      answers: {
        200: { description: "Text format", schema: z.string(), mediaType: "text/plain" },
      },
      handle: async () =>
        new Response(await metrics.text(), {
          headers: { "content-type": "text/plain; version=0.0.4; charset=utf-8" },
        }),
    }),
  ];
}
