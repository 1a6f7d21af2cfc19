/**
 * Takes the history of a server into a folder, up to the server's checkpoint. What an earlier run has
 * finished is checked and kept, so that an export that was cut off, or is to be brought up to date, takes
 * only what is new.
 */
import { campaignStreamPrefix } from "../../../events/campaign_events.ts";
import { logStart } from "../../event_store/mod.ts";
import { parseCheckpoint, parseTilePath, tilePath, tilesAt } from "../tlog/mod.ts";
import { ByteReader } from "./byte_reader.ts";
import { ExportFolder, type FileWriter } from "./export_folder.ts";
import {
  exportFiles,
  linesPerSegmentDefault,
  type Manifest,
  manifestText,
  parseManifest,
  positionOf,
  type Segment,
  segmentNames,
} from "./export_format.ts";
import type { HistoryClient } from "./history_client.ts";
import { serverClaim } from "./server_claims.ts";

export interface ExportOptions {
  readonly client: HistoryClient;
  readonly folder: ExportFolder;
  readonly linesPerSegment?: number;
  onProgress?(progress: { doing: ExportStep; done: number; of: number }): void;
}

export type ExportStep = "events" | "tiles" | "claims";

export interface Exported {
  readonly manifest: Manifest;
  /** Events that an earlier run had taken. */
  readonly keptCount: number;
}

/** The folder holds something that cannot be gone on with. */
export class ExportRefusedError extends Error {
  override readonly name = "ExportRefusedError";
}

/** What is finished of an export that is not: the manifest so far. */
const unfinishedName = "unfinished.json";
const newline = new Uint8Array([10]);
const progressEvery = 1_000;
/** Each is two questions about the past. */
const claimsProgressEvery = 100;
const claimsAtATime = 4;
const decoder = new TextDecoder();
const noSum = "0".repeat(64);

export async function exportHistory(options: ExportOptions): Promise<Exported> {
  const { client, folder } = options;
  const { note, key } = await client.signed();
  const { size } = parseCheckpoint(note);
  const perSegment = options.linesPerSegment ?? linesPerSegmentDefault;
  const taken = await Taken.of(folder, perSegment);
  if (taken.count > size) {
    throw new ExportRefusedError(
      `the folder holds ${taken.count} events, the checkpoint of the server speaks of ${size}: ` +
        "it is another server's, or an older database was restored; take an empty folder",
    );
  }
  const begun: Manifest = {
    format: 1,
    source: client.url,
    checkpointSize: size,
    position: logStart,
    linesPerSegment: perSegment,
    segments: taken.segments,
    claims: { count: 0, sha256: noSum },
    checkpointSha256: noSum,
    keySha256: noSum,
  };
  // From here on the folder is no finished export.
  await folder.write(unfinishedName, manifestText(begun));
  await folder.remove(exportFiles.manifest);
  const keptCount = taken.count;
  await takeEvents(options, taken, begun);
  await takeTiles(options, size);
  const position = taken.position ?? logStart;
  const manifest: Manifest = {
    ...begun,
    position,
    segments: taken.segments,
    claims: await takeClaims(options, taken.campaignIds, position),
    checkpointSha256: await folder.write(exportFiles.checkpoint, note),
    keySha256: await folder.write(exportFiles.key, key),
  };
  await folder.write(exportFiles.manifest, manifestText(manifest));
  await folder.remove(unfinishedName);
  return { manifest, keptCount };
}

/** Whole segments that are in the folder, and what is to be known of them. */
class Taken {
  readonly segments: Segment[] = [];
  readonly campaignIds = new Set<string>();
  lastLine: Uint8Array | null = null;

  static async of(folder: ExportFolder, perSegment: number): Promise<Taken> {
    const taken = new Taken();
    for (const segment of await segmentsIn(folder)) {
      // The last one grows: it is taken anew.
      if (segment.count !== perSegment || !await taken.#keep(folder, segment)) break;
    }
    return taken;
  }

  get count(): number {
    return this.segments.reduce((sum, { count }) => sum + count, 0);
  }

  get position(): string | null {
    return this.lastLine && positionOf(decoder.decode(this.lastLine));
  }

  note(line: Uint8Array): void {
    this.lastLine = line;
    const text = decoder.decode(line);
    // Most lines need not be parsed for it.
    if (!text.includes('"type":"campaign_created"')) return;
    const { type, stream } = JSON.parse(text);
    if (type !== "campaign_created") return;
    this.campaignIds.add(stream.slice(campaignStreamPrefix.length));
  }

  /** False where its files are not what they were. */
  async #keep(folder: ExportFolder, segment: Segment): Promise<boolean> {
    const { events, bodies, count, eventsSha256, bodiesSha256, firstLeaf } = segment;
    if (firstLeaf !== this.count || events !== segmentNames(this.segments.length).events) {
      return false;
    }
    if (await sumOf(folder, bodies) !== bodiesSha256) return false;
    const lines: Uint8Array[] = [];
    const sha256 = await sumOf(folder, events, (line) => lines.push(line.slice()));
    if (sha256 !== eventsSha256 || lines.length !== count) return false;
    for (const line of lines) this.note(line);
    this.segments.push(segment);
    return true;
  }
}

/** As an earlier run has described them. */
async function segmentsIn(folder: ExportFolder): Promise<readonly Segment[]> {
  for (const name of [exportFiles.manifest, unfinishedName]) {
    const parts = await folder.open(name);
    if (!parts) continue;
    let text = "";
    for await (const part of parts) text += decoder.decode(part, { stream: true });
    try {
      const { manifest, isIntact } = parseManifest(text + decoder.decode());
      if (isIntact) return manifest.segments;
    } catch { /* No more than an altered one. */ }
    // It cannot be relied on: all is taken anew.
    return [];
  }
  return [];
}

async function sumOf(
  folder: ExportFolder,
  name: string,
  onLine?: (line: Uint8Array) => void,
): Promise<string | null> {
  const parts = await folder.open(name);
  if (!parts) return null;
  const reader = new ByteReader(parts);
  try {
    if (onLine) { for (let line; (line = await reader.line());) onLine(line); }
    await reader.drain();
    return reader.sha256();
  } catch {
    return null;
  } finally {
    await reader.close();
  }
}

async function takeEvents(
  { client, folder, onProgress }: ExportOptions,
  taken: Taken,
  begun: Manifest,
): Promise<void> {
  const size = begun.checkpointSize;
  let done = taken.count;
  let segment: SegmentWriter | null = null;
  try {
    for await (const { line, body } of client.events(taken.lastLine, size - done)) {
      segment ??= await SegmentWriter.create(folder, taken.segments.length, done);
      await segment.add(line, body);
      taken.note(line);
      if (++done % progressEvery === 0) onProgress?.({ doing: "events", done, of: size });
      if (segment.count < begun.linesPerSegment && done < size) continue;
      taken.segments.push(await segment.finish());
      segment = null;
      await folder.write(unfinishedName, manifestText({ ...begun, segments: taken.segments }));
    }
  } finally {
    await segment?.discard();
  }
  onProgress?.({ doing: "events", done, of: size });
}

class SegmentWriter {
  count = 0;

  private constructor(
    readonly names: Pick<Segment, "events" | "bodies">,
    readonly firstLeaf: number,
    readonly events: FileWriter,
    readonly bodies: FileWriter,
  ) {}

  static async create(folder: ExportFolder, number: number, first: number): Promise<SegmentWriter> {
    const names = segmentNames(number);
    const events = await folder.create(names.events);
    return new SegmentWriter(names, first, events, await folder.create(names.bodies));
  }

  async add(line: Uint8Array, body: Uint8Array | null): Promise<void> {
    await this.events.add(line);
    await this.events.add(newline);
    if (body) await this.bodies.add(body);
    this.count++;
  }

  async finish(): Promise<Segment> {
    const { names, firstLeaf, count } = this;
    const eventsSha256 = await this.events.finish();
    return { ...names, firstLeaf, count, eventsSha256, bodiesSha256: await this.bodies.finish() };
  }

  async discard(): Promise<void> {
    await this.events.discard();
    await this.bodies.discard();
  }
}

/** A tile never changes under its name, so one that is there is kept; others are of an older tree. */
async function takeTiles({ client, folder, onProgress }: ExportOptions, size: number) {
  const wanted = new Set([...tilesAt(size)].map(tilePath));
  const there = new Set<string>();
  for await (const name of folder.list()) {
    if (!name.startsWith(exportFiles.tiles)) continue;
    const path = name.slice(exportFiles.tiles.length);
    if (wanted.has(path) && parseTilePath(path)) there.add(path);
    else await folder.remove(name);
  }
  let done = 0;
  for (const path of wanted) {
    if (!there.has(path)) {
      const bytes = await client.bytes(`/v1/audit/${exportFiles.tiles}${path}`);
      if (!bytes) throw new ExportRefusedError(`the server has no tile ${path}`);
      await folder.write(exportFiles.tiles + path, bytes);
    }
    if (++done % progressEvery === 0) onProgress?.({ doing: "tiles", done, of: wanted.size });
  }
}

async function takeClaims(
  { client, folder, onProgress }: ExportOptions,
  campaignIds: ReadonlySet<string>,
  position: string,
): Promise<Manifest["claims"]> {
  const ids = [...campaignIds];
  const writer = await folder.create(exportFiles.claims);
  for (let first = 0; first < ids.length; first += claimsAtATime) {
    const some = ids.slice(first, first + claimsAtATime);
    const lines = await Promise.all(some.map((id) => serverClaim(client, id, position)));
    await writer.add(new TextEncoder().encode(lines.map((line) => `${line}\n`).join("")));
    const done = first + some.length;
    if (done % claimsProgressEvery < claimsAtATime) {
      onProgress?.({ doing: "claims", done, of: ids.length });
    }
  }
  return { count: ids.length, sha256: await writer.finish() };
}
