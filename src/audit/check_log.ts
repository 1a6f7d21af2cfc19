/** Checks the log by itself: rows, events, the streams' versions and hash chains, bodies. */
import { decodeChunk, type DecodedChunk } from "../../events/interaction_chunk.ts";
import { decodeMemberChanges, type MemberChange } from "../../events/member_changes.ts";
import { type SubjectKind, subjectKinds } from "../../events/profile_events.ts";
import type { StoredEvent } from "../../events/recorded_event.ts";
import {
  canonicalJson,
  decodeRow,
  eventHash,
  formatPosition,
  getManyKeysMax,
  joinedBytes,
  keys,
  type LogRow,
  retried,
  sha256Hex,
} from "../event_store/mod.ts";
import { eventFault } from "./event_schemas.ts";
import { entriesUnder, type Findings } from "./findings.ts";
import { isBesideTip, ProfilesSeen } from "./profiles_seen.ts";

export interface RowSeen {
  readonly commitId: string;
  readonly count: number;
  /** Whether it is a commit of commands, which moves the tip. */
  readonly moves: boolean;
}

/** What the log says of a snapshot that stands beside it. */
export interface FrozenSeen {
  readonly size: number | null;
  readonly digest: string | null;
  readonly position: string;
}

/** What is remembered of the log, for whatever refers to it. */
export interface LogSeen {
  /** By `EPOCH VERSIONSTAMP`. */
  readonly rows: Map<string, RowSeen>;
  /** Place of a row by its commit's id. */
  readonly placeByCommit: Map<string, { epoch: number; versionstamp: string }>;
  /** How many parts each body has. */
  readonly bodyParts: Map<string, number>;
  /** The highest number that a chunk names, and where. */
  readonly highest: Record<SubjectKind, { number: number; where: string }>;
  readonly profiles: ProfilesSeen;
  /** Of campaigns, by their ids, as they were frozen. */
  readonly snapshots: Map<string, FrozenSeen>;
  /** Of the last row; the position is that of its last event. */
  last?: { readonly versionstamp: string; readonly position: string };
}

/** Nothing is stored of this one: it has everybody. */
const everybodyId = "all";
const decoder = new TextDecoder();

export async function checkLog(kv: Deno.Kv, findings: Findings): Promise<LogSeen> {
  const seen: LogSeen = {
    rows: new Map(),
    placeByCommit: new Map(),
    bodyParts: new Map(),
    highest: { device: { number: 0, where: "" }, user: { number: 0, where: "" } },
    profiles: new ProfilesSeen(),
    snapshots: new Map(),
  };
  const heads = new Map<string, { version: number; hash: string }>();
  for await (const entry of entriesUnder(kv, keys.logsPrefix(), findings.pacing)) {
    const { epoch, versionstamp } = placeOf(entry.key);
    const where = `row ${versionstamp} of the log`;
    findings.count("rows");
    seen.last = { versionstamp, position: formatPosition(epoch, versionstamp, 0) };
    const row = decoded(entry.value, where, findings);
    if (!row) continue;
    const moves = row.events.some((event) => !isBesideTip(event));
    const { commitId } = row;
    seen.rows.set(rowKey(epoch, versionstamp), { commitId, count: row.events.length, moves });
    if (seen.placeByCommit.has(commitId)) findings.fault(`${where}: commit ${commitId} twice`);
    seen.placeByCommit.set(commitId, { epoch, versionstamp });
    for (const [index, stored] of row.events.entries()) {
      seen.last = { versionstamp, position: formatPosition(epoch, versionstamp, index) };
      findings.count("events");
      const place = `event ${index} of ${where}`;
      const fault = eventFault(stored);
      if (fault) findings.fault(`${place} ${fault}`);
      checkChain(stored, heads, place, findings);
      if (stored.body) await checkBody(kv, stored, place, seen, findings);
      if (!fault && stored.type === "person_forgotten") {
        const { kind, number } = stored.data as { kind: SubjectKind; number: number };
        seen.profiles.forget({ kind, number });
        noteHighest(kind, number, place, seen);
      }
      if (!fault && stored.type === "audience_frozen") {
        const { snapshotId, size, digest } = stored.data as FrozenSeen & { snapshotId: string };
        const position = formatPosition(epoch, versionstamp, index);
        if (snapshotId !== everybodyId) seen.snapshots.set(snapshotId, { size, digest, position });
      }
    }
  }
  findings.count("streams", heads.size);
  return seen;
}

export function rowKey(epoch: number, versionstamp: string): string {
  return `${epoch} ${versionstamp}`;
}

/** The row at a place, also one that was appended after the log was read; null: there is none. */
export async function rowAt(
  kv: Deno.Kv,
  seen: LogSeen,
  epoch: number,
  versionstamp: string,
): Promise<RowSeen | null> {
  const known = seen.rows.get(rowKey(epoch, versionstamp));
  if (known) return known;
  const entry = await retried(() => kv.get<Uint8Array>(keys.log(epoch, versionstamp)));
  if (entry.value === null) return null;
  try {
    const { commitId, events } = decodeRow(entry.value);
    const moves = events.some((event) => !isBesideTip(event));
    return { commitId, count: events.length, moves };
  } catch {
    return null;
  }
}

function placeOf(key: Deno.KvKey): { epoch: number; versionstamp: string } {
  return { epoch: Number(key[key.length - 2]), versionstamp: String(key[key.length - 1]) };
}

function decoded(value: unknown, where: string, findings: Findings): LogRow | null {
  let row: LogRow;
  try {
    row = decodeRow(value as Uint8Array);
    const text = decoder.decode(value as Uint8Array);
    if (canonicalJson(JSON.parse(text)) !== text) {
      findings.fault(`${where} is not canonical JSON`);
    }
  } catch (error) {
    findings.fault(`${where} cannot be decoded: ${(error as Error).message}`);
    return null;
  }
  if (row.events.length === 0) findings.fault(`${where} has no events`);
  return row;
}

/** After a fault the chain is followed from the event as it stands: one fault is named once. */
function checkChain(
  stored: StoredEvent,
  heads: Map<string, { version: number; hash: string }>,
  place: string,
  findings: Findings,
): void {
  const { stream, version, hash } = stored;
  const head = heads.get(stream) ?? { version: 0, hash: "" };
  if (version !== head.version + 1) {
    findings.fault(`${place}: ${stream} goes from version ${head.version} to ${version}`);
  } else if (hashOf(stored, head.hash) !== hash) {
    findings.fault(`${place}: the hash of ${stream} version ${version} does not fit`);
  }
  heads.set(stream, { version, hash });
}

function hashOf(stored: StoredEvent, previousHash: string): string | null {
  try {
    return eventHash(stored, previousHash);
  } catch {
    // It has no canonical JSON.
    return null;
  }
}

async function checkBody(
  kv: Deno.Kv,
  { body, data, type }: StoredEvent,
  place: string,
  seen: LogSeen,
  findings: Findings,
): Promise<void> {
  const { ref, parts, bytes, sha256 } = body!;
  findings.count("bodies");
  seen.bodyParts.set(ref, parts);
  const whole = await readParts(kv, ref, parts);
  if (typeof whole === "number") {
    findings.fault(`${place}: body ${ref} lacks part ${whole} of ${parts}`);
    return;
  }
  if (whole.length !== bytes) {
    findings.fault(`${place}: body ${ref} has ${whole.length} bytes, not ${bytes}`);
    return;
  }
  if (sha256Hex(whole) !== sha256) {
    findings.fault(`${place}: body ${ref} has another SHA-256`);
    return;
  }
  if (type === "members_changed") {
    checkMembers(whole, (data as { count: number }).count, `${place}, body ${ref}`, seen, findings);
  }
  if (type === "profiles_changed") {
    checkChanges(whole, (data as { count: number }).count, `${place}, body ${ref}`, seen, findings);
  }
  if (type !== "interactions_recorded") return;
  let chunk: DecodedChunk;
  try {
    chunk = decodeChunk(whole);
  } catch (error) {
    findings.fault(`${place}: the chunk ${ref} cannot be decoded: ${(error as Error).message}`);
    return;
  }
  const { count } = data as { count: number };
  if (chunk.count !== count) {
    findings.fault(`${place}: the chunk ${ref} has ${chunk.count} interactions, not ${count}`);
  }
  findings.count("interactions", chunk.count);
  noteNumbers(chunk, `${place}, chunk ${ref}`, seen, findings);
}

function checkMembers(
  body: Uint8Array,
  count: number,
  where: string,
  seen: LogSeen,
  findings: Findings,
): void {
  let changes: MemberChange[];
  try {
    changes = decodeMemberChanges(body);
  } catch (error) {
    findings.fault(`${where}: the members cannot be decoded: ${(error as Error).message}`);
    return;
  }
  if (changes.length !== count) {
    findings.fault(`${where}: there are ${changes.length} changes of members, not ${count}`);
  }
  findings.count("changes of members", changes.length);
  for (const { kind, number } of changes) {
    if (number > seen.highest[kind].number) seen.highest[kind] = { number, where };
  }
}

function noteNumbers(chunk: DecodedChunk, where: string, seen: LogSeen, findings: Findings): void {
  for (let index = 0; index < chunk.count; index++) {
    if (chunk.device[index] === 0) findings.fault(`${where}: interaction ${index} has no device`);
    for (const kind of subjectKinds) {
      noteHighest(kind, chunk[kind][index]!, where, seen);
    }
  }
}

function noteHighest(kind: SubjectKind, number: number, where: string, seen: LogSeen): void {
  if (number > seen.highest[kind].number) seen.highest[kind] = { number, where };
}

function checkChanges(
  body: Uint8Array,
  told: number,
  where: string,
  seen: LogSeen,
  findings: Findings,
): void {
  try {
    const { count, highest } = seen.profiles.change(body);
    if (count !== told) findings.fault(`${where} has ${count} profiles, not ${told}`);
    for (const kind of subjectKinds) noteHighest(kind, highest[kind], where, seen);
  } catch (error) {
    findings.fault(`${where} cannot be decoded: ${(error as Error).message}`);
  }
}

/** The bytes, or the number of the first part that is missing. */
async function readParts(
  kv: Deno.Kv,
  ref: string,
  parts: number,
): Promise<Uint8Array | number> {
  const values: Uint8Array[] = [];
  for (let first = 0; first < parts; first += getManyKeysMax) {
    const wanted = Array.from(
      { length: Math.min(getManyKeysMax, parts - first) },
      (_, offset) => keys.body(ref, first + offset),
    );
    const entries = await retried(() => kv.getMany<unknown[]>(wanted, { consistency: "strong" }));
    for (const { value } of entries) {
      if (!(value instanceof Uint8Array)) return values.length;
      values.push(value);
    }
  }
  return joinedBytes(values);
}
