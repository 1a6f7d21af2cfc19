/**
 * What the projector needs of a read model. A read model lives in memory, is folded from the log in
 * order, and is kept as rows so that a start needs to fold only the end of the log.
 *
 * Every stored row carries the position `through` which it has been folded to. A flush may take several
 * commits, so after a crash some rows can be ahead of the checkpoint; such a row skips the events at or
 * before its own `through`. That makes every event count once in every row.
 */
import type { RecordedEvent } from "../events/recorded_event.ts";

export interface Projection {
  readonly name: string;
  /** Raised whenever the code gives other rows for the same events: the rows are then rebuilt. */
  readonly revision: number;
  /** Takes the next event. Must be deterministic. A throw stops this projection, visibly. */
  fold(recorded: RecordedEvent): void;
  /** The keys of the rows that changed since the last call. */
  takeDirty(): string[];
  /** The bytes of a row; the same row always gives the same bytes. */
  encodeRow(key: string): Uint8Array;
  /** Takes a stored row, before the first fold. */
  loadRow(key: string, bytes: Uint8Array, through: string): void;
  rowKeys(): Iterable<string>;
  /**
   * The position from which `recall` has to be given the events up to the checkpoint at a start, for
   * what is kept in memory only; undefined: nothing is needed. `checkpointMs` is the recorded time of
   * the checkpoint's event.
   */
  recallFrom?(checkpointMs: number): string | undefined;
  /** Sees an event at or before the checkpoint again. */
  recall?(recorded: RecordedEvent): void;
}
