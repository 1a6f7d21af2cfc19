/**
 * Takes the history of an export into a database that holds none. The export is read through once
 * before anything is written, so that a damaged one leaves nothing behind, and checked again while it
 * is written. History comes, identities do not: numbers of the log belong to nobody here, and new ones
 * are given above them.
 */
import { canonicalJson, type ImportedRow, LogImport, parsePosition } from "../event_store/mod.ts";
import {
  type ExportedEvent,
  ExportFaultError,
  type ImportFiles,
  readExport,
  readManifest,
} from "./export_reader.ts";
import { type HighestNumbers, raiseHighest } from "./highest_numbers.ts";

/** Events between two calls of `onProgress`. */
const progressEvery = 10_000;

export interface ImportOptions {
  readonly kv: Deno.Kv;
  readonly files: ImportFiles;
  newId(): string;
  /** Fewer in a commit than the store takes. */
  readonly commitMutationsMax?: number;
  onProgress?(progress: { doing: "checked" | "written"; events: number; of: number }): void;
}

export interface Imported {
  readonly eventCount: number;
  readonly rowCount: number;
  /** Of the last event. */
  readonly position: string;
  /** Of what is appended from now on. */
  readonly epoch: number;
}

/** Throws `ExportFaultError` or `ImportRefusedError`. */
export async function importExport(options: ImportOptions): Promise<Imported> {
  const { kv, files, newId, onProgress } = options;
  const { manifest, digest } = await readManifest(files);
  const of = manifest.checkpointSize;
  if (of === 0) throw new ExportFaultError("the export holds no event");
  const highest: HighestNumbers = { device: 0, user: 0 };
  let checked = 0;
  for await (const { stored, body, position } of readExport(files, manifest)) {
    try {
      raiseHighest(highest, stored, body);
    } catch (error) {
      throw new ExportFaultError(`the body of the event at ${position} is malformed: ${error}`);
    }
    if (++checked % progressEvery === 0) onProgress?.({ doing: "checked", events: checked, of });
  }
  const target = await LogImport.begin(kv, digest, newId(), options.commitMutationsMax);
  let eventCount = 0, rowCount = 0;
  for await (const row of rowsOf(readExport(files, manifest))) {
    await target.write(row);
    rowCount++;
    const before = eventCount;
    eventCount += row.events.length;
    if (Math.floor(before / progressEvery) < Math.floor(eventCount / progressEvery)) {
      onProgress?.({ doing: "written", events: eventCount, of });
    }
  }
  const { position } = manifest;
  return { eventCount, rowCount, position, epoch: await target.finish(highest, position) };
}

/** Events of one epoch and versionstamp were one commit. */
async function* rowsOf(events: AsyncIterable<ExportedEvent>): AsyncGenerator<ImportedRow> {
  let row: { epoch: number; versionstamp: string; events: string[]; bodies: Body[] } | null = null;
  for await (const { position, stored, body } of events) {
    const { epoch, versionstamp } = parsePosition(position)!;
    if (!row || row.epoch !== epoch || row.versionstamp !== versionstamp) {
      if (row) yield row;
      row = { epoch, versionstamp, events: [], bodies: [] };
    }
    row.events.push(canonicalJson(stored));
    if (body) row.bodies.push({ ref: stored.body!.ref, bytes: body });
  }
  if (row) yield row;
}

type Body = ImportedRow["bodies"][number];
