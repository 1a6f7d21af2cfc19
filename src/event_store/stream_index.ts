/**
 * Where the events of each stream stand in the log, so that one stream can be read without the others.
 * A row covers a block of versions, so that rows stay small however long a stream grows.
 */
import type { RecordedEvent } from "../../events/recorded_event.ts";
import { logStart } from "./position.ts";

/** About a kilobyte: a flush writes the last row of each stream anew, whole. */
const versionsPerRow = 32;
const positionLength = logStart.length;

const encoder = new TextEncoder();
const decoder = new TextDecoder();

export class StreamIndex {
  readonly name = "stream_index";
  readonly revision = 2;
  readonly bodiesOf = [];
  /** By `STREAM#BLOCK`: positions one after the other, all of one length. */
  readonly #blocks = new Map<string, string>();
  readonly #dirty = new Set<string>();

  constructor(readonly tracks: (stream: string) => boolean) {}

  /** Positions of the stream's events with `afterVersion < version <= throughVersion`, in order. */
  positions(stream: string, afterVersion: number, throughVersion: number): string[] {
    const found: string[] = [];
    for (let version = afterVersion + 1; version <= throughVersion; version++) {
      const block = this.#blocks.get(rowKey(stream, version));
      const offset = ((version - 1) % versionsPerRow) * positionLength;
      if (!block || offset >= block.length) break;
      found.push(block.slice(offset, offset + positionLength));
    }
    return found;
  }

  /** Positions of the stream's events behind the one and up to the other, in order. */
  positionsBetween(stream: string, after: string, through: string): string[] {
    return this.positions(stream, 0, Infinity)
      .filter((position) => position > after && position <= through);
  }

  fold(recorded: RecordedEvent): void {
    if (!this.tracks(recorded.stream)) return;
    const key = rowKey(recorded.stream, recorded.version);
    const block = this.#blocks.get(key) ?? "";
    const offset = ((recorded.version - 1) % versionsPerRow) * positionLength;
    // A row that is ahead of the checkpoint holds the position already.
    if (offset < block.length) return;
    if (offset > block.length) throw new Error(`${recorded.stream} lacks an event in its index`);
    this.#blocks.set(key, block + recorded.position);
    this.#dirty.add(key);
  }

  takeDirty(): string[] {
    const rowKeys = [...this.#dirty];
    this.#dirty.clear();
    return rowKeys;
  }

  encodeRow(key: string): Uint8Array {
    return encoder.encode(this.#blocks.get(key));
  }

  loadRow(key: string, bytes: Uint8Array): void {
    this.#blocks.set(key, decoder.decode(bytes));
  }

  rowKeys(): Iterable<string> {
    return this.#blocks.keys();
  }
}

function rowKey(stream: string, version: number): string {
  return `${stream}#${String(Math.floor((version - 1) / versionsPerRow)).padStart(8, "0")}`;
}
