/**
 * When events were recorded, found without reading the log from its beginning. What counts is the
 * latest time that any row up to the event's tells: of commits that were in flight together, the one
 * that tells the earlier time may stand behind the other.
 */
import { keys } from "./keys.ts";
import type { LogCursor } from "./log_reader.ts";
import { decodeRow } from "./log_row.ts";
import { formatPosition, logStart, parsePosition } from "./position.ts";

/** Rows between one and another that tells a later time: many more than are in flight at a time. */
const rowsOutOfOrderMax = 16;
/** Behind the time of a row's last event stand its type and version. */
const rowEndBytes = 250;
const rowEnd = /"time":"([^"]+)","type":"\w+","version":\d+\}\]\}$/;
/** Digits of a versionstamp. */
const stampDigits = 20;
const decoder = new TextDecoder();

interface Row {
  readonly place: bigint;
  readonly timeMs: number;
}

/** Whether there is an event at the position. */
export async function isInLog(kv: Deno.Kv, position: string): Promise<boolean> {
  const { epoch, versionstamp, index } = parsePosition(position)!;
  const entry = await kv.get<Uint8Array>(keys.log(epoch, versionstamp), { consistency: "strong" });
  return entry.value !== null && index < decodeRow(entry.value).events.length;
}

/** The recorded time of the event at the position. */
export async function recordedMs(kv: Deno.Kv, position: string): Promise<number> {
  const { epoch, versionstamp } = parsePosition(position)!;
  const rows = await rowsBefore(kv, [...keys.log(epoch, versionstamp), ""], rowsOutOfOrderMax);
  return Math.max(0, ...rows.map(({ timeMs }) => timeMs));
}

/** The last event that was recorded at the instant or before; `isEnd`: it is the last there is. */
export async function lastRecordedBy(
  kv: Deno.Kv,
  atMs: number,
): Promise<LogCursor & { readonly isEnd: boolean }> {
  const prefix = keys.logsPrefix();
  let later = await firstLaterRow(kv, atMs);
  // Rows that tell a later time may stand before one that does not.
  for (;;) {
    const before = await rowsBefore(kv, later && keyAt(later.place), rowsOutOfOrderMax);
    const earliest = before.filter(({ timeMs }) => timeMs > atMs).at(-1);
    if (!earliest) break;
    later = earliest;
  }
  const selector = later ? { prefix, end: keyAt(later.place) } : { prefix };
  const isEnd = later === null;
  for await (const entry of kv.list<Uint8Array>(selector, { reverse: true, limit: 1 })) {
    const { epoch, versionstamp } = placeOf(entry.key);
    const last = decodeRow(entry.value).events.length - 1;
    return { position: formatPosition(epoch, versionstamp, last), timeMs: atMs, isEnd };
  }
  return { position: logStart, timeMs: atMs, isEnd };
}

/**
 * A row that tells a later time, with one before it that does not: found by halves, because a place in
 * the log is a number. Null where the last row does not.
 */
async function firstLaterRow(kv: Deno.Kv, atMs: number): Promise<Row | null> {
  const prefix = keys.logsPrefix();
  const [last] = await rowsBefore(kv, null, 1);
  if (!last || last.timeMs <= atMs) return null;
  const first = await rowIn(kv, { prefix });
  if (!first || first.timeMs > atMs) return first;
  let low = first.place;
  let later = last;
  // No row stands from here to `later`.
  let high = last.place;
  while (high - low > 1n) {
    const middle = (low + high) / 2n;
    const row = await rowIn(kv, { start: keyAt(middle), end: keyAt(high) });
    if (!row) high = middle;
    else if (row.timeMs <= atMs) low = row.place;
    else {
      later = row;
      // None stands between the middle and this one.
      high = middle;
    }
  }
  return later;
}

/** The first row of the selection. */
async function rowIn(kv: Deno.Kv, selector: Deno.KvListSelector): Promise<Row | null> {
  const entries = kv.list<Uint8Array>(selector, { limit: 1, consistency: "strong" });
  for await (const entry of entries) return rowOf(entry);
  return null;
}

/** The last rows before the key, the latest first; null: before the end of the log. */
async function rowsBefore(kv: Deno.Kv, end: Deno.KvKey | null, limit: number): Promise<Row[]> {
  const prefix = keys.logsPrefix();
  const rows: Row[] = [];
  const selector = end ? { prefix, end } : { prefix };
  const options = { reverse: true, limit, consistency: "strong" } as const;
  for await (const entry of kv.list<Uint8Array>(selector, options)) rows.push(rowOf(entry));
  return rows;
}

function rowOf({ key, value }: Deno.KvEntry<Uint8Array>): Row {
  const { epoch, versionstamp } = placeOf(key);
  const place = (BigInt(epoch) << BigInt(4 * stampDigits)) + BigInt(`0x${versionstamp}`);
  return { place, timeMs: rowTimeMs(value) };
}

/** All events of a row have one time. It is read from the row's end: the rest need not be decoded. */
function rowTimeMs(bytes: Uint8Array): number {
  const told = rowEnd.exec(decoder.decode(bytes.subarray(-rowEndBytes)))?.[1];
  return Date.parse(told ?? decodeRow(bytes).events.at(-1)!.time);
}

function placeOf(key: Deno.KvKey): { epoch: number; versionstamp: string } {
  const [epoch, versionstamp] = key.slice(-2) as [number, string];
  return { epoch, versionstamp };
}

function keyAt(place: bigint): Deno.KvKey {
  const versionstamp = BigInt.asUintN(4 * stampDigits, place).toString(16);
  const epoch = Number(place >> BigInt(4 * stampDigits));
  return keys.log(epoch, versionstamp.padStart(stampDigits, "0"));
}
