/** The history in an export: the files as its manifest names them, each held against its checksum. */
import { sha256Hex } from "../../event_store/mod.ts";
import { ByteReader, LineCutOffError } from "../export/byte_reader.ts";
import {
  bodyBytesMax,
  bodyNamed,
  exportFiles,
  type Manifest,
  parseManifest,
  type Segment,
  segmentNames,
} from "../export/export_format.ts";
import type { ExportFiles } from "../export/export_folder.ts";
import type { Findings } from "../findings.ts";
import { type Tile, tileBytes, tilePath, tilesAt } from "../tlog/mod.ts";
import {
  type HistorySource,
  type SourceClaim,
  type SourceEvent,
  SourceUnreadableError,
} from "./history_source.ts";

/** What names a line's body is within this. */
const lineStartBytes = 1_000;
/** Of checkpoint and key. */
const noteBytesMax = 64 * 1024;
const manifestBytesMax = 256 * 1024 * 1024;
const decoder = new TextDecoder("utf-8", { ignoreBOM: true });

export class FolderSource implements HistorySource {
  private constructor(
    readonly files: ExportFiles,
    readonly manifest: Manifest,
    readonly isIntact: boolean,
  ) {}

  /** Throws a `SourceUnreadableError` where there is no manifest that says what to read. */
  static async open(files: ExportFiles): Promise<FolderSource> {
    const name = exportFiles.manifest;
    const bytes = await whole(files, name, manifestBytesMax);
    if (!bytes) {
      throw new SourceUnreadableError(
        `there is no ${name}: this is no export, or it was not finished; run the export again`,
      );
    }
    try {
      const { manifest, isIntact } = parseManifest(decoder.decode(bytes));
      return new FolderSource(files, manifest, isIntact);
    } catch (error) {
      throw new SourceUnreadableError(`${name} is altered: ${(error as Error).message}`);
    }
  }

  checkpoint(): Promise<string> {
    return this.#text(exportFiles.checkpoint);
  }

  key(): Promise<string> {
    return this.#text(exportFiles.key);
  }

  async *events(size: number, findings: Findings): AsyncGenerator<SourceEvent> {
    const { segments, checkpointSize, linesPerSegment } = this.manifest;
    const fault = (text: string) => findings.fault(`${exportFiles.manifest} ${text}`);
    if (!this.isIntact) fault("is altered: it has another SHA-256 than it says");
    if (checkpointSize !== size) {
      fault(`speaks of ${checkpointSize} events, the checkpoint of ${size}`);
    }
    let first = 0;
    for (const [number, segment] of segments.entries()) {
      const names = segmentNames(number);
      const isLast = number === segments.length - 1;
      const fits = segment.firstLeaf === first && segment.events === names.events &&
        segment.bodies === names.bodies && (isLast || segment.count === linesPerSegment);
      if (!fits) fault(`does not describe segment ${number} as it has to be`);
      first += segment.count;
      yield* this.#segment(segment, findings);
    }
  }

  tile(tile: Tile): Promise<Uint8Array | null> {
    return whole(this.files, exportFiles.tiles + tilePath(tile), tileBytes);
  }

  async *claims(
    _position: string,
    _campaignIds: Iterable<string>,
    findings: Findings,
  ): AsyncGenerator<SourceClaim> {
    const name = exportFiles.claims;
    const { count, sha256 } = this.manifest.claims;
    const reader = await this.#reader(name, findings);
    if (!reader) return;
    let number = 0;
    try {
      for await (const { line, where } of lines(reader, name, findings)) {
        number++;
        yield { line: decoder.decode(line), where };
      }
      if (number !== count) {
        findings.fault(`${name} has ${number} lines, but should have ${count}`);
      }
      await checkSum(reader, name, sha256, findings);
    } finally {
      await reader.close();
    }
  }

  whereOf(leaf: number): string {
    const segment = this.manifest.segments.findLast(({ firstLeaf }) => firstLeaf <= leaf);
    return segment
      ? `${segment.events} line ${leaf - segment.firstLeaf + 1}`
      : `event ${leaf} of the log`;
  }

  async finish(size: number, findings: Findings): Promise<void> {
    const { checkpointSha256, keySha256, segments } = this.manifest;
    for (
      const [name, sha256] of [
        [exportFiles.checkpoint, checkpointSha256],
        [exportFiles.key, keySha256],
      ] as const
    ) {
      const bytes = await whole(this.files, name, noteBytesMax);
      if (!bytes) findings.fault(`${name} is missing`);
      else if (sha256Hex(bytes) !== sha256) faultOfSum(name, findings);
    }
    const known = new Set<string>([
      exportFiles.manifest,
      exportFiles.checkpoint,
      exportFiles.key,
      exportFiles.claims,
      ...segments.flatMap(({ events, bodies }) => [events, bodies]),
    ]);
    for (const tile of tilesAt(size)) known.add(exportFiles.tiles + tilePath(tile));
    for await (const name of this.files.list()) {
      if (known.has(name)) continue;
      if (/\.ndjson$|^bodies-|^tile\//.test(name)) {
        findings.fault(`${name} is no part of this export`);
      } else findings.note(`${name} is no part of this export`);
    }
  }

  async *#segment(segment: Segment, findings: Findings): AsyncGenerator<SourceEvent> {
    const events = await this.#reader(segment.events, findings);
    const bodies = await this.#reader(segment.bodies, findings);
    try {
      if (events && bodies) yield* readSegment(segment, events, bodies, findings);
    } finally {
      await events?.close();
      await bodies?.close();
    }
  }

  async #reader(name: string, findings: Findings): Promise<ByteReader | null> {
    const parts = await this.files.open(name);
    if (!parts) findings.fault(`${name} is missing`);
    return parts && new ByteReader(parts);
  }

  async #text(name: string): Promise<string> {
    const bytes = await whole(this.files, name, noteBytesMax);
    if (!bytes) throw new SourceUnreadableError(`${name} is missing`);
    return decoder.decode(bytes);
  }
}

async function* readSegment(
  segment: Segment,
  events: ByteReader,
  bodies: ByteReader,
  findings: Findings,
): AsyncGenerator<SourceEvent> {
  let number = 0;
  for await (const { line, where } of lines(events, segment.events, findings)) {
    number++;
    if (number === segment.count + 1) findings.fault(`${where} is one too many`);
    const named = bodyNamed(decoder.decode(line.subarray(0, lineStartBytes)));
    const isTaken = named && named.bytes <= bodyBytesMax;
    yield { line, where, body: isTaken ? await bodies.take(named.bytes) : null };
  }
  if (number < segment.count) {
    findings.fault(
      `${segment.events} ends after line ${number}, but should have ${segment.count} lines`,
    );
  }
  const rest = await bodies.drain();
  if (rest > 0) findings.fault(`${segment.bodies} holds ${rest} bytes more than its events name`);
  await checkSum(events, segment.events, segment.eventsSha256, findings);
  await checkSum(bodies, segment.bodies, segment.bodiesSha256, findings);
}

async function* lines(
  reader: ByteReader,
  name: string,
  findings: Findings,
): AsyncGenerator<{ line: Uint8Array; where: string }> {
  for (let number = 1;; number++) {
    const where = `${name} line ${number}`;
    try {
      const line = await reader.line();
      if (line === null) return;
      yield { line, where };
    } catch (error) {
      if (!(error instanceof LineCutOffError)) throw error;
      return findings.fault(`${where} ${error.message}`);
    }
  }
}

async function checkSum(
  reader: ByteReader,
  name: string,
  sha256: string,
  findings: Findings,
): Promise<void> {
  await reader.drain();
  if (reader.sha256() !== sha256) faultOfSum(name, findings);
}

function faultOfSum(name: string, findings: Findings): void {
  findings.fault(`${name} has another SHA-256 than ${exportFiles.manifest} says`);
}

/** Null where there is no such file; of a longer one, its beginning and one byte more. */
async function whole(
  files: ExportFiles,
  name: string,
  bytesMax: number,
): Promise<Uint8Array | null> {
  const parts = await files.open(name);
  if (!parts) return null;
  const found: Uint8Array[] = [];
  let length = 0;
  for await (const part of parts) {
    found.push(part);
    length += part.length;
    if (length > bytesMax) break;
  }
  const bytes = new Uint8Array(length);
  let at = 0;
  for (const part of found) {
    bytes.set(part, at);
    at += part.length;
  }
  return bytes;
}
