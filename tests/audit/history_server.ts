/** A server that has a history and nothing else, for tests of whoever asks for it. */
import { HistoryClient } from "../../src/audit/mod.ts";
import type { Claim } from "../../src/audit/export/export_format.ts";
import { eventLine } from "../../src/event_store/mod.ts";
import { type ExportedFiles, exportOf, type History, signer } from "./forged_export.ts";

const auditorKey = "auditor-key-of-the-tests";
const encoder = new TextEncoder();

export interface HistoryServerOptions {
  /** What it answers instead; null: as it should. */
  instead?(path: string): Response | null;
  /** A stream of events breaks off after so many of them. */
  readonly eventsPerStream?: number;
}

export class HistoryServer {
  readonly paths: string[] = [];
  readonly pauses: number[] = [];
  #files!: ExportedFiles;
  #lines!: string[];

  constructor(public history: History, readonly options: HistoryServerOptions = {}) {
    this.become(history);
  }

  /** From now on it has this history. */
  become(history: History, by = signer): void {
    this.history = history;
    this.#files = exportOf(history, by);
    this.#lines = history.events.map(({ position, stored }) => eventLine(position, stored));
  }

  client(key: string | undefined = auditorKey): HistoryClient {
    return new HistoryClient({
      url: "https://messages.example/",
      key,
      fetch: (url, { headers }) => {
        const { pathname, search, searchParams } = new URL(url);
        this.paths.push(pathname + search);
        const { authorization } = headers as Record<string, string>;
        if (authorization !== `Bearer ${auditorKey}`) {
          return Promise.resolve(new Response(null, { status: 401 }));
        }
        const instead = this.options.instead?.(pathname);
        return Promise.resolve(instead ?? this.#answer(pathname, searchParams));
      },
      pause: (ms) => {
        this.pauses.push(ms);
        return Promise.resolve();
      },
    });
  }

  #answer(path: string, query: URLSearchParams): Response {
    if (path === "/v1/events") return new Response(this.#stream(query.get("from") ?? ""));
    if (path === "/v1/campaigns") return Response.json(this.#list(query));
    const file = this.#files.get(path.replace("/v1/audit/", ""));
    if (file) return new Response(file);
    const ref = /^\/v1\/audit\/bodies\/(.+)$/.exec(path)?.[1];
    const body = this.history.events.find(({ stored }) => stored.body?.ref === ref)?.body;
    if (body) return new Response(new Uint8Array(body));
    const [, id, what] = /^\/v1\/campaigns\/(.+)\/(status|kpi)$/.exec(path) ?? [];
    const claim = this.#claims().find(({ campaignId }) => campaignId === id);
    if (!claim || claim.status === null) return new Response(null, { status: 404 });
    const next = { status: "ended", at: "2026-04-15T09:00:00.000Z" };
    return Response.json(what === "kpi" ? claim.kpi : { ...claim.status as object, next });
  }

  #claims(): Claim[] {
    return this.history.claims.map((line) => JSON.parse(line));
  }

  #list(query: URLSearchParams) {
    const all = this.#claims().filter(({ status }) => status !== null);
    const from = Number(query.get("cursor") ?? 0);
    const items = all.slice(from, from + 2).map(({ campaignId }) => ({ id: campaignId }));
    return { items, nextCursor: from + 2 < all.length ? String(from + 2) : null };
  }

  #stream(from: string): ReadableStream<Uint8Array> {
    const first = this.history.events.findIndex(({ position }) => position >= from);
    const { eventsPerStream = Infinity } = this.options;
    let sent = 0;
    return new ReadableStream({
      pull: (controller) => {
        const line = this.#lines[first + sent];
        if (sent++ === eventsPerStream) controller.error(new Error("the connection broke"));
        else if (line === undefined) controller.close();
        else controller.enqueue(encoder.encode(`${line}\n`));
      },
    });
  }
}
