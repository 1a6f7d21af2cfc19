/**
 * Takes the history of an export into a database that holds none. The export is verified as a whole
 * before anything is written, so that a damaged one leaves nothing behind, and what is written is held
 * against the same checkpoint. That checkpoint becomes the first event here: the history says itself
 * whose it was. History comes, identities do not: numbers of the log belong to nobody here, and new ones
 * are given above them.
 */
import { type NotaryEvent, notaryStream } from "../../events/notary_events.ts";
import type { StoredEvent } from "../../events/recorded_event.ts";
import {
  canonicalJson,
  encodeEvent,
  type ImportedRow,
  LogImport,
  maximum,
  parsePosition,
  sha256Hex,
} from "../event_store/mod.ts";
import type { ExportFiles } from "./export/mod.ts";
import { Findings } from "./findings.ts";
import { type HighestNumbers, raiseHighest } from "./highest_numbers.ts";
import { GrowingTree, isSameHash, leafHash } from "./tlog/mod.ts";
import { FolderSource, verifyHistory } from "./verify/mod.ts";

/** Something of the export is missing, cut off or altered. */
export class ExportFaultError extends Error {
  override readonly name = "ExportFaultError";
}

/** Events between two calls of `onProgress`. */
const progressEvery = 10_000;
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export interface ImportOptions {
  readonly kv: Deno.Kv;
  readonly files: ExportFiles;
  /** What must have signed the export, and a checkpoint that it must continue. */
  readonly key?: string;
  readonly since?: string;
  nowMs(): number;
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

/** Throws `SourceUnreadableError`, `ExportFaultError` or `ImportRefusedError`. */
export async function importExport(options: ImportOptions): Promise<Imported> {
  const { kv, files, key, since, newId, onProgress } = options;
  const source = await FolderSource.open(files);
  const { checkpoint, signedBy, faults } = await verifyHistory({
    source,
    ...(key === undefined ? {} : { key }),
    ...(since === undefined ? {} : { since }),
    // What the server said of its campaigns is not imported.
    skipClaims: true,
    cold: { write: () => {}, read: () => Promise.resolve(new Map()) },
    faultsMax: 1,
    onProgress: (progress) => onProgress?.({ doing: "checked", ...progress }),
  });
  if (!checkpoint || !signedBy || faults.length > 0) {
    throw new ExportFaultError(faults[0] ?? "there is no checkpoint");
  }
  const { size: of, root } = checkpoint;
  if (of === 0) throw new ExportFaultError("the export holds no event");
  const history = new CheckedHistory(source);
  const note = await source.checkpoint();
  const run = newId();
  const target = await LogImport.begin(kv, sha256Hex(note), run, options.commitMutationsMax);
  let eventCount = 0, rowCount = 0;
  for await (const row of history.rows(of)) {
    await target.write(row);
    rowCount++;
    const before = eventCount;
    eventCount += row.events.length;
    if (Math.floor(before / progressEvery) < Math.floor(eventCount / progressEvery)) {
      onProgress?.({ doing: "written", events: eventCount, of });
    }
  }
  if (!isSameHash(history.tree.root(), root)) throw alteredMeanwhile();
  const { position } = source.manifest;
  const { highest, notaryHead, time } = history;
  const event = encodeEvent(
    { stream: notaryStream, version: notaryHead.version + 1, previousHash: notaryHead.hash },
    {
      type: "log_imported",
      schema: 1,
      data: { key: signedBy, checkpoint: note },
    } satisfies NotaryEvent,
    // Recorded time never decreases.
    maximum(time, new Date(options.nowMs()).toISOString()),
    { actor: "task", commandId: run, traceId: run },
  );
  const epoch = await target.finish({ highest, position, event });
  return { eventCount, rowCount, position, epoch };
}

/** The rows of an export that holds, and what is to be known of all of them. */
class CheckedHistory {
  readonly tree = new GrowingTree();
  readonly highest: HighestNumbers = { device: 0, user: 0 };
  notaryHead: Pick<StoredEvent, "version" | "hash"> = { version: 0, hash: "" };
  /** The latest that was recorded. */
  time = "";

  constructor(readonly source: FolderSource) {}

  /** Events of one epoch and versionstamp were one commit. */
  async *rows(size: number): AsyncGenerator<ImportedRow> {
    let row: Row | null = null;
    for await (const { line, body } of this.source.events(size, new Findings())) {
      this.tree.append(leafHash(line));
      const { position, ...stored } = JSON.parse(decoder.decode(line)) as PlacedEvent;
      if (stored.body && (!body || sha256Hex(body) !== stored.body.sha256)) {
        throw alteredMeanwhile();
      }
      raiseHighest(this.highest, stored, body);
      if (stored.stream === notaryStream) this.notaryHead = stored;
      this.time = maximum(this.time, stored.time);
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
}

type PlacedEvent = StoredEvent & { readonly position: string };

interface Row extends ImportedRow {
  readonly events: string[];
  readonly bodies: { readonly ref: string; readonly bytes: Uint8Array }[];
}

function alteredMeanwhile(): ExportFaultError {
  return new ExportFaultError("the export was altered while it was read");
}
