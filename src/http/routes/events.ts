/** The log as it stands: for auditors, and for whoever follows what happens. */
import { z } from "zod";
import { normalisedInstant } from "../../../events/instant.ts";
import type { Problem } from "../../decider.ts";
import {
  lastRecordedBy,
  type LineFilter,
  logStart,
  parsePosition,
  positionBefore,
  readBodyOf,
  retried,
} from "../../event_store/mod.ts";
import { notFound } from "../command.ts";
import { decodePosition, encodeCursor } from "../cursor.ts";
import type { Engine } from "../engine.ts";
import type { Follower } from "../event_feed.ts";
import { type AskedEvents, readAll, readLive, readPage } from "../event_reading.ts";
import { HttpProblem, invalidInput } from "../problem.ts";
import { pulledBody } from "../pulled_body.ts";
import { pageQuery, positionHeader, prepareRead, readQuery } from "../read.ts";
import { type Call, type Route, route } from "../route.ts";
import { eventPageSchema } from "../schemas.ts";

const readers = ["operator", "auditor"] as const;
const pageLimitDefault = 50;
const textLengthMax = 300;
const typesMax = 100;
/** Whoever was cut off comes back after this. */
const reconnectMs = 1_000;

const ndjson = "application/x-ndjson";
const eventStream = "text/event-stream";

const query = {
  ...readQuery,
  ...pageQuery,
  limit: pageQuery.limit.unwrap().optional()
    .describe("Items of a page, 50 where not given. A stream ends after so many."),
  from: z.string().optional().describe("Position of the first event, or where it would stand."),
  stream: z.string().max(textLengthMax).optional(),
  type: z.array(z.string().max(textLengthMax)).max(typesMax).optional(),
  actor: z.string().max(textLengthMax).optional(),
  since: z.string().optional().describe("Instant; what was recorded then is inside."),
  until: z.string().optional().describe("Instant; what was recorded then is inside."),
};
type EventQuery = z.infer<z.ZodObject<typeof query>>;

export function eventRoutes(engine: Engine): Route[] {
  return [
    route({
      method: "get",
      path: "/v1/events",
      tag: "Audit",
      summary: "The events of the log, oldest first: as pages, as one stream, or live",
      description:
        `With \`Accept: ${ndjson}\` all events up to the log's end as lines; with \`Accept: ` +
        `${eventStream}\` as server-sent events that go on with what happens next, and resume ` +
        "after `Last-Event-ID`. A page may have fewer items than asked for: go on until " +
        "`nextCursor` is null.",
      roles: readers,
      query: z.strictObject(query),
      takesLastEventId: true,
      answers: {
        200: {
          description: "A page of events",
          schema: eventPageSchema,
          also: { [ndjson]: z.string(), [eventStream]: z.string() },
          headers: ["Placard-Position"],
        },
      },
      handle: async (call) => {
        const form = formOf(call.context.req.header("accept"));
        const asked = await askedEvents(engine, call, form);
        const position = await prepareRead(engine, [engine.models.index], call.query.after);
        const { limit } = call.query;
        if (form === "page") {
          const page = await readPage(engine, asked, position, limit ?? pageLimitDefault);
          const items = page.lines.map(({ line }) => line).join(",");
          const next = JSON.stringify(page.next && encodeCursor([page.next]));
          return new Response(`{"items":[${items}],"nextCursor":${next}}`, {
            headers: {
              "content-type": "application/json",
              vary: "accept",
              ...positionHeader(position),
            },
          });
        }
        // What other instances have appended belongs to it as well.
        await engine.tail.poll();
        return streamed(engine, call, form, asked);
      },
    }),
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
          headers: ["Placard-Position"],
        },
      },
      problems: [404],
      handle: async ({ context }) => {
        const { position } = engine.tail.cursor;
        const ref = context.req.param("ref")!;
        const bytes = await retried(() => readBodyOf(engine.kv, ref));
        if (!bytes) throw notFound();
        return new Response(bytes as Uint8Array<ArrayBuffer>, {
          headers: { "content-type": "application/octet-stream", ...positionHeader(position) },
        });
      },
    }),
  ];
}

type Form = "page" | "lines" | "live";

/** The first media type that there is an answer in; whoever names none of them gets a page. */
function formOf(accept = ""): Form {
  for (const one of accept.split(",")) {
    switch (one.split(";")[0]!.trim().toLowerCase()) {
      case ndjson:
        return "lines";
      case eventStream:
        return "live";
      case "application/json":
      case "application/*":
      case "*/*":
        return "page";
    }
  }
  return "page";
}

function streamed(
  engine: Engine,
  { context, query: { limit = Infinity } }: Call<EventQuery>,
  form: Exclude<Form, "page">,
  asked: AskedEvents,
): Response {
  const { position } = engine.tail.cursor;
  const headers = {
    "content-type": form === "lines" ? ndjson : eventStream,
    "cache-control": "no-store",
    vary: "accept",
    ...positionHeader(position),
  };
  // Nobody would take the body.
  if (context.req.raw.method === "HEAD") return new Response(null, { headers });
  const follower = engine.eventFeed.follow(form === "live");
  if (!follower) {
    throw new HttpProblem(
      "overloaded",
      "too many streams of events are open here; come back later",
    );
  }
  const leave = () => follower.leave();
  context.req.raw.signal.addEventListener("abort", leave);
  const texts = form === "lines"
    ? linesTexts(engine, asked, position, limit, follower)
    : liveTexts(engine, asked, limit, follower);
  return new Response(pulledBody(texts, leave), { headers });
}

async function* linesTexts(
  engine: Engine,
  asked: AskedEvents,
  through: string,
  limit: number,
  follower: Follower,
): AsyncGenerator<string> {
  let left = limit;
  for await (const lines of readAll(engine, asked, through, follower)) {
    yield lines.slice(0, left).map(({ line }) => `${line}\n`).join("");
    left -= lines.length;
    if (left <= 0) return;
  }
  // The server is stopping: whoever reads must not take it for the end of the log.
  if (follower.hasLeft) throw new Error("the stream was cut off");
}

async function* liveTexts(
  engine: Engine,
  asked: AskedEvents,
  limit: number,
  follower: Follower,
): AsyncGenerator<string> {
  let left = limit;
  yield `retry: ${reconnectMs}\n\n`;
  for await (const lines of readLive(engine, asked, follower)) {
    if (lines === null) {
      yield ":\n\n";
      continue;
    }
    yield lines.slice(0, left)
      .map(({ position, line }) => `id: ${position}\ndata: ${line}\n\n`).join("");
    left -= lines.length;
    if (left <= 0) return;
  }
}

/** Throws a 422 that names every fault. */
async function askedEvents(
  { kv }: Engine,
  { context, query }: Call<EventQuery>,
  form: Form,
): Promise<AskedEvents> {
  const problems: Problem[] = [];
  const { stream, type: types, actor } = query;
  const from = positionOf("from", query.from, problems);
  // As an EventSource sends it that has received nothing.
  const lastEventId = form === "live" && context.req.header("last-event-id") || undefined;
  const last = positionOf("Last-Event-ID", lastEventId, problems);
  const sinceMs = instantOf("since", query.since, problems);
  const untilMs = instantOf("until", query.until, problems);
  const cursor = query.cursor === undefined ? undefined : decodePosition(query.cursor);
  if (problems.length > 0) throw invalidInput(problems);
  const filter: LineFilter = {
    ...(stream === undefined ? {} : { stream }),
    ...(types === undefined ? {} : { types }),
    ...(actor === undefined ? {} : { actor }),
  };
  const beforeSince = sinceMs === undefined
    ? undefined
    : await retried(() => lastRecordedBy(kv, sinceMs - 1));
  // All of them hold: the last one is where it begins.
  const afters = [
    logStart,
    ...(from === undefined ? [] : [positionBefore(from)]),
    ...(last === undefined ? [] : [last]),
    ...(cursor === undefined ? [] : [cursor]),
    ...(beforeSince === undefined ? [] : [beforeSince.position]),
  ].sort();
  return {
    filter,
    after: afters.at(-1)!,
    ...(untilMs === undefined ? {} : { untilMs }),
  };
}

function positionOf(
  name: string,
  text: string | undefined,
  problems: Problem[],
): string | undefined {
  if (text === undefined || parsePosition(text)) return text;
  const message = "is not a position; take one from an event or from a Placard-Position header";
  problems.push({ pointer: `/${name}`, code: "invalid_format", message });
  return undefined;
}

function instantOf(
  name: string,
  text: string | undefined,
  problems: Problem[],
): number | undefined {
  if (text === undefined) return undefined;
  const instant = normalisedInstant(text);
  if (instant !== null) return Date.parse(instant);
  const message = "is not an instant of RFC 3339, like 2026-04-01T00:00:00Z";
  problems.push({ pointer: `/${name}`, code: "invalid_format", message });
  return undefined;
}
