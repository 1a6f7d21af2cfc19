/** The log as it stands: for auditors, and for whoever follows what happens. */
import { z } from "zod";
import { readBodyOf } from "../../event_store/mod.ts";
import { notFound } from "../command.ts";
import type { Engine } from "../engine.ts";
import { type Route, route } from "../route.ts";

const readers = ["operator", "auditor"] as const;

export function eventRoutes(engine: Engine): Route[] {
  return [
    route({
      method: "get",
      path: "/v1/audit/bodies/{ref}",
      tag: "Audit",
      summary: "The bytes that an event names as its body",
      description:
        "A body never changes: `body.sha256` and `body.bytes` of its event say what it is.",
      roles: readers,
      answers: {
        200: {
          description: "The bytes",
          schema: z.string(),
          mediaType: "application/octet-stream",
        },
      },
      problems: [404],
      handle: async ({ context }) => {
        const bytes = await readBodyOf(engine.kv, context.req.param("ref")!);
        if (!bytes) throw notFound();
        return new Response(bytes as Uint8Array<ArrayBuffer>, {
          headers: { "content-type": "application/octet-stream" },
        });
      },
    }),
  ];
}
