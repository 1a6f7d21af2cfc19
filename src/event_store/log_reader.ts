/**
 * Reads the log forward, from any position: the epochs that were imported, and then the one that this
 * database appends to. A visible versionstamp implies that all smaller ones are visible, so a strongly
 * consistent range read never skips an event.
 */
import type {
  DomainEvent,
  EventMeta,
  RecordedEvent,
  StoredEvent,
} from "../../events/recorded_event.ts";
import { readBodies, type WantedBody } from "./body_reading.ts";
import { retried } from "./commit.ts";
import { encodedEventLine, eventLine, eventTexts } from "./event_line.ts";
import { keys } from "./keys.ts";
import { getManyKeysMax } from "./limits.ts";
import { type DecodedRow, decodeRow, type EncodedEvent, LogDamagedError } from "./log_row.ts";
import { formatPosition, logStart, parsePosition, rowOfPosition } from "./position.ts";

/** A row of the log as read: its events in order. */
export interface ReadRow {
  readonly epoch: number;
  readonly versionstamp: string;
  readonly commitId: string;
  readonly events: readonly RecordedEvent[];
}

/** A row as this process wrote it. */
export interface OwnRow {
  readonly commitId: string;
  readonly timeMs: number;
  readonly events: readonly EncodedEvent[];
  /** The same events as everybody else reads them. */
  readonly readBack: readonly DomainEvent[];
}

export interface LogCursor {
  /** Of the last event read; `logStart` before the first. */
  readonly position: string;
  /** Recorded time of that event: recorded time never decreases after it. */
  readonly timeMs: number;
}

export const cursorAtStart: LogCursor = { position: logStart, timeMs: 0 };

const rowsPerRead = 64;
/** Rows are read ahead until their bodies are so big together, */
const windowBodyBytesMax = 1024 * 1024;
/** or their JSON, which takes ten times as much once it is decoded. */
const windowJsonBytesMax = 32 * 1024;

export class LogReader {
  /** Bodies that this process has just written; the first reader need not read them back. */
  readonly #ownBodies = new Map<string, Uint8Array>();
  /** By versionstamp: rows that this process has just written, and the recorded time of their events. */
  readonly #ownRows = new Map<string, OwnRow>();

  constructor(
    readonly kv: Deno.Kv,
    /** The last one, which this database appends to: versionstamps of earlier ones mean nothing in it. */
    readonly epoch: number,
    /** Brings an event of an older schema up to today's; what nobody knows passes unchanged. */
    readonly upcast: (stored: StoredEvent) => DomainEvent,
    /** The last event that came from another database, without what stood beside the log there. */
    readonly importedThrough: string = logStart,
  ) {}

  /** Every row after the cursor's row, up to what is visible when the last read starts. */
  read(from: LogCursor, wantsBody?: WantsBody): AsyncGenerator<ReadRow> {
    const { epoch, versionstamp } = parsePosition(from.position)!;
    return this.#read([...keys.log(epoch, versionstamp), ""], from.timeMs, wantsBody);
  }

  async *#read(
    start: Deno.KvKey,
    fromMs: number,
    wantsBody: WantsBody = () => true,
  ): AsyncGenerator<ReadRow> {
    let timeMs = fromMs;
    const end = keys.logsEnd();
    const entries = this.kv.list<Uint8Array>({ start, end }, {
      batchSize: rowsPerRead,
      consistency: "strong",
    });
    const windows = this.#windows(entries, wantsBody);
    // The next rows are on their way while the caller folds these.
    let next = windows.next();
    try {
      for (;;) {
        const { value: window, done } = await next;
        if (done) return;
        next = windows.next();
        await window.loaded;
        // What follows may leave the engine's answers no turn: the next bodies are asked for before.
        await next.catch(() => {});
        for (const { epoch, versionstamp, row, bodies, own } of window.rows) {
          if (own) {
            timeMs = Math.max(timeMs, own.timeMs);
            yield this.#ownRow(versionstamp, own, timeMs);
            continue;
          }
          let texts: string[] | undefined;
          const events = row.events.map((stored, index) => {
            timeMs = Math.max(timeMs, Date.parse(stored.time));
            const position = formatPosition(epoch, versionstamp, index);
            const text = () => (texts ??= eventTexts(row))[index];
            return this.#recorded(stored, position, timeMs, { body: bodies.get(stored), text });
          });
          yield { epoch, versionstamp, commitId: row.commitId, events };
        }
      }
    } finally {
      await windows.return().catch(() => {});
    }
  }

  /** Rows in groups. The bodies of a group are on their way. */
  async *#windows(
    entries: AsyncIterable<Deno.KvEntry<Uint8Array>>,
    wantsBody: WantsBody,
  ): AsyncGenerator<Window, void> {
    let window: RowWithBodies[] = [];
    let jsonBytes = 0, bodyBytes = 0;
    const full = (): Window => {
      const rows = window;
      window = [];
      jsonBytes = bodyBytes = 0;
      const loaded = this.#readBodies(rows, wantsBody);
      // Whoever waits for it is told; perhaps nobody does.
      loaded.catch(() => {});
      return { rows, loaded };
    };
    for await (const entry of entries) {
      const { epoch, versionstamp } = placeOf(entry.key);
      const own = epoch === this.epoch ? this.#ownRows.get(versionstamp) : undefined;
      const row = own ? { commitId: own.commitId, events: [], text: "" } : decodeRow(entry.value);
      window.push({ epoch, versionstamp, row, bodies: new Map(), ...(own ? { own } : {}) });
      jsonBytes += entry.value.length;
      // Nobody reads the bytes any more, and many would lie in wait for the collector.
      (entry.value.buffer as ArrayBuffer).transfer(0);
      for (const { body } of row.events) bodyBytes += body?.bytes ?? 0;
      const isFull = window.length >= rowsPerRead || jsonBytes >= windowJsonBytesMax ||
        bodyBytes >= windowBodyBytesMax;
      if (isFull) yield full();
    }
    if (window.length > 0) yield full();
  }

  /** The position of the first event of the last row there is now; null: the log is empty. */
  async end(): Promise<string | null> {
    const last = this.kv.list({ prefix: keys.logsPrefix() }, { reverse: true, limit: 1 });
    for await (const { key } of last) {
      const { epoch, versionstamp } = placeOf(key);
      return formatPosition(epoch, versionstamp, 0);
    }
    return null;
  }

  /** Every row from the one that holds the position on. */
  readRowsFrom(position: string, wantsBody?: WantsBody): AsyncGenerator<ReadRow> {
    const { epoch, versionstamp } = parsePosition(position)!;
    return this.#read(keys.log(epoch, versionstamp), 0, wantsBody);
  }

  /** The events at these positions, bodies left out. */
  async readAt(positions: readonly string[]): Promise<RecordedEvent[]> {
    const found = new Array<RecordedEvent>(positions.length);
    const wanted = Map.groupBy(positions.keys(), (at) => rowOfPosition(positions[at]!));
    const rows = [...wanted.values()];
    for (let first = 0; first < rows.length; first += getManyKeysMax) {
      const some = rows.slice(first, first + getManyKeysMax);
      const rowKeys = some.map(([at]) => {
        const { epoch, versionstamp } = parsePosition(positions[at!]!)!;
        return keys.log(epoch, versionstamp);
      });
      const entries = await retried(() => this.kv.getMany<Uint8Array[]>(rowKeys));
      for (const [index, { value }] of entries.entries()) {
        const events = value === null ? [] : decodeRow(value).events;
        for (const at of some[index]!) {
          const position = positions[at]!;
          const stored = events[parsePosition(position)!.index];
          if (!stored) throw new LogDamagedError(`no event stands at ${position}`);
          found[at] = this.#recorded(stored, position, Date.parse(stored.time));
        }
      }
    }
    return found;
  }

  /** The hash of the event at a position; null when there is none. */
  async hashAt(position: string): Promise<string | null> {
    const { epoch, versionstamp, index } = parsePosition(position)!;
    const events = await this.storedRow(epoch, versionstamp);
    return events?.[index]?.hash ?? null;
  }

  /** The events of one row as they are stored; null when there is no such row. */
  async storedRow(epoch: number, versionstamp: string): Promise<readonly StoredEvent[] | null> {
    const entry = await retried(() => this.kv.get<Uint8Array>(keys.log(epoch, versionstamp)));
    return entry.value === null ? null : decodeRow(entry.value).events;
  }

  /** Until it is forgotten, a row of this epoch is taken from here instead of being decoded. */
  keepOwnRow(versionstamp: string, row: OwnRow): void {
    this.#ownRows.set(versionstamp, row);
  }

  forgetOwnRow(versionstamp: string): void {
    this.#ownRows.delete(versionstamp);
  }

  keepOwnBody(ref: string, bytes: Uint8Array): void {
    this.#ownBodies.set(ref, bytes);
  }

  forgetOwnBody(ref: string): void {
    this.#ownBodies.delete(ref);
  }

  #ownRow(versionstamp: string, { commitId, events, readBack }: OwnRow, timeMs: number): ReadRow {
    return {
      epoch: this.epoch,
      versionstamp,
      commitId,
      events: events.map((encoded, index) => {
        const { stream, version, hash } = encoded;
        const position = formatPosition(this.epoch, versionstamp, index);
        const event = readBack[index]!;
        // All members stand in the order in which everybody else reads them.
        const meta = inLogOrder(encoded.meta);
        const line = () => encodedEventLine(position, encoded);
        return { position, stream, version, timeMs, meta, event, hash, line };
      }),
    };
  }

  #recorded(
    stored: StoredEvent,
    position: string,
    timeMs: number,
    { body, text }: { body?: Uint8Array | undefined; text?: () => string | undefined } = {},
  ): RecordedEvent {
    const { stream, version, meta, hash, schema } = stored;
    const event = this.upcast(stored);
    const line = () => {
      const own = text?.();
      return own === undefined
        ? eventLine(position, stored)
        : encodedEventLine(position, { text: own, schema });
    };
    const recorded = { position, stream, version, timeMs, meta, event, hash, line };
    return body ? { ...recorded, body } : recorded;
  }

  async #readBodies(rows: readonly RowWithBodies[], isWanted: WantsBody): Promise<void> {
    const wanted: WantedBody[] = [];
    for (const { epoch, versionstamp, row, bodies } of rows) {
      for (const [index, stored] of row.events.entries()) {
        if (!stored.body) continue;
        // Who wants none must not take the one that somebody else will want.
        if (!isWanted(stored.type, formatPosition(epoch, versionstamp, index))) continue;
        const { ref, parts } = stored.body;
        const own = this.#ownBodies.get(ref);
        if (own) {
          this.#ownBodies.delete(ref);
          bodies.set(stored, own);
        } else {
          const noParts = Array.from({ length: parts }, () => null);
          wanted.push({ stored, reference: stored.body, parts: noParts, bodies });
        }
      }
    }
    await readBodies(this.kv, wanted);
  }
}

/** Whether the body of an event of the type is asked for. */
export type WantsBody = (type: string, position: string) => boolean;

interface Window {
  readonly rows: readonly RowWithBodies[];
  readonly loaded: Promise<void>;
}

interface RowWithBodies {
  readonly epoch: number;
  readonly versionstamp: string;
  readonly row: DecodedRow;
  readonly bodies: Map<StoredEvent, Uint8Array>;
  /** Set where this process wrote the row: it needs no decoding. */
  readonly own?: OwnRow;
}

function placeOf(key: Deno.KvKey): { epoch: number; versionstamp: string } {
  const [epoch, versionstamp] = key.slice(-2) as [number, string];
  return { epoch, versionstamp };
}

function inLogOrder({ actor, commandId, reason, traceId }: EventMeta): EventMeta {
  return reason === undefined
    ? { actor, commandId, traceId }
    : { actor, commandId, reason, traceId };
}
