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
  /** By stream, its blocks in order: positions one after the other, all of one length. */
  readonly #blocks = new Map<string, string[]>();
  /** By stream, the first of its blocks that is not flushed: those after it are not either. */
  readonly #dirty = new Map<string, number>();

  constructor(readonly tracks: (stream: string) => boolean) {}

  /** Positions of the stream's events with `afterVersion < version <= throughVersion`, in order. */
  positions(stream: string, afterVersion: number, throughVersion: number): string[] {
    const blocks = this.#blocks.get(stream) ?? [];
    const found: string[] = [];
    for (let version = afterVersion + 1; version <= throughVersion; version++) {
      const block = blocks[blockOf(version)];
      const offset = offsetOf(version);
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

  fold({ stream, version, position }: RecordedEvent): void {
    if (!this.tracks(stream)) return;
    const index = blockOf(version);
    const block = this.#blocks.get(stream)?.[index] ?? "";
    const offset = offsetOf(version);
    // A row that is ahead of the checkpoint holds the position already.
    if (offset < block.length) return;
    if (offset > block.length) throw new Error(`${stream} lacks an event in its index`);
    const longer = block + position;
    const isFull = longer.length === versionsPerRow * positionLength;
    // The engine keeps a sum as its parts, which take three times as much.
    this.#set(stream, index, isFull ? decoder.decode(encoder.encode(longer)) : longer);
    if (!this.#dirty.has(stream)) this.#dirty.set(stream, index);
  }

  takeDirty(): string[] {
    const rowKeys: string[] = [];
    for (const [stream, first] of this.#dirty) {
      const count = this.#blocks.get(stream)!.length;
      for (let index = first; index < count; index++) rowKeys.push(rowKey(stream, index));
    }
    this.#dirty.clear();
    return rowKeys;
  }

  encodeRow(key: string): Uint8Array {
    const { stream, index } = parseRowKey(key);
    return encoder.encode(this.#blocks.get(stream)?.[index]);
  }

  loadRow(key: string, bytes: Uint8Array): void {
    const { stream, index } = parseRowKey(key);
    this.#set(stream, index, decoder.decode(bytes));
  }

  *rowKeys(): Iterable<string> {
    for (const [stream, blocks] of this.#blocks) {
      for (const [index, block] of blocks.entries()) {
        if (block !== undefined) yield rowKey(stream, index);
      }
    }
  }

  #set(stream: string, index: number, block: string): void {
    const blocks = this.#blocks.get(stream);
    if (blocks) blocks[index] = block;
    // Most streams have no second block, and a list that is made of one has room for no more.
    else this.#blocks.set(stream, index === 0 ? [block] : Object.assign([], { [index]: block }));
  }
}

function blockOf(version: number): number {
  return Math.floor((version - 1) / versionsPerRow);
}

function offsetOf(version: number): number {
  return ((version - 1) % versionsPerRow) * positionLength;
}

function rowKey(stream: string, block: number): string {
  return `${stream}#${String(block).padStart(8, "0")}`;
}

function parseRowKey(key: string): { stream: string; index: number } {
  const mark = key.lastIndexOf("#");
  return { stream: key.slice(0, mark), index: Number(key.slice(mark + 1)) };
}
