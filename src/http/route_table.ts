/**
 * Finds the route of a request. Nearly all paths here have one parameter at most, so what stands before
 * and behind it tells a route: Hono's own routers take a request's path apart segment by segment, or
 * cannot hold two such paths side by side.
 */

interface Shape<Handler> {
  readonly before: string;
  readonly after: string;
  readonly parameter: string;
  readonly handler: Handler;
}

interface MethodRoutes<Handler> {
  /** Of paths without a parameter, by path. */
  readonly fixed: Map<string, Handler>;
  readonly shapes: Shape<Handler>[];
  /** Of paths with several parameters. */
  readonly patterns: { readonly pattern: RegExp; readonly handler: Handler }[];
}

const noParameters: Readonly<Record<string, string>> = Object.freeze({});

/** Hono's `Router`, as far as it is asked for here. */
export class RouteTable<Handler> {
  readonly name = "RouteTable";
  readonly #methods = new Map<string, MethodRoutes<Handler>>();

  /** `path` is in Hono's form: `/v1/campaigns/:id`. */
  add(method: string, path: string, handler: Handler): void {
    let routes = this.#methods.get(method);
    if (!routes) this.#methods.set(method, routes = { fixed: new Map(), shapes: [], patterns: [] });
    const [before, parameter, after, ...more] = path.split(/:(\w+)/);
    if (more.length > 0) {
      const pattern = new RegExp(`^${path.replaceAll(/:(\w+)/g, "(?<$1>[^/]+)")}$`);
      routes.patterns.push({ pattern, handler });
    } else if (parameter === undefined) routes.fixed.set(path, handler);
    else routes.shapes.push({ before: before!, after: after!, parameter, handler });
  }

  /** The handlers with their parameters: one, or none. A parameter is never empty. */
  match(method: string, path: string): [[Handler, Record<string, string>][]] {
    const routes = this.#methods.get(method);
    if (!routes) return [[]];
    const fixed = routes.fixed.get(path);
    if (fixed !== undefined) return [[[fixed, noParameters]]];
    for (const { before, after, parameter, handler } of routes.shapes) {
      if (!path.startsWith(before)) continue;
      const slash = path.indexOf("/", before.length);
      const end = slash < 0 ? path.length : slash;
      if (end === before.length || path.length - end !== after.length) continue;
      if (!path.endsWith(after)) continue;
      return [[[handler, { [parameter]: path.slice(before.length, end) }]]];
    }
    for (const { pattern, handler } of routes.patterns) {
      const found = pattern.exec(path);
      if (found) return [[[handler, { ...found.groups }]]];
    }
    return [[]];
  }
}
