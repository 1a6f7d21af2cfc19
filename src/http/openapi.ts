/** The OpenAPI 3.1 document, made from the routes: its schemas are JSON Schema 2020-12, as zod gives it. */
import { z } from "zod";
import type { Answered, Route } from "./route.ts";
import { problemSchema } from "./schemas.ts";

type Json = Record<string, unknown>;

export function openApiDocument(routes: readonly Route[], version: string): Json {
  const paths: Record<string, Json> = {};
  for (const route of routes) (paths[route.path] ??= {})[route.method] = operation(route);
  return {
    openapi: "3.1.0",
    info: {
      title: "Placard",
      version,
      description: "A pop-up message engine: campaigns, delivery and exact counts.",
      license: { name: "MIT", identifier: "MIT" },
    },
    servers: [{ url: "/" }],
    tags: [...new Set(routes.map(({ tag }) => tag))].map((name) => ({ name })),
    paths,
    components: {
      schemas: { Problem: jsonSchema(problemSchema, "output") },
      securitySchemes: {
        key: { type: "http", scheme: "bearer", description: "A key of one of the three roles." },
      },
    },
  };
}

function operation(route: Route): Json {
  const open = route.roles === "public";
  return {
    operationId: operationId(route),
    summary: route.summary,
    ...(route.description ? { description: route.description } : {}),
    tags: [route.tag],
    security: open ? [] : [{ key: [] }],
    ...(open ? {} : { "x-roles": route.roles }),
    ...(route.asksOnly ? { "x-asks-only": true } : {}),
    parameters: parameters(route),
    ...(route.body
      ? {
        requestBody: {
          required: !route.body.optional,
          content: Object.fromEntries(
            route.body.mediaTypes.map((mediaType) => [
              mediaType,
              { schema: jsonSchema(route.body!.schema, "input") },
            ]),
          ),
        },
      }
      : {}),
    responses: responses(route),
  };
}

function responses(route: Route): Json {
  const problems = new Set([
    ...(route.problems ?? []),
    500,
    503,
    ...(route.roles === "public" ? [] : [401, 403]),
    // A query that the route does not know.
    422,
    ...(route.takesIdempotencyKey || route.takesIfMatch ? [400] : []),
    ...(route.body ? [400, 413, 415] : []),
  ]);
  const found: Record<string, unknown> = {};
  for (const [status, answered] of Object.entries(route.answers)) found[status] = answer(answered);
  for (const status of [...problems].sort()) {
    found[String(status)] ??= {
      description: "What is wrong and what to do next",
      content: { "application/problem+json": { schema: { $ref: "#/components/schemas/Problem" } } },
    };
  }
  return found;
}

function answer({ description, schema, mediaType, also = {}, headers }: Answered): Json {
  const schemas = schema ? { [mediaType ?? "application/json"]: schema, ...also } : {};
  const content = Object.entries(schemas)
    .map(([type, one]) => [type, { schema: jsonSchema(one, "output") }]);
  return {
    description,
    ...(headers
      ? {
        headers: Object.fromEntries(
          headers.map((name) => [name, { required: true, schema: { type: "string" } }]),
        ),
      }
      : {}),
    ...(schema ? { content: Object.fromEntries(content) } : {}),
  };
}

function parameters(route: Route): Json[] {
  const inPath = [...route.path.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: { type: "string" },
  }));
  const query = route.query ? jsonSchema(route.query, "output") : { properties: {} };
  const required = (route.query ? jsonSchema(route.query, "input").required : []) as string[];
  const inQuery = Object.entries(query.properties as Record<string, Json>).map(([name, schema]) => {
    const { description, ...rest } = schema;
    return {
      name,
      in: "query",
      required: required?.includes(name) ?? false,
      ...(description ? { description } : {}),
      schema: rest,
    };
  });
  return [
    ...inPath,
    ...inQuery,
    ...(route.takesIfMatch
      ? [header("If-Match", "The ETag that the caller has seen; another one gives 412.")]
      : []),
    ...(route.takesIfNoneMatch ? [header("If-None-Match", "The ETag of the last answer.")] : []),
    ...(route.takesLastEventId
      ? [header("Last-Event-ID", "Position of the last event received, for server-sent events.")]
      : []),
    ...(route.takesIdempotencyKey
      ? [header("Idempotency-Key", "The same key and body gives the first success again for 24 h.")]
      : []),
  ];
}

function header(name: string, description: string): Json {
  return { name, in: "header", required: false, description, schema: { type: "string" } };
}

function operationId({ method, path }: Route): string {
  const words = path.replace("/v1/", "").split(/[^A-Za-z0-9]+/).filter(Boolean);
  return [method, ...words].map((word, index) =>
    index === 0 ? word : word[0]!.toUpperCase() + word.slice(1)
  ).join("");
}

function jsonSchema(schema: z.ZodType, io: "input" | "output"): Json {
  const { $schema: _, ...rest } = z.toJSONSchema(schema, {
    io,
    unrepresentable: "any",
    target: "draft-2020-12",
  });
  return rest;
}
