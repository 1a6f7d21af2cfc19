/**
 * Clicks, or events that may be conversions, as blocks of records, and the chain of each device through
 * them in memory. Days of recorded time are forgotten whole. A day's rows stand where those of 64 days
 * before stood, so that there are never more rows than the busiest 64 days need.
 */
import { comparePlaces, ConversionBlock, type RecordPlace } from "./conversion_block.ts";
import type { DeviceHeads, Lane } from "./device_heads.ts";

export const dayMs = 24 * 60 * 60 * 1000;
export const blockRecordsMax = 4_096;

export type RecordVisitor = (block: ConversionBlock, index: number) => void;

/** Where the records of a chunk go. */
export interface ChunkPlace {
  readonly position: string;
  readonly timeMs: number;
  block: ConversionBlock | null;
}

export class ConversionLog {
  /** Of the record that `seek` came to. */
  block!: ConversionBlock;
  index = 0;
  readonly #days = new Map<number, ConversionBlock[]>();
  /** Rows of forgotten blocks, and why they are: a day of whoever uses them. */
  readonly #forgotten = new Map<string, number>();
  #slots: (ConversionBlock | undefined)[] = [undefined];

  constructor(
    readonly rowPrefix: string,
    private readonly heads: DeviceHeads,
    private readonly lane: Lane,
    private readonly noteDirty: (rowKey: string) => void,
    private readonly recordsMax: number,
  ) {}

  *blocks(): Iterable<ConversionBlock> {
    for (const blocks of this.#days.values()) yield* blocks;
  }

  /** A device's first record, to be given to `seek`; each block knows what comes before in the chain. */
  head(device: number): number {
    return this.heads.get(device, this.lane);
  }

  /** Comes to a record; false where it is forgotten or there is none. */
  seek(id: number): boolean {
    const block = this.#slots[id >>> slotShift];
    if (block === undefined) return false;
    this.block = block;
    this.index = id & slotMask;
    return true;
  }

  /** Adds a record and links it; gives its id, 0 where it is there already. */
  add(
    chunk: ChunkPlace,
    index: number,
    device: number,
    label: string,
    occurredAtMs: number,
  ): number {
    let { block } = chunk;
    if (block === null || this.#isFull(block)) {
      block = this.#open({ position: chunk.position, index }, chunk.timeMs);
      if (block === null) return 0;
      if (block !== chunk.block) this.noteDirty(this.#rowKey(block));
      chunk.block = block;
    }
    block.last.position = chunk.position;
    block.last.index = index;
    return this.#link(block, block.add(device, block.labelNumber(label), occurredAtMs));
  }

  /**
   * Forgets the days before; `reason` stands in the rows instead. These have to be stored after what
   * makes the blocks superfluous.
   */
  forgetBefore(day: number, reason: number): void {
    for (const [kept, blocks] of this.#days) {
      if (kept >= day) continue;
      this.#days.delete(kept);
      for (const block of blocks) {
        const key = this.#rowKey(block);
        this.#forgotten.set(key, reason);
        this.noteDirty(key);
        this.#slots[block.slot] = undefined;
      }
    }
  }

  /** Links everything anew, a block a step, and tells of each record when it is linked. */
  *linking(linked: RecordVisitor = () => {}): Iterable<void> {
    this.heads.clear(this.lane);
    this.#slots = [undefined];
    for (const block of this.blocks()) {
      block.unpack();
      this.#takeSlot(block);
      for (let index = 0; index < block.count; index++) {
        this.#link(block, index);
        linked(block, index);
      }
      yield;
    }
  }

  encodeRow(key: string): Uint8Array {
    const reason = this.#forgotten.get(key);
    if (reason !== undefined) return new Uint8Array(Uint32Array.of(reason).buffer);
    const { ring, number } = this.#parse(key);
    for (const [day, blocks] of this.#days) {
      if (day % daysInRing !== ring) continue;
      const block = blocks.find((one) => one.number === number);
      if (block) return block.encode();
    }
    throw new RangeError(`there is no row ${key}`);
  }

  /** Gives the reason that stands in the row of a forgotten block, else null. */
  loadRow(key: string, bytes: Uint8Array): number | null {
    if (bytes.length === forgottenBytes) {
      const reason = new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
      this.#forgotten.set(key, reason);
      return reason;
    }
    const block = ConversionBlock.decode(this.#parse(key).number, bytes);
    const blocks = this.#blocksOf(dayOf(block.startMs));
    const behind = blocks.length > 0 && blocks.at(-1)!.number > block.number;
    blocks.push(block);
    if (behind) blocks.sort((left, right) => left.number - right.number);
    return null;
  }

  *rowKeys(): Iterable<string> {
    yield* this.#forgotten.keys();
    for (const block of this.blocks()) yield this.#rowKey(block);
  }

  /** The block that takes a record; null where it is there already. */
  #open(place: RecordPlace, timeMs: number): ConversionBlock | null {
    const day = dayOf(timeMs);
    const blocks = this.#blocksOf(day);
    // After a crash an earlier block can be behind a later one.
    let at = blocks.length - 1;
    while (at >= 0 && comparePlaces(blocks[at]!.first, place) > 0) at--;
    const block = blocks[at];
    if (block && comparePlaces(place, block.last) <= 0) return null;
    if (block && !this.#isFull(block)) return block;
    block?.trim();
    const number = block ? block.number + 1 : 0;
    if (blocks[at + 1] && blocks[at + 1]!.number <= number) {
      throw new Error(`a record at ${place.position} belongs to no block`);
    }
    // So many blocks in one life of a process that their places have run out.
    if (this.#slots.length === slotsMax) { for (const _ of this.linking()); }
    const begun = new ConversionBlock(number, place, timeMs);
    this.#takeSlot(begun);
    blocks.splice(at + 1, 0, begun);
    this.#forgotten.delete(this.#rowKey(begun));
    return begun;
  }

  #isFull(block: ConversionBlock): boolean {
    return block.count >= this.recordsMax || block.labelBytes >= labelBytesMax;
  }

  #link(block: ConversionBlock, index: number): number {
    const id = block.slot * 2 ** slotShift + index;
    const device = block.device(index);
    block.setBefore(index, this.heads.get(device, this.lane));
    this.heads.set(device, this.lane, id);
    return id;
  }

  #takeSlot(block: ConversionBlock): void {
    block.slot = this.#slots.push(block) - 1;
  }

  #blocksOf(day: number): ConversionBlock[] {
    let blocks = this.#days.get(day);
    if (!blocks) this.#days.set(day, blocks = []);
    return blocks;
  }

  #rowKey({ startMs, number }: ConversionBlock): string {
    const ring = String(dayOf(startMs) % daysInRing).padStart(2, "0");
    return `${this.rowPrefix}${ring}/${String(number).padStart(6, "0")}`;
  }

  #parse(key: string): { ring: number; number: number } {
    const [ring, number] = key.slice(this.rowPrefix.length).split("/");
    return { ring: Number(ring), number: Number(number) };
  }
}

/** A block is longer. */
const forgottenBytes = 4;
const slotShift = 12;
const slotMask = 2 ** slotShift - 1;
const slotsMax = 2 ** (32 - slotShift);
const daysInRing = 64;
const labelBytesMax = 64 * 1024;

export function dayOf(timeMs: number): number {
  return Math.floor(timeMs / dayMs);
}
