/**
 * Reads an export and checks it on the way: checksums, canonical lines, positions, versions, hash
 * chains, bodies. Whatever does not fit is refused, with the file and the line. A manifest:
 *
 * ```
 * {"format": 1, "source", "checkpointSize", "position", "segments": [
 *   {"events", "bodies", "firstLeaf", "count", "eventsSha256", "bodiesSha256"}]}
 * ```
 */
import { createHash } from "node:crypto";
import { z } from "zod";
import type { StoredEvent } from "../../events/recorded_event.ts";
import { canonicalJson, eventHash, parsePosition, sha256Hex } from "../event_store/mod.ts";
import { eventFault } from "./event_schemas.ts";

/** Something of the export is missing, cut off or altered. */
export class ExportFaultError extends Error {
  override readonly name = "ExportFaultError";
}

/** Where the files of an export are. */
export interface ImportFiles {
  /** Throws where there is none of that name. */
  open(name: string): Promise<AsyncIterable<Uint8Array>>;
}

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const fileName = z.string().regex(/^[\w-]+(\.[\w-]+)*$/);
const manifestSchema = z.looseObject({
  format: z.literal(1),
  checkpointSize: z.int().min(0),
  position: z.string(),
  segments: z.array(z.looseObject({
    events: fileName,
    bodies: fileName,
    firstLeaf: z.int().min(0),
    count: z.int().min(0),
    eventsSha256: sha256,
    bodiesSha256: sha256,
  })),
});

export type ExportManifest = z.infer<typeof manifestSchema>;
type Segment = ExportManifest["segments"][number];

/** A line of the export, with what it says. */
export interface ExportedEvent {
  readonly position: string;
  readonly stored: StoredEvent;
  readonly body: Uint8Array | null;
}

const manifestName = "manifest.json";
/** A line holds an event of a row, which is far smaller. */
const lineBytesMax = 1_000_000;
const decoder = new TextDecoder("utf-8", { fatal: true });

export async function readManifest(
  files: ImportFiles,
): Promise<{ manifest: ExportManifest; digest: string }> {
  const parts: Uint8Array[] = [];
  for await (const part of await opened(files, manifestName)) parts.push(part);
  const bytes = new Uint8Array(await new Blob(parts as BlobPart[]).arrayBuffer());
  try {
    const manifest = manifestSchema.parse(JSON.parse(decoder.decode(bytes)));
    return { manifest, digest: sha256Hex(bytes) };
  } catch (cause) {
    throw new ExportFaultError(`${manifestName} is not the manifest of an export: ${cause}`, {
      cause,
    });
  }
}

/** Every event in order. Throws `ExportFaultError` at what does not fit; nothing after it is given. */
export async function* readExport(
  files: ImportFiles,
  manifest: ExportManifest,
): AsyncGenerator<ExportedEvent> {
  const chain = new Chain();
  for (const segment of manifest.segments) {
    if (segment.firstLeaf !== chain.count) {
      throw new ExportFaultError(
        `${manifestName}: ${segment.events} begins with event ${segment.firstLeaf}, ` +
          `but ${chain.count} come before it`,
      );
    }
    yield* readSegment(files, segment, chain);
  }
  if (chain.count !== manifest.checkpointSize) {
    throw new ExportFaultError(
      `${manifestName} speaks of ${manifest.checkpointSize} events, the files hold ${chain.count}`,
    );
  }
  if (chain.count > 0 && chain.position !== manifest.position) {
    throw new ExportFaultError(
      `${manifestName} ends at ${manifest.position}, the last line is at ${chain.position}`,
    );
  }
}

async function* readSegment(
  files: ImportFiles,
  segment: Segment,
  chain: Chain,
): AsyncGenerator<ExportedEvent> {
  const events = await HashedFile.open(files, segment.events);
  const bodies = await HashedFile.open(files, segment.bodies);
  try {
    yield* readLines(events, bodies, segment, chain);
  } finally {
    await events.close();
    await bodies.close();
  }
}

async function* readLines(
  events: HashedFile,
  bodies: HashedFile,
  segment: Segment,
  chain: Chain,
): AsyncGenerator<ExportedEvent> {
  for (let number = 1;; number++) {
    const where = `${segment.events} line ${number}`;
    const line = await events.line(where);
    if (line === null) {
      if (number - 1 === segment.count) break;
      throw new ExportFaultError(
        `${segment.events} ends after line ${number - 1}, but should have ${segment.count} lines`,
      );
    }
    if (number > segment.count) throw new ExportFaultError(`${where} is one too many`);
    const { position, stored } = parsed(line, where);
    chain.add(position, stored, where);
    const body = stored.body ? await bodies.take(stored.body.bytes) : null;
    if (stored.body && (!body || sha256Hex(body) !== stored.body.sha256)) {
      throw new ExportFaultError(`${where}: its body in ${segment.bodies} is missing or altered`);
    }
    yield { position, stored, body };
  }
  if (await bodies.take(1)) {
    throw new ExportFaultError(`${segment.bodies} holds more than the bodies of its events`);
  }
  for (
    const [file, name, expected] of [
      [events, segment.events, segment.eventsSha256],
      [bodies, segment.bodies, segment.bodiesSha256],
    ] as const
  ) {
    if (file.sha256() !== expected) {
      throw new ExportFaultError(`${name} has another SHA-256 than ${manifestName} says`);
    }
  }
}

function parsed(line: Uint8Array, where: string): { position: string; stored: StoredEvent } {
  let text: string, value: unknown;
  try {
    text = decoder.decode(line);
    value = JSON.parse(text);
    if (canonicalJson(value) !== text) throw new Error("not canonical JSON");
  } catch (error) {
    throw new ExportFaultError(`${where} is no line of an export: ${(error as Error).message}`);
  }
  const { position, ...stored } = value as { position: string } & StoredEvent;
  if (typeof position !== "string" || !parsePosition(position)) {
    throw new ExportFaultError(`${where} has no position`);
  }
  const fault = eventFault(stored);
  if (fault) throw new ExportFaultError(`${where} ${fault}`);
  return { position, stored };
}

/** What must hold from line to line. */
class Chain {
  position = "";
  count = 0;
  readonly #heads = new Map<string, { version: number; hash: string }>();

  add(position: string, stored: StoredEvent, where: string): void {
    const { epoch, versionstamp, index } = parsePosition(position)!;
    const before = parsePosition(this.position);
    const isSameRow = before?.epoch === epoch && before.versionstamp === versionstamp;
    if (position <= this.position || index !== (isSameRow ? before.index + 1 : 0)) {
      throw new ExportFaultError(
        `${where}: the position ${position} cannot follow ${
          this.position || "the log's beginning"
        }`,
      );
    }
    const { stream, version, hash } = stored;
    const head = this.#heads.get(stream) ?? { version: 0, hash: "" };
    if (version !== head.version + 1) {
      throw new ExportFaultError(
        `${where}: ${stream} goes from version ${head.version} to ${version}`,
      );
    }
    if (eventHash(stored, head.hash) !== hash) {
      throw new ExportFaultError(`${where}: the hash of ${stream} version ${version} does not fit`);
    }
    this.#heads.set(stream, { version, hash });
    this.position = position;
    this.count++;
  }
}

/** A file that is read line by line or piece by piece, and hashed as it goes. */
class HashedFile {
  readonly #hash = createHash("sha256");
  readonly #parts: AsyncIterator<Uint8Array>;
  #rest: Uint8Array = new Uint8Array();

  private constructor(parts: AsyncIterable<Uint8Array>) {
    this.#parts = parts[Symbol.asyncIterator]();
  }

  static async open(files: ImportFiles, name: string): Promise<HashedFile> {
    return new HashedFile(await opened(files, name));
  }

  async close(): Promise<void> {
    await this.#parts.return?.();
  }

  sha256(): string {
    return this.#hash.digest("hex");
  }

  /** Without its newline; null at the end. */
  async line(where: string): Promise<Uint8Array | null> {
    for (let searched = 0;;) {
      const end = this.#rest.indexOf(10, searched);
      if (end >= 0) return this.#cut(end + 1).subarray(0, end);
      searched = this.#rest.length;
      if (searched > lineBytesMax) throw new ExportFaultError(`${where} is too long`);
      if (await this.#more()) continue;
      if (this.#rest.length === 0) return null;
      throw new ExportFaultError(`${where} is cut off`);
    }
  }

  /** Null where there are not as many bytes left. */
  async take(bytes: number): Promise<Uint8Array | null> {
    while (this.#rest.length < bytes) if (!await this.#more()) return null;
    return this.#cut(bytes);
  }

  #cut(bytes: number): Uint8Array {
    const piece = this.#rest.subarray(0, bytes);
    this.#rest = this.#rest.subarray(bytes);
    return piece;
  }

  async #more(): Promise<boolean> {
    const { done, value } = await this.#parts.next();
    if (done) return false;
    this.#hash.update(value);
    if (this.#rest.length === 0) this.#rest = value;
    else {
      const joined = new Uint8Array(this.#rest.length + value.length);
      joined.set(this.#rest);
      joined.set(value, this.#rest.length);
      this.#rest = joined;
    }
    return true;
  }
}

async function opened(files: ImportFiles, name: string): Promise<AsyncIterable<Uint8Array>> {
  try {
    return await files.open(name);
  } catch (cause) {
    throw new ExportFaultError(`${name} cannot be read: ${cause}`, { cause });
  }
}
