/**
 * A toy domain for the tests of the event store: counters that commands add to, with a limit over all
 * of them. `Instance` is what a process has: a tail, the states it folds, a writer for each purpose.
 */
import type {
  DomainEvent,
  EventMeta,
  RecordedEvent,
  StoredEvent,
} from "../../events/recorded_event.ts";
import {
  BodyWriter,
  canonicalJson,
  type Command,
  cursorAtStart,
  type Draft,
  eventHash,
  keys,
  type LogReader,
  openLog,
  type Outcome,
  parsePosition,
  StreamStates,
  Tail,
  Writer,
} from "../../src/event_store/mod.ts";
import { assert, assertEquals, assertMatch } from "@std/assert";

export const counterPrefix = "counter:";

export interface CounterState {
  readonly sum: number;
}

export type CounterAnswer = { sum: number; total: number } | { refused: "limit" };

export interface AddOptions {
  readonly by?: number;
  /** Refused where the sum over all counters would become higher. */
  readonly totalMax?: number;
  readonly note?: string;
  /** Events that the command appends; 1 where missing. */
  readonly events?: number;
  readonly remember?: { key: string; requestHash?: string };
}

export function newStates(): StreamStates<CounterState> {
  return new StreamStates<CounterState>(1, {
    tracks: (stream) => stream.startsWith(counterPrefix),
    initial: () => ({ sum: 0 }),
    evolve: (_stream, state, event) => ({ sum: state.sum + (event.data as { by: number }).by }),
  });
}

export function meta(commandId: string): EventMeta {
  return { actor: "key:test", commandId, traceId: "trace" };
}

export function added(by: number, note?: string): DomainEvent {
  return { type: "added", schema: 1, data: { by, ...(note === undefined ? {} : { note }) } };
}

/** The sum over all counters, in the state that the draft has reached. */
function totalOf(draft: Draft<CounterState>): number {
  const streams = new Set([...draft.base.rowKeys(), ...draft.changedStreams()]);
  return [...streams].reduce((total, stream) => total + draft.state(stream).sum, 0);
}

export function add(
  counter: string,
  options: AddOptions = {},
): Command<CounterState, CounterAnswer> {
  const { by = 1, totalMax = Infinity, note, events = 1, remember } = options;
  return {
    decide: (draft) => {
      const stream = counterPrefix + counter;
      if (totalOf(draft) + by * events > totalMax) {
        return { answer: { refused: "limit" }, success: false };
      }
      for (let nth = 0; nth < events; nth++) {
        draft.append(stream, [added(by, note)], meta(`add ${counter}`));
      }
      return {
        answer: { sum: draft.state(stream).sum, total: totalOf(draft) },
        success: true,
      };
    },
    ...(remember ? { remember: { scope: "test", requestHash: "the request", ...remember } } : {}),
  };
}

let idsGiven = 0;

export interface InstanceOptions {
  nowMs?(): number;
  /** Keeps ids of several processes apart. */
  readonly idPrefix?: string;
}

/** One process on a store. */
export class Instance {
  /** Every event in the order in which the tail gave it. */
  readonly seen: RecordedEvent[] = [];
  readonly states = newStates();
  readonly tail: Tail;
  readonly writer: Writer<CounterState>;
  readonly bodies: BodyWriter;

  private constructor(readonly kv: Deno.Kv, readonly reader: LogReader, options: InstanceOptions) {
    let clockMs = 1_700_000_000_000;
    const shared = {
      kv,
      epoch: reader.epoch,
      tail: this.tail = new Tail(reader, cursorAtStart),
      nowMs: options.nowMs ?? (() => clockMs += 7),
      newId: () => `${options.idPrefix ?? "id"}-${++idsGiven}`,
    };
    this.tail.subscribe((events) => {
      for (const recorded of events) this.states.fold(recorded);
      this.seen.push(...events);
    });
    this.writer = new Writer({ ...shared, states: this.states, assertFolding: () => {} });
    this.bodies = new BodyWriter({ ...shared, streamPrefix: "chunks:" });
  }

  static async open(kv: Deno.Kv, options: InstanceOptions = {}): Promise<Instance> {
    return new Instance(kv, await openLog(kv, (stored) => stored), options);
  }

  async add(counter: string, options?: AddOptions): Promise<Outcome<CounterAnswer>> {
    const outcome = await this.writer.submit(add(counter, options));
    // Answered before it is folded; whoever looks at the states waits, as every read does.
    await this.tail.readOwnWrites().catch(() => {});
    return outcome;
  }

  sum(counter: string): number {
    return this.states.head(counterPrefix + counter).state.sum;
  }

  appendBody(body: Uint8Array, label = "chunk"): Promise<string | null> {
    const event: DomainEvent = { type: "chunk", schema: 1, data: { label } };
    return this.bodies.append({ event, body, meta: meta(label) });
  }

  async close(): Promise<void> {
    await this.writer.idle();
    await this.bodies.idle();
    await this.tail.close();
  }
}

/** Runs with instances on one store, and closes them whatever happens. */
export async function withInstances(
  kvs: readonly Deno.Kv[],
  body: (...instances: Instance[]) => Promise<void>,
): Promise<void> {
  const instances: Instance[] = [];
  try {
    for (const kv of kvs) instances.push(await Instance.open(kv));
    await body(...instances);
  } finally {
    for (const instance of instances) await instance.close();
  }
}

export interface WholeLog {
  readonly events: readonly RecordedEvent[];
  readonly stored: readonly StoredEvent[];
  /** Events of each row. */
  readonly rows: readonly number[];
}

/** Reads the whole log and checks what holds for every log. */
export async function soundLog(kv: Deno.Kv): Promise<WholeLog> {
  const reader = await openLog(kv, (stored) => stored);
  const log = { events: [] as RecordedEvent[], stored: [] as StoredEvent[], rows: [] as number[] };
  for await (const row of reader.read(cursorAtStart)) {
    const stored = await reader.storedRow(row.epoch, row.versionstamp);
    assert(stored);
    assert(row.events.length > 0, "a row without events");
    log.events.push(...row.events);
    log.stored.push(...stored);
    log.rows.push(row.events.length);
  }
  const heads = new Map<string, { version: number; hash: string }>();
  for (const event of log.stored) {
    const head = heads.get(event.stream) ?? { version: 0, hash: "" };
    assertEquals(event.version, head.version + 1, `${event.stream} has a gap`);
    assertEquals(event.hash, eventHash(event, head.hash), `${event.stream} v${event.version}`);
    heads.set(event.stream, event);
  }
  for (const [index, event] of log.events.entries()) {
    assertMatch(event.position, /^[A-Za-z0-9._~-]+$/);
    assert(parsePosition(event.position), event.position);
    const previous = log.events[index - 1];
    if (!previous) continue;
    assert(event.position > previous.position, "positions do not increase");
    assert(event.timeMs >= previous.timeMs, "recorded time decreases");
  }
  await assertCanonicalRows(kv);
  return log;
}

/** The bytes of every row are canonical JSON, so that anybody can hash them. */
async function assertCanonicalRows(kv: Deno.Kv): Promise<void> {
  for await (const entry of kv.list<Uint8Array>({ prefix: keys.logsPrefix() })) {
    const text = new TextDecoder().decode(entry.value);
    assertEquals(text, canonicalJson(JSON.parse(text)));
    assert(entry.value.length <= 60_000, "a row is larger than its limit");
  }
}

/** The sum of a counter as the log alone tells it. */
export function loggedSum(log: WholeLog, counter?: string): number {
  return log.stored
    .filter(({ stream }) =>
      counter === undefined ? stream.startsWith(counterPrefix) : stream === counterPrefix + counter
    )
    .reduce((sum, { data }) => sum + (data as { by: number }).by, 0);
}

export function range(count: number): number[] {
  return Array.from({ length: count }, (_, index) => index);
}
