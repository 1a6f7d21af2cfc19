/** Requests to the operations of the document: valid ones by what a test knows, then bent by chance. */
import { campaignStatuses } from "../../events/campaign_events.ts";
import type { Role } from "../../events/workspace_events.ts";
import type { Operation } from "../support/conformity.ts";
import { dayMs, hourMs, type TestServer } from "../support/server.ts";
import type { Fuzz } from "./fuzzed.ts";

export interface Bent {
  readonly method: string;
  readonly path: string;
  readonly role: Role | null;
  readonly body?: string | Uint8Array;
  readonly headers: Record<string, string>;
}

export interface Known {
  readonly ids: string[];
  readonly keys: string[];
  readonly positions: string[];
  readonly sessions: string[];
  readonly cursors: string[];
}

export function bend(fuzz: Fuzz, server: TestServer, one: Operation, known: Known): Bent {
  const roles: Role[] = one.operation["x-roles"] ?? ["operator"];
  const method = fuzz.maybe(0.01)
    ? fuzz.of(["PUT", "OPTIONS", "DELETE"])
    : one.method.toUpperCase();
  const headers: Record<string, string> = {};
  const bentHeader = (name: string, share: number, values: readonly string[]) => {
    if (fuzz.maybe(share)) headers[name] = fuzz.of(values);
  };
  const version = `"${fuzz.below(6)}"`;
  bentHeader("if-match", 0.1, [version, version, "*", '"x"', "", 'W/"1"', '"1", "2"', "\u00e9"]);
  bentHeader("if-none-match", 0.2, ["*", '"x"', "", "x".repeat(5_000)]);
  const keys = ["k1", "k2", `k${fuzz.below(10_000)}`, "", "a b", "x".repeat(300), "\u00e9"];
  bentHeader("idempotency-key", 0.15, keys);
  bentHeader("traceparent", 0.03, ["00-x-y-01", `00-${"a".repeat(32)}-${"b".repeat(16)}-01`]);
  bentHeader("accept", 0.03, ["*/*", "text/html", "application/xml;q=0"]);
  const body = method === "GET" || !one.operation.requestBody
    ? undefined
    : bodyFor(fuzz, server, one, known);
  if (body !== undefined) {
    if (one.path.endsWith("/batch")) headers["content-type"] = "application/x-ndjson";
    bentHeader("content-type", 0.04, [
      "text/plain",
      "application/json;charset=x",
      "",
      "multipart/x",
    ]);
    bentHeader("content-encoding", 0.03, ["gzip", "br", "identity", "gzip, gzip", ""]);
    bentHeader("content-length", 0.01, ["0", "abc", "-1", "99999999999"]);
  }
  return {
    method,
    path: pathFor(fuzz, one, known),
    role: fuzz.maybe(0.02) ? fuzz.of<Role | null>([null, "sdk", "auditor"]) : fuzz.of(roles),
    headers,
    ...(body === undefined ? {} : { body }),
  };
}

function pathFor(fuzz: Fuzz, { path, operation }: Operation, known: Known): string {
  const ids = path.startsWith("/v1/keys") ? known.keys : known.ids;
  const odd = [
    "__proto__",
    "constructor",
    "%00",
    "%F0%9F",
    "a%2Fb",
    "x".repeat(3_000),
    "..",
    "%25",
  ];
  const id = fuzz.maybe(0.04) || ids.length === 0 ? fuzz.of(odd) : fuzz.of(ids);
  const pairs: string[] = [];
  for (const { name, in: place, required } of operation.parameters) {
    if (place !== "query") continue;
    if (!(required ? fuzz.maybe(0.97) : fuzz.maybe(0.25))) continue;
    for (let times = fuzz.maybe(0.05) ? 2 : 1; times > 0; times--) {
      pairs.push(`${name}=${encodeURIComponent(valueFor(fuzz, name, known).toWellFormed())}`);
    }
  }
  if (fuzz.maybe(0.02)) {
    pairs.push(fuzz.of(["__proto__=1", "=", "&&", "%", "constructor", "a=%ff"]));
  }
  const query = pairs.length > 0 ? `?${pairs.join("&")}` : "";
  return path.replace("{id}", id) + query + (fuzz.maybe(0.005) ? "/" : "");
}

function valueFor(fuzz: Fuzz, name: string, known: Known): string {
  if (fuzz.maybe(0.1) && name !== "after") {
    const value = fuzz.value();
    return typeof value === "string" ? value : JSON.stringify(value).slice(0, 5_000);
  }
  const usual: Record<string, readonly string[]> = {
    // Never a position ahead: each would take its 5 s.
    after: [...known.positions, "x", "", "0000-0", "__proto__"],
    asOf: [...known.positions, "2026-04-01T09:00:00.000Z", "2026-04-02T12:00:00Z", "x"],
    cursor: [...known.cursors, "e30"],
    session: [...known.sessions, "WzEsIiIsW11d"],
    platform: ["web", "ios"],
    campaign: known.ids,
    campaignId: known.ids,
    deviceId: ["d1", "d2"],
    userId: ["u1"],
    locale: ["ko", "en-US"],
    limit: ["1", "7", "200", "0", "1e1", " 5"],
    status: campaignStatuses,
    type: ["modal_text", "sticky_banner", "campaign_edited"],
    sort: ["name", "-createdAt", "startAt", "-updatedAt"],
    q: ["camp", ".*"],
    granularity: ["hour", "day"],
    by: ["element", "platform", "variant", "revision"],
    since: ["2026-04-01T09:00:00Z", "2027-01-01T00:00:00+09:00"],
    until: ["2026-04-01T09:00:00Z", "1970-01-01T00:00:00Z"],
    stream: ["workspace", "campaign/x", ...known.ids.map((id) => `campaign/${id}`)],
    actor: ["clock", "key:preset-operator"],
    from: [
      ...known.positions,
      "2026-04-01T09:00:00Z",
      "2026-04-01T08:45:00+00:00",
      "2026-03-01T00:00:00Z",
    ],
    to: ["2026-04-02T09:00:00Z", "2026-04-02T18:15:00+09:00", "9999-12-31T00:00:00Z"],
  };
  return fuzz.of(usual[name] ?? ["x"]);
}

function bodyFor(
  fuzz: Fuzz,
  server: TestServer,
  { method, path }: Operation,
  known: Known,
): string | Uint8Array {
  const at = (ms: number) => new Date(server.nowMs() + ms).toISOString();
  const ahead = { startAt: at(fuzz.of([-hourMs, hourMs / 2, 3 * hourMs])), endAt: at(9 * dayMs) };
  const action = path.slice(path.lastIndexOf("/") + 1);
  const item = () => ({
    id: `i${fuzz.below(1e6)}`,
    kind: fuzz.of(["impression", "click", "hide"]),
    campaignId: fuzz.of(known.ids),
    platform: "web",
    deviceId: `d${fuzz.below(50)}`,
    occurredAt: at(-fuzz.below(hourMs)),
    ...(fuzz.maybe(0.5) ? { userId: `u${fuzz.below(20)}` } : {}),
    ...(fuzz.maybe(0.3) ? { elementId: "buy", revision: 1, properties: { a: 1 } } : {}),
  });
  const valid: Record<string, () => unknown> = {
    campaigns: () => fuzz.settings(ahead),
    "{id}": () =>
      fuzz.of<unknown>([fuzz.settings(ahead), { priority: 3 }, { schedule: ahead }, {}]),
    stop: () => ({ reason: "why" }),
    restore: () => ({ contentRevision: fuzz.of([1, 2, 3]), reason: "why" }),
    copy: () => ({ name: "Copy" }),
    keys: () => ({ name: "Key", role: fuzz.of(["operator", "auditor", "sdk"]) }),
    workspace: () => ({ platforms: ["web", "ios"], timeZone: "Asia/Seoul", activeLimit: 50 }),
    interactions: () => ({ interactions: Array.from({ length: 1 + fuzz.below(4) }, item) }),
  };
  if (action === "batch") return lines(fuzz, path);
  const value = method === "put" ? profile(fuzz, path) : valid[action]?.() ?? {};
  if (method === "post" && fuzz.maybe(0.4)) return JSON.stringify(value);
  return fuzz.maybe(0.8) ? fuzz.bytes(fuzz.bent(value)) : fuzz.bytes(value);
}

function profile(fuzz: Fuzz, path: string): Record<string, unknown> {
  const attributes = { plan: fuzz.of(["pro", "free"]), age: fuzz.below(90), tags: ["a", 1, null] };
  return { attributes, ...(path.includes("devices") ? { userId: `u${fuzz.below(20)}` } : {}) };
}

/** Lines of a batch, some of them bent. */
function lines(fuzz: Fuzz, path: string): string | Uint8Array {
  const id = path.includes("devices") ? "deviceId" : "userId";
  const all = Array.from({ length: fuzz.below(5) }, () => {
    const value = { [id]: `x${fuzz.below(50)}`, ...profile(fuzz, path) };
    return fuzz.maybe(0.5) ? JSON.stringify(value) : fuzz.bytes(fuzz.bent(value));
  });
  return all.map((line) => typeof line === "string" ? line : new TextDecoder().decode(line))
    .join(fuzz.of(["\n", "\r\n", "\n\n"]));
}
