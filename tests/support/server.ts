/**
 * A whole Placard in memory for the tests of the HTTP contract: a clock that stands until it is
 * moved, ids that count, and keys of the three roles. Every answer is held against `/openapi.json`.
 */
import { assert, assertEquals } from "@std/assert";
import type { CampaignStatus } from "../../events/campaign_events.ts";
import type { MessageType } from "../../events/campaign_settings.ts";
import type { Role } from "../../events/workspace_events.ts";
import { openPlacard, type Placard, type PlacardOptions } from "../../src/placard.ts";
import { minimal } from "../events/settings_examples.ts";
import { checkAnswer, type Document } from "./conformity.ts";

export const minuteMs = 60_000;
export const hourMs = 60 * minuteMs;
export const dayMs = 24 * hourMs;
/** Where the clock stands at first. */
export const clockDefault = "2026-04-01T09:00:00.000Z";

export const presetKeys: Readonly<Record<Role, string>> = {
  operator: "operator-key-of-the-http-tests-0123456789",
  auditor: "auditor-key-of-the-http-tests-0123456789",
  sdk: "sdk-key-of-the-http-tests-0123456789",
};

export interface TestServerOptions extends Partial<PlacardOptions> {
  /** An instant; the clock stands there until it is moved. */
  readonly clock?: string;
  /** Every answer is held against the document, or one of so many; a bug throws always. */
  readonly checkedShare?: number;
  /** Of an earlier server of the same code: it need not be made again. */
  readonly document?: Document;
}

export interface RequestOptions {
  /** Whose key is sent; default: operator. Null: none. */
  readonly role?: Role | null;
  /** Sent as JSON; text, bytes and streams are sent as they are. */
  readonly body?: unknown;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface Answer {
  readonly status: number;
  readonly headers: Headers;
  readonly text: string;
  // deno-lint-ignore no-explicit-any -- what tests look into
  readonly json: any;
  /** The header Placard-Position; "" without one. */
  readonly position: string;
}

export interface TestServer {
  readonly placard: Placard;
  readonly document: Document;
  readonly kv: Deno.Kv;
  nowMs(): number;
  advance(ms: number): void;
  setClock(instant: string): void;
  request(method: string, path: string, options?: RequestOptions): Promise<Answer>;
  /** The same, and the status must be this one. */
  expect(
    status: number,
    method: string,
    path: string,
    options?: RequestOptions,
  ): Promise<Answer>;
  /** Settings that can be activated, posting from a minute ago until in 14 days. */
  settings(overrides?: Readonly<Record<string, unknown>>, type?: MessageType): Settings;
  /** Makes a draft of `settings()`; gives its id. */
  draft(overrides?: Readonly<Record<string, unknown>>, type?: MessageType): Promise<string>;
  /** Makes a campaign and brings it into this status; gives its id. */
  campaignIn(
    status: CampaignStatus,
    overrides?: Readonly<Record<string, unknown>>,
    type?: MessageType,
  ): Promise<string>;
  /** The position of the log's end, as a read tells it. */
  end(): Promise<string>;
  close(): Promise<void>;
}

export type Settings = Record<string, unknown> & {
  name: string;
  schedule: { startAt: string; endAt: string };
};

/** Opens one, runs `body` and closes it again. */
export async function withServer(
  body: (server: TestServer) => Promise<void>,
  options: TestServerOptions = {},
): Promise<void> {
  const server = await openTestServer(options);
  try {
    await body(server);
  } finally {
    await server.close();
  }
  assertEquals(server.placard.engine.writer.waitingCount, 0);
}

let servers = 0;

export async function openTestServer(options: TestServerOptions = {}): Promise<TestServer> {
  const { clock = clockDefault, checkedShare = 1, document: given, ...rest } = options;
  let nowMs = Date.parse(clock);
  const kv = options.kv ?? await Deno.openKv(":memory:");
  const server = ++servers;
  let ids = 0, secrets = 0, answers = 0;
  const bugs: unknown[] = [];
  const placard = await openPlacard({
    presetKeys,
    prepareLeadMs: hourMs,
    reflectWindowMs: 10 * minuteMs,
    activeLimit: 30,
    timeZone: "UTC",
    nowMs: () => nowMs,
    newId: () => server.toString(16).padStart(8, "0") + (++ids).toString(16).padStart(24, "0"),
    newSecret: () => (++secrets).toString(16).padStart(64, "0"),
    onBug: (error) => bugs.push(error),
    ...rest,
    kv,
  });
  const document = given ?? await (await placard.app.request("/openapi.json")).json();
  const at = (aheadMs: number) => new Date(nowMs + aheadMs).toISOString();

  const request = async (method: string, path: string, options: RequestOptions = {}) => {
    const { role = "operator", body, headers = {} } = options;
    const init: RequestInit & { headers: Headers } = { method, headers: new Headers() };
    if (role !== null) init.headers.set("authorization", `Bearer ${presetKeys[role]}`);
    if (body !== undefined) {
      const raw = typeof body === "string" || body instanceof Uint8Array ||
        body instanceof ReadableStream;
      init.body = (raw ? body : JSON.stringify(body)) as BodyInit;
      init.headers.set("content-type", "application/json");
    }
    for (const [name, value] of Object.entries(headers)) init.headers.set(name, value);
    const response = await placard.app.request(path, init);
    const text = await response.text();
    if (bugs.length > 0) throw bugs[0];
    if (answers++ % checkedShare === 0) checkAnswer(document, method, path, response, text);
    return answerOf(response, text);
  };

  const expect: TestServer["expect"] = async (status, method, path, options) => {
    const answer = await request(method, path, options);
    const told = `${method} ${path.slice(0, 300)} → ${answer.status}: ${
      answer.text.slice(0, 2_000)
    }`;
    assertEquals(answer.status, status, told);
    return answer;
  };

  const settings: TestServer["settings"] = (overrides = {}, type = "modal_text") =>
    ({
      ...minimal[type],
      schedule: { startAt: at(-minuteMs), endAt: at(14 * dayMs) },
      ...overrides,
    }) as Settings;

  const draft: TestServer["draft"] = async (overrides, type) => {
    const body = settings(overrides, type);
    return (await expect(201, "POST", "/v1/campaigns", { body })).json.id;
  };

  const campaignIn: TestServer["campaignIn"] = async (status, overrides = {}, type) => {
    const schedule = (startMs: number) => ({ startAt: at(startMs), endAt: at(14 * dayMs) });
    const startMs = status === "waiting_to_post"
      ? 2 * hourMs
      : status === "preparing_to_publish"
      ? hourMs / 2
      : -minuteMs;
    const id = await draft({ schedule: schedule(startMs), ...overrides }, type);
    const path = `/v1/campaigns/${id}`;
    if (status !== "writing") await expect(200, "POST", `${path}/activate`);
    if (status === "stopped") await expect(200, "POST", `${path}/stop`);
    if (status === "ended") await expect(200, "POST", `${path}/end`);
    if (status === "posting_reflecting_modifications") {
      await expect(200, "PATCH", path, { body: { content: { body: "Edited" } } });
    }
    const campaign = (await expect(200, "GET", path)).json;
    assertEquals(campaign.status, status);
    return id;
  };

  return {
    placard,
    document,
    kv,
    nowMs: () => nowMs,
    advance: (ms) => void (nowMs += ms),
    setClock: (instant) => void (nowMs = Date.parse(instant)),
    request,
    expect,
    settings,
    draft,
    campaignIn,
    end: async () => (await expect(200, "GET", "/v1/workspace")).position,
    close: async () => {
      await placard.close();
      if (!options.kv) kv.close();
      assert(bugs.length === 0, `a bug: ${bugs[0]}`);
    },
  };
}

/** Whether an answer is a problem with this code. */
export function assertProblem(answer: Answer, status: number, code: string): void {
  assertEquals(
    { status: answer.status, code: answer.json?.code },
    { status, code },
    `expected ${status} ${code}, got ${answer.status}: ${answer.text}`,
  );
}

/** "pointer code" of every fault that a 422 or 413 names. */
export function faultsOf(answer: Answer): string[] {
  return (answer.json.errors as { pointer: string; code: string }[])
    .map(({ pointer, code }) => `${pointer} ${code}`);
}

function answerOf(response: Response, text: string): Answer {
  const { status, headers } = response;
  const isJson = /[/+]json/.test(headers.get("content-type") ?? "");
  return {
    status,
    headers,
    text,
    json: isJson && text !== "" ? JSON.parse(text) : undefined,
    position: headers.get("placard-position") ?? "",
  };
}
