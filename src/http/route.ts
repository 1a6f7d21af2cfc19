/**
 * A route is declared once: what it takes, who may ask, what it answers. From that come the handler's
 * validation and its entry in the OpenAPI document, so that the two cannot disagree.
 */
import type { Context, Hono } from "hono";
import { z } from "zod";
import type { Role } from "../../events/workspace_events.ts";
import type { Problem } from "../decider.ts";
import type { Keyring, Principal } from "./principal.ts";
import { invalidInput } from "./problem.ts";
import { problemsOf } from "../../events/settings_problems.ts";

export type Method = "get" | "put" | "post" | "patch" | "delete";

export interface Answered {
  readonly description: string;
  readonly schema?: z.ZodType;
  /** Default: application/json. */
  readonly mediaType?: string;
  /** What it may be instead, by media type, for callers who ask for that. */
  readonly also?: Readonly<Record<string, z.ZodType>>;
  readonly headers?: readonly string[];
}

export interface Route<Query extends z.ZodObject = z.ZodObject> {
  readonly method: Method;
  /** OpenAPI form: `/v1/campaigns/{id}`. */
  readonly path: string;
  readonly summary: string;
  readonly description?: string;
  readonly tag: string;
  /** Who may ask; "public": anybody. */
  readonly roles: readonly Role[] | "public";
  readonly query?: Query;
  /** For the document; the handler reads the body itself. */
  readonly body?: {
    readonly schema: z.ZodType;
    readonly mediaTypes: readonly string[];
    readonly optional?: boolean;
  };
  /** A POST that only asks: it changes nothing, so there is nothing to do twice. */
  readonly asksOnly?: true;
  /** A command takes `Idempotency-Key`, and `If-Match` where there is something to match. */
  readonly takesIdempotencyKey?: boolean;
  readonly takesIfMatch?: boolean;
  readonly takesIfNoneMatch?: boolean;
  readonly takesLastEventId?: boolean;
  readonly answers: Readonly<Record<number, Answered>>;
  /** Statuses of problem+json beyond those that every route may give. */
  readonly problems?: readonly number[];
  handle(call: Call<z.infer<Query>>): Response | Promise<Response>;
}

export interface Call<Query = Record<never, never>> {
  readonly context: Context;
  readonly principal: Principal;
  readonly query: Query;
}

/** Keeps the type of the query for the handler. */
export function route<Query extends z.ZodObject>(declared: Route<Query>): Route {
  return declared as unknown as Route;
}

/** `answered` sees every answer of a route that does not throw. */
export function mount(
  app: Hono,
  routes: readonly Route[],
  keyring: Keyring,
  answered: (context: Context, response: Response) => Response,
): void {
  for (const declared of routes) {
    const path = declared.path.replaceAll(/\{(\w+)\}/g, ":$1");
    const query = declared.query ?? noQuery;
    app.on(declared.method.toUpperCase(), path, async (context) => {
      const principal = declared.roles === "public"
        ? anybody
        : keyring.check(context.req.header("authorization"), declared.roles);
      const call = { context, principal, query: parseQuery(context.req.url, query) };
      return answered(context, await declared.handle(call));
    });
  }
}

const anybody: Principal = { keyId: "anybody", role: "sdk" };
const noQuery = z.strictObject({});

function parseQuery(url: string, schema: z.ZodObject): Record<string, unknown> {
  const mark = url.indexOf("?");
  if (mark < 0 && schema === noQuery) return {};
  const given: Record<string, unknown> = Object.create(null);
  const problems: Problem[] = [];
  if (mark >= 0) {
    for (const [name, value] of new URLSearchParams(url.slice(mark + 1))) {
      const repeatable = Object.hasOwn(schema.shape, name) && isArray(schema.shape[name]);
      if (repeatable) ((given[name] ??= []) as string[]).push(value);
      else if (name in given) {
        problems.push({
          pointer: `/${name}`,
          code: "duplicate",
          message: "may be given only once",
        });
      } else given[name] = value;
    }
  }
  const parsed = schema.safeParse(given);
  if (!parsed.success) problems.push(...problemsOf(parsed.error.issues, given));
  if (problems.length > 0) throw invalidInput(problems);
  return parsed.data as Record<string, unknown>;
}

function isArray(schema: unknown): boolean {
  return schema instanceof z.ZodOptional ? isArray(schema.unwrap()) : schema instanceof z.ZodArray;
}
