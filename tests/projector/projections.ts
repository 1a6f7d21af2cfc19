/** Read models over the toy counters, and a process that runs them. */
import type { Projection } from "../../projections/projection.ts";
import { RowProjection } from "../../projections/row_projection.ts";
import {
  cursorAtStart,
  type LogReader,
  openLog,
  StreamIndex,
  Tail,
} from "../../src/event_store/mod.ts";
import { Mounted, Projector, Slot } from "../../src/projector/mod.ts";
import { assert, assertEquals } from "@std/assert";
import { counterPrefix, newStates } from "../event_store/counters.ts";

interface CounterRow {
  readonly count: number;
  readonly sum: number;
  /** All of one digit, the count's last: a row that is half old and half new shows. */
  readonly padding: string;
}

export interface CounterRowsOptions {
  readonly paddingBytes?: number;
  readonly name?: string;
  readonly revision?: number;
  /** An event with this number cannot be folded. */
  readonly poison?: number;
  readonly rowKey?: (stream: string) => string;
}

export function counterRows(options: CounterRowsOptions = {}): () => RowProjection<CounterRow> {
  const { paddingBytes = 0, name = "counters", revision = 1, poison } = options;
  const rowKey = options.rowKey ?? ((stream) => stream);
  return () =>
    new RowProjection<CounterRow>({
      name,
      revision,
      rowKey: ({ stream }) => stream.startsWith(counterPrefix) ? rowKey(stream) : undefined,
      fold: (row, { event }) => {
        const { by } = event.data as { by: number };
        if (by === poison) throw new RangeError("poison");
        const count = (row?.count ?? 0) + 1;
        // Rows differ in size, so that they end anywhere in a commit.
        const length = paddingBytes === 0 ? 0 : paddingBytes + count * 7_000;
        return { count, sum: (row?.sum ?? 0) + by, padding: String(count % 10).repeat(length) };
      },
    });
}

/** The read models that the store itself keeps, and one of rows. */
export function everyProjection(paddingBytes: number): (() => Projection)[] {
  return [
    counterRows({ paddingBytes }),
    newStates,
    () => new StreamIndex((stream) => stream.startsWith(counterPrefix)),
  ];
}

export class Process {
  private constructor(
    readonly reader: LogReader,
    readonly projector: Projector,
    readonly tail: Tail,
    readonly loadedFrom: string,
  ) {}

  /** Loads and reads to the end of the log. */
  static async open(kv: Deno.Kv, creates: readonly (() => Projection)[]): Promise<Process> {
    const reader = await openLog(kv, (stored) => stored);
    const projector = new Projector(reader, creates.map((create) => new Mounted(kv, create)));
    const cursor = await projector.load();
    const tail = new Tail(reader, cursor, (type, place) => projector.wantsBody(type, place));
    projector.follow(tail);
    const process = new Process(reader, projector, tail, cursor.position);
    await tail.poll();
    return process;
  }

  get mounted(): readonly Mounted[] {
    return this.projector.mounted;
  }

  poll(): Promise<void> {
    return this.tail.poll();
  }

  flush(): Promise<void> {
    return this.projector.flush();
  }
}

export type Rows = Record<string, string>;

export function rowsOf(model: Projection): Rows {
  const keys = [...model.rowKeys()].sort();
  return Object.fromEntries(keys.map((key) => [key, text(model.encodeRow(key))]));
}

/** What the log gives when it is folded from its beginning. */
export async function freshRows(
  kv: Deno.Kv,
  create: () => Projection,
  until = "\uffff",
): Promise<Rows> {
  const reader = await openLog(kv, (stored) => stored);
  const model = create();
  for await (const row of reader.read(cursorAtStart)) {
    row.events.filter(({ position }) => position <= until).forEach((event) => model.fold(event));
  }
  return rowsOf(model);
}

/** The rows of the live slot as they stand in the store. */
export async function storedRows(kv: Deno.Kv, mounted: Mounted): Promise<Rows> {
  const rows: Rows = {};
  for await (const row of new Slot(kv, mounted.name, mounted.slotName).rows()) {
    assert(!(row.key in rows), `row ${row.key} twice`);
    rows[row.key] = text(row.bytes);
  }
  return rows;
}

/** A process's rows are those of a fresh fold of all that it has read. */
export async function assertFresh(kv: Deno.Kv, process: Process): Promise<void> {
  for (const one of process.mounted) {
    assertEquals(one.failure, null);
    assertSameRows(rowsOf(one.model), await freshRows(kv, one.create, one.cursor.position));
  }
}

export function assertSameRows(actual: Rows, expected: Rows): void {
  const keys = Object.keys(expected);
  const same = keys.length === Object.keys(actual).length &&
    keys.every((key) => actual[key] === expected[key]);
  // Rows are long: what differs is shown in short.
  const short = (rows: Rows) =>
    Object.entries(rows).map(([key, row]) =>
      `${key}: ${row.slice(0, 80)}…, ${row.length} long, padding ${digits(row)}`
    );
  if (!same) assertEquals(short(actual), short(expected));
  assert(same, "rows differ");
}

/** The digits that a row's padding is made of: one, where the row is whole. */
function digits(row: string): string[] {
  return [...new Set(row.match(/"padding":"(\d*)"/)?.[1])];
}

function text(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}
