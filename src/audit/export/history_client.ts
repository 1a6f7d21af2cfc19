/**
 * Asks a server for its history. A request that fails in passing is made again; a stream of events that
 * breaks is gone on with after its last line.
 */
import { ByteReader } from "./byte_reader.ts";
import { bodyNamed, positionOf } from "./export_format.ts";

/** The server does not give what is asked for, and will not. */
export class HistoryServerError extends Error {
  override readonly name = "HistoryServerError";
}

export interface HistoryClientOptions {
  /** Of the server; a path is kept, for one that stands below one. */
  readonly url: string;
  /** Of an auditor; without it only what is open to everybody is given. */
  readonly key: string | undefined;
  fetch(url: string, init: RequestInit): Promise<Response>;
  pause(ms: number): Promise<void>;
}

/** An event of the server with the body that it names, where there is one. */
export interface ServedEvent {
  readonly line: Uint8Array;
  readonly body: Uint8Array | null;
}

/** One after the other without any success. */
const triesMax = 8;
const pauseMsMin = 100;
const pauseMsMax = 10_000;
/** Bodies are asked for ahead, so many at a time and so much of them. */
const bodiesAheadMax = 16;
const bytesAheadMax = 4 * 1024 * 1024;
const keyPath = "/v1/audit/key";
const decoder = new TextDecoder();

export class HistoryClient {
  readonly url: string;

  constructor(readonly options: HistoryClientOptions) {
    this.url = options.url.replace(/\/+$/, "");
  }

  async text(path: string): Promise<string> {
    return decoder.decode(await this.#needed(path));
  }

  /** A checkpoint and the key that signed it, which may be exchanged at any time. */
  async signed(): Promise<{ note: string; key: string }> {
    for (let key = await this.text(keyPath);;) {
      const note = await this.text("/v1/audit/checkpoint");
      const keyNow = await this.text(keyPath);
      if (keyNow === key) return { note, key };
      key = keyNow;
    }
  }

  /** Null: 404. */
  bytes(path: string): Promise<Uint8Array | null> {
    return this.#tried(path, async () => {
      const response = await this.#get(path, "*/*");
      if (response.ok) return new Uint8Array(await response.arrayBuffer());
      await response.body?.cancel();
      return null;
    });
  }

  // deno-lint-ignore no-explicit-any -- what the server says
  async json(path: string): Promise<any> {
    const bytes = await this.bytes(path);
    return bytes && JSON.parse(decoder.decode(bytes));
  }

  /** `after`: a line that was read; the server must give the same one first. */
  async *events(after: Uint8Array | null, count: number): AsyncGenerator<ServedEvent> {
    const ahead: { line: Uint8Array; bytes: number; body: Promise<Uint8Array | null> }[] = [];
    let bodies = 0, bytes = 0;
    const next = async (): Promise<ServedEvent> => {
      const one = ahead.shift()!;
      if (one.bytes > 0) bodies--;
      bytes -= one.line.length + one.bytes;
      return { line: one.line, body: await one.body };
    };
    for await (const line of this.#lines(after, count)) {
      const named = bodyNamed(decoder.decode(line));
      const body = named
        ? this.bytes(`/v1/audit/bodies/${encodeURIComponent(named.ref)}`)
        : Promise.resolve(null);
      // Whoever waits for it is told; perhaps nobody does.
      body.catch(() => {});
      const bodyBytes = named?.bytes ?? 0;
      ahead.push({ line, bytes: bodyBytes, body });
      if (named) bodies++;
      bytes += line.length + bodyBytes;
      while (ahead[0]?.bytes === 0 || bodies > bodiesAheadMax || bytes > bytesAheadMax) {
        yield await next();
      }
    }
    while (ahead.length > 0) yield await next();
  }

  async *#lines(after: Uint8Array | null, count: number): AsyncGenerator<Uint8Array> {
    let last = after;
    let failures = 0;
    let isChecked = after === null;
    for (let given = 0; given < count || !isChecked;) {
      const query = last ? `?from=${positionOf(decoder.decode(last))}` : "";
      let reader: ByteReader | null = null;
      let failure: unknown = null;
      try {
        const response = await this.#get(`/v1/events${query}`, "application/x-ndjson");
        if (!response.body || !response.ok) throw new HistoryServerError("there are no events");
        reader = new ByteReader(response.body);
        if (last) this.#checkSame(last, await reader.line());
        isChecked = true;
        for (; given < count; given++) {
          const line = await reader.line();
          if (line === null) throw new HistoryServerError(tooFew(given, count));
          // The buffer that it stands in holds many, and is not to be kept for it.
          last = line.slice();
          failures = 0;
          yield last;
        }
      } catch (error) {
        if (error instanceof HistoryServerError) throw error;
        failure = error;
      } finally {
        await reader?.close().catch(() => {});
      }
      if (failure !== null) await this.#again(++failures, failure, "/v1/events");
    }
  }

  #checkSame(last: Uint8Array, again: Uint8Array | null): void {
    if (again && decoder.decode(again) === decoder.decode(last)) return;
    throw new HistoryServerError(
      `the server has another event at ${
        positionOf(decoder.decode(last))
      }: this is another history`,
    );
  }

  async #needed(path: string): Promise<Uint8Array> {
    const bytes = await this.bytes(path);
    if (!bytes) throw new HistoryServerError(`${this.url} does not know ${path}`);
    return bytes;
  }

  async #tried<T>(path: string, request: () => Promise<T>): Promise<T> {
    for (let failures = 1;; failures++) {
      try {
        return await request();
      } catch (error) {
        if (error instanceof HistoryServerError) throw error;
        await this.#again(failures, error, path);
      }
    }
  }

  async #again(failures: number, error: unknown, path: string): Promise<void> {
    if (failures >= triesMax) {
      const { message } = error as Error;
      throw new HistoryServerError(`${this.url}${path} does not answer: ${message}`);
    }
    const ownMs = Math.min(pauseMsMin * 2 ** failures, pauseMsMax);
    await this.options.pause(error instanceof BusyError ? Math.max(error.pauseMs, ownMs) : ownMs);
  }

  /** Gives 200 and 404; throws a `HistoryServerError`, or another error where it is worth a try again. */
  async #get(path: string, accept: string): Promise<Response> {
    const { key } = this.options;
    const headers = { accept, ...(key ? { authorization: `Bearer ${key}` } : {}) };
    const response = await this.options.fetch(this.url + path, { headers });
    const { status } = response;
    if (status === 200 || status === 404) return response;
    const text = await response.text();
    if (status === 401 || status === 403) {
      throw new HistoryServerError(
        `${this.url} refuses the key (${status}): set PLACARD_AUDITOR_KEY to one of an auditor`,
      );
    }
    if (status !== 429 && status < 500) {
      throw new HistoryServerError(`${this.url}${path} answers ${status}: ${text.slice(0, 300)}`);
    }
    const seconds = Number(response.headers.get("retry-after") ?? 0);
    throw new BusyError(`it answers ${status}`, Number.isFinite(seconds) ? seconds * 1000 : 0);
  }
}

/** The server asks to come again. */
class BusyError extends Error {
  constructor(message: string, readonly pauseMs: number) {
    super(message);
  }
}

function tooFew(given: number, count: number): string {
  return `the server gives ${given} events, but its checkpoint speaks of ${count}`;
}
