/** Exports in memory: that of a store, and those that somebody makes who alters it and hides that. */
import type { StoredEvent } from "../../events/recorded_event.ts";
import {
  bodyNamed,
  claimLine,
  exportFiles,
  manifestText,
  type Segment,
  segmentNames,
} from "../../src/audit/export/export_format.ts";
import type { ExportFiles } from "../../src/audit/mod.ts";
import {
  GrowingTree,
  leafHash,
  signCheckpoint,
  type Signer,
  signerOf,
  tilePath,
  tilesAt,
  tileWidth,
  verifierKey,
} from "../../src/audit/tlog/mod.ts";
import { FolderSource, verifyHistory, type VerifyReport } from "../../src/audit/verify/mod.ts";
import { LineCheck } from "../../src/audit/verify/line_check.ts";
import { Findings } from "../../src/audit/findings.ts";
import { type ColdStore, Recomputed } from "../../src/audit/verify/recomputed.ts";
import {
  decodeRow,
  eventHash,
  eventLine,
  formatPosition,
  joinedBytes,
  keys,
  logStart,
  sha256Hex,
} from "../../src/event_store/mod.ts";
import type { TestServer } from "../support/server.ts";

export interface HistoryEvent {
  readonly position: string;
  readonly stored: StoredEvent;
  readonly body: Uint8Array | null;
}

export interface History {
  readonly events: readonly HistoryEvent[];
  /** Lines. */
  readonly claims: readonly string[];
}

export type ExportedFiles = Map<string, Uint8Array<ArrayBuffer>>;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

const origin = "placard.log/0123456789abcdef";
export const signer = signerOf(origin, new Uint8Array(32).fill(1));
export const strangerSigner = signerOf(origin, new Uint8Array(32).fill(2));

/** Everything in the server's store, with what it says of its campaigns. */
export async function historyOf(server: TestServer): Promise<History> {
  const { kv } = server;
  const events: HistoryEvent[] = [];
  const campaignIds: string[] = [];
  await server.end();
  for await (const { key, value } of kv.list<Uint8Array>({ prefix: keys.logsPrefix() })) {
    const [epoch, versionstamp] = key.slice(-2) as [number, string];
    for (const [index, stored] of decodeRow(value).events.entries()) {
      const parts: Uint8Array[] = [];
      for (let part = 0; part < (stored.body?.parts ?? 0); part++) {
        parts.push((await kv.get<Uint8Array>(keys.body(stored.body!.ref, part))).value!);
      }
      const position = formatPosition(epoch, versionstamp, index);
      events.push({ position, stored, body: stored.body ? joinedBytes(parts) : null });
      if (stored.type === "campaign_created") campaignIds.push(stored.stream.split("/")[1]!);
    }
  }
  const claims: string[] = [];
  for (const campaignId of campaignIds) {
    const [status, kpi] = await Promise.all(["status", "kpi"].map(async (what) => {
      const answer = await server.request("GET", `/v1/campaigns/${campaignId}/${what}`);
      return answer.status === 404 ? null : answer.json;
    }));
    claims.push(claimLine({ campaignId, status, kpi }));
  }
  return { events, claims };
}

export function exportOf(
  { events, claims }: History,
  by: Signer = signer,
  linesPerSegment = 500,
): ExportedFiles {
  const lines = events.map(({ position, stored }) => eventLine(position, stored));
  const files: ExportedFiles = new Map();
  const segments: Segment[] = [];
  for (let first = 0; first < lines.length; first += linesPerSegment) {
    const names = segmentNames(segments.length);
    const some = lines.slice(first, first + linesPerSegment);
    const bodies = joinedBytes(
      events.slice(first, first + linesPerSegment).flatMap(({ body }) => body ?? []),
    );
    files.set(names.events, encoder.encode(some.map((line) => `${line}\n`).join("")));
    files.set(names.bodies, bodies);
    segments.push({
      ...names,
      firstLeaf: first,
      count: some.length,
      eventsSha256: sha256Hex(files.get(names.events)!),
      bodiesSha256: sha256Hex(bodies),
    });
  }
  const full = new Map<string, Uint8Array>();
  const tree = new GrowingTree((level, index, bytes) =>
    full.set(tilePath({ level, index, width: tileWidth }), bytes)
  );
  for (const line of lines) tree.append(leafHash(line));
  for (const tile of tilesAt(lines.length)) {
    const path = tilePath(tile);
    files.set(`tile/${path}`, new Uint8Array(full.get(path) ?? tree.partial(tile.level as number)));
  }
  files.set(exportFiles.claims, encoder.encode(claims.map((line) => `${line}\n`).join("")));
  files.set(exportFiles.checkpoint, encoder.encode(checkpointOf(events, lines.length, by)));
  files.set(exportFiles.key, encoder.encode(`${verifierKey(by)}\n`));
  const sum = (name: string) => sha256Hex(files.get(name)!);
  const manifest = manifestText({
    format: 1,
    source: "https://messages.example",
    checkpointSize: lines.length,
    position: events.at(-1)?.position ?? logStart,
    linesPerSegment,
    segments,
    claims: { count: claims.length, sha256: sum(exportFiles.claims) },
    checkpointSha256: sum(exportFiles.checkpoint),
    keySha256: sum(exportFiles.key),
  });
  files.set(exportFiles.manifest, encoder.encode(manifest));
  return files;
}

/** The checkpoint of the first `size` events. */
export function checkpointOf(
  events: readonly HistoryEvent[],
  size: number,
  by: Signer = signer,
): string {
  const tree = new GrowingTree();
  for (const { position, stored } of events.slice(0, size)) {
    tree.append(leafHash(eventLine(position, stored)));
  }
  return signCheckpoint({ origin: by.name, size, root: tree.root() }, by);
}

/** Numbers, chains and claims made anew over altered events: nothing in there contradicts itself. */
export async function forged(altered: readonly HistoryEvent[]): Promise<History> {
  const heads = new Map<string, { version: number; hash: string }>();
  const events = altered.map(({ position, stored, body }) => {
    const head = heads.get(stored.stream) ?? { version: 0, hash: "" };
    const next = { ...stored, version: head.version + 1 };
    const hash = eventHash(next, head.hash);
    heads.set(stored.stream, { version: next.version, hash });
    return { position, stored: { ...next, hash }, body };
  });
  const recomputed = new Recomputed(memoryRows());
  const check = new LineCheck(new Findings());
  for (const { position, stored, body } of events) {
    recomputed.fold(check.check(encoder.encode(eventLine(position, stored)), "")!, body);
  }
  const claims: string[] = [];
  for (const id of recomputed.campaignIds()) claims.push((await recomputed.claim(id))!);
  return { events, claims };
}

export function filesOf(files: ExportedFiles): ExportFiles {
  return {
    open: (name) => {
      const bytes = files.get(name);
      return Promise.resolve(bytes ? pieces(bytes) : null);
    },
    list: async function* () {
      yield* files.keys();
    },
  };
}

export interface Trust {
  readonly since?: string;
  readonly key?: string;
  readonly faultsMax?: number;
}

/** The report; of an export that cannot be read, one with that fault. */
export async function verified(files: ExportedFiles, trust: Trust = {}): Promise<VerifyReport> {
  try {
    const source = await FolderSource.open(filesOf(files));
    return await verifyHistory({ source, cold: memoryRows(), ...trust });
  } catch (error) {
    const faults = [(error as Error).message];
    if ((error as Error).name !== "SourceUnreadableError") throw error;
    return { checkpoint: null, counts: {}, faultCount: 1, faults, notes: [] };
  }
}

/** Which line of which file a byte of a file of events is in. */
export function lineAt(files: ExportedFiles, name: string, at: number): string {
  const before = decoder.decode(files.get(name)!.subarray(0, at));
  return `${name} line ${before.split("\n").length}`;
}

/** The line whose body has this byte of a file of bodies. */
export function lineOfBody(files: ExportedFiles, name: string, at: number): string {
  const events = name.replace("bodies", "events").replace(".bin", ".ndjson");
  let end = 0;
  for (const [index, line] of decoder.decode(files.get(events)!).split("\n").entries()) {
    end += bodyNamed(line)?.bytes ?? 0;
    if (at < end) return `${events} line ${index + 1}`;
  }
  throw new RangeError(`${name} has no byte ${at}`);
}

export function memoryRows(): ColdStore {
  const stored = new Map<string, Uint8Array>();
  return {
    write: (rows) => rows.forEach(({ key, bytes }) => stored.set(key, bytes)),
    read: (wanted) => Promise.resolve(new Map(wanted.map((key) => [key, stored.get(key)!]))),
  };
}

/** As a disk gives them, only smaller. */
async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let from = 0, size = 1_000; from < bytes.length; from += size, size = size * 3 % 17_011) {
    await Promise.resolve();
    yield bytes.slice(from, from + size);
  }
}
