/**
 * What the projector needs of a read model. A read model lives in memory, is folded from the log in
 * order, and is kept as rows so that a start needs to fold only the end of the log.
 *
 * Every stored row carries the position `through` which it has been folded to. A flush may take several
 * commits, so after a crash some rows can be ahead of the checkpoint; such a row skips the events at or
 * before its own `through`. That makes every event count once in every row.
 *
 * Rows whose key begins with `cold/` never change once they are there. A start does not read them: a
 * model that has them names them in an index row, and reads them from its `RowSource` when asked.
 */
import type { RecordedEvent } from "../events/recorded_event.ts";

export interface Projection {
  readonly name: string;
  /** Raised whenever the code gives other rows for the same events: the rows are then rebuilt. */
  readonly revision: number;
  /** The types of events whose bodies it reads; undefined: of all. */
  readonly bodiesOf?: readonly string[];
  /** Takes the next event. Must be deterministic. A throw stops this projection, visibly. */
  fold(recorded: RecordedEvent): void;
  /** The keys of the rows that changed since the last call. */
  takeDirty(): string[];
  /** The bytes of a row; the same row always gives the same bytes. */
  encodeRow(key: string): Uint8Array;
  /** Takes a stored row, before the first fold and in the order of their keys. */
  loadRow(key: string, bytes: Uint8Array, through: string): void;
  rowKeys(): Iterable<string>;
  /** Whether the row tells of others: it is stored after them, as it is when a flush begins. */
  isIndex?(key: string): boolean;
  /** Whether the row has become part of others: it has no bytes then, and a stored one is of no use. */
  isLeftover?(key: string): boolean;
  /** Prepares answers in small steps, of which any may be left out or fail. */
  warm?(): Iterable<unknown>;
  /** Gives the model the store of its rows; one without it keeps them all. */
  attach?(source: RowSource): void;
  /** Tells the model that these rows and the checkpoint after them are stored. */
  stored?(keys: Iterable<string>): void;
  /**
   * The position from which `recall` has to be given the events up to the checkpoint at a start, for
   * what is kept in memory only; undefined: nothing is needed. `checkpointMs` is the recorded time of
   * the checkpoint's event.
   */
  recallFrom?(checkpointMs: number): string | undefined;
  /** Sees all of these events before, without bodies. */
  foresee?(recorded: RecordedEvent): void;
  /** Sees an event at or before the checkpoint again. */
  recall?(recorded: RecordedEvent): void;
}

/** Whether the model reads the bodies of events of the type. */
export function readsBodiesOf({ bodiesOf }: Pick<Projection, "bodiesOf">, type: string): boolean {
  return bodiesOf?.includes(type) ?? true;
}

export const coldPrefix = "cold/";

/** Where a model reads its stored rows. */
export interface RowSource {
  /** Throws where one is missing. */
  read(keys: readonly string[]): Promise<ReadonlyMap<string, Uint8Array>>;
}
