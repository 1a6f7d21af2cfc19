/**
 * The logs that a history was taken over from. Each import is an event that holds the checkpoint that
 * the other log had signed: over exactly the events that stand before it.
 */
import type { StoredEvent } from "../../../events/recorded_event.ts";
import type { Findings } from "../findings.ts";
import {
  type GrowingTree,
  isSameHash,
  NoteError,
  openCheckpoint,
  parseVerifierKey,
  type Verifier,
} from "../tlog/mod.ts";

export interface ImportedLog {
  readonly origin: string;
  /** Events that were taken over. */
  readonly size: number;
  /** Signed its checkpoint. */
  readonly key: Verifier;
}

export class ImportedLogs {
  readonly all: ImportedLog[] = [];

  constructor(readonly findings: Findings) {}

  /** Takes every event, in order; `before` is the tree over all that stand before it. */
  note(
    { type, data }: StoredEvent,
    where: string,
    before: Pick<GrowingTree, "size" | "root">,
  ): void {
    if (type !== "log_imported") return;
    const told = data as Record<"key" | "checkpoint", string>;
    try {
      const key = parseVerifierKey(told.key);
      const { origin, size, root } = openCheckpoint(told.checkpoint, [key]);
      if (size !== before.size || !isSameHash(root, before.root())) {
        throw new NoteError(`its checkpoint is not of the ${before.size} events before it`);
      }
      this.all.push({ origin, size, key });
      this.findings.count("imports");
    } catch (error) {
      if (!(error instanceof NoteError)) throw error;
      this.findings.fault(`${where} says that a log was imported, but ${error.message}`);
    }
  }
}
