/** All routes as one Hono app. */
import { type Context, Hono } from "hono";
import {
  KeyReusedError,
  OverloadedError,
  StoreUnavailableError,
  TooLargeError,
} from "../event_store/mod.ts";
import { InvalidSessionError } from "../delivery/mod.ts";
import { ProjectionStoppedError } from "../projector/mod.ts";
import type { Engine } from "./engine.ts";
import { Metrics } from "./metrics.ts";
import { openApiDocument } from "./openapi.ts";
import type { Keyring } from "./principal.ts";
import { HttpProblem } from "./problem.ts";
import { mount, type Route } from "./route.ts";
import { RouteTable } from "./route_table.ts";
import { auditRoutes } from "./routes/audit.ts";
import { audienceMemberRoutes } from "./routes/audience_members.ts";
import { audiencePreviewRoutes } from "./routes/audience_preview.ts";
import { audienceRoutes } from "./routes/audiences.ts";
import { campaignCommandRoutes } from "./routes/campaign_commands.ts";
import { campaignQueryRoutes } from "./routes/campaign_queries.ts";
import { deliveryRoutes } from "./routes/delivery.ts";
import { documentRoutes } from "./routes/documents.ts";
import { eventRoutes } from "./routes/events.ts";
import { interactionRoutes } from "./routes/interactions.ts";
import { kpiRoutes } from "./routes/kpis.ts";
import { operationRoutes } from "./routes/operations.ts";
import { rehearsalRoutes } from "./routes/rehearsal.ts";
import { peopleRoutes } from "./routes/people.ts";
import { verificationRoutes } from "./routes/verification.ts";
import { workspaceRoutes } from "./routes/workspace.ts";

export const apiVersion = "1.0.0";

export interface AppOptions {
  readonly engine: Engine;
  readonly keyring: Keyring;
  /** Whether anybody may read what proves the log. */
  readonly publicAudit: boolean;
  /** Told of every answer with status 500: a bug. */
  onBug(error: unknown, request: Request): void;
}

export function createApp({ engine, keyring, publicAudit, onBug }: AppOptions): Hono {
  const metrics = new Metrics(engine);
  const routes: Route[] = [
    ...campaignCommandRoutes(engine),
    ...campaignQueryRoutes(engine),
    ...audiencePreviewRoutes(engine),
    ...audienceRoutes(engine),
    ...audienceMemberRoutes(engine),
    ...kpiRoutes(engine),
    ...deliveryRoutes(engine),
    ...interactionRoutes(engine),
    ...rehearsalRoutes(engine),
    ...peopleRoutes(engine),
    ...workspaceRoutes(engine),
    ...eventRoutes(engine),
    ...auditRoutes(engine, publicAudit),
    ...verificationRoutes(engine),
    ...operationRoutes(engine, metrics),
  ];
  routes.push(...documentRoutes(() => openApiDocument(routes, apiVersion)));

  const app = new Hono({ router: new RouteTable() });
  // Not by a middleware: that alone takes as long as the rest of the routing.
  const counted = (context: Context, response: Response) => {
    metrics.countRequest(context.req.method, response.status);
    return response;
  };
  mount(app, routes, keyring, counted);
  app.onError((error, context) => {
    const problem = problemOf(error);
    if (problem.status === 500) onBug(error, context.req.raw);
    return counted(context, problem.response());
  });
  app.notFound((context) => counted(context, unknownRoute(routes, context.req.path).response()));
  return app;
}

function problemOf(error: unknown): HttpProblem {
  if (error instanceof HttpProblem) return error;
  if (error instanceof KeyReusedError) {
    return new HttpProblem(
      "idempotency_key_reused",
      "this Idempotency-Key was used for another body; take a new key for a new request",
    );
  }
  if (error instanceof InvalidSessionError) {
    const message = "is no token of a session; leave it out to begin a new one";
    const errors = [{ pointer: "/session", code: "invalid_session", message }];
    return new HttpProblem("invalid_session", message, { errors });
  }
  if (error instanceof TooLargeError) return new HttpProblem("body_too_large", error.message);
  if (error instanceof OverloadedError) return new HttpProblem("overloaded", error.message);
  if (error instanceof StoreUnavailableError) {
    return new HttpProblem("store_unavailable", `${error.message}; send the request again`);
  }
  if (error instanceof ProjectionStoppedError) {
    return new HttpProblem("projection_stopped", error.message);
  }
  return new HttpProblem("internal_error", "a bug; the server's output names it");
}

function unknownRoute(routes: readonly Route[], path: string): HttpProblem {
  const methods = routes
    .filter((route) => patternOf(route).test(path))
    .map(({ method }) => method.toUpperCase());
  return methods.length === 0
    ? new HttpProblem("not_found", "there is no such path; see /docs")
    : new HttpProblem("method_not_allowed", `this path takes ${methods.join(", ")}`, {
      headers: { allow: methods.join(", ") },
    });
}

function patternOf({ path }: Route): RegExp {
  return new RegExp(`^${path.replaceAll(".", "\\.").replaceAll(/\{\w+\}/g, "[^/]+")}$`);
}
