/**
 * The members of one list and of one kind. They are kept as rows of blocks of numbers, so that a change
 * rewrites little however long the list is; each row knows how far it has been folded.
 */
import { RoaringBitmap32 } from "roaring-wasm";
import type { MemberChange } from "../events/member_changes.ts";
import { deserializeNumbers, NumberSet } from "./kpi_number_set.ts";

/** Of one block: four Roaring containers, 32 KiB at most, which is one value of the store. */
const blockNumbers = 4 * 65_536;

export class ListMembers {
  readonly #numbers = new NumberSet();
  /** By block; a position: of a loaded row, events up to there are in it. */
  readonly #through = new Map<number, string | undefined>();
  /** Blocks that changed since they were last asked for. */
  readonly #dirty = new Set<number>();

  /** To read only. */
  get numbers(): NumberSet {
    return this.#numbers;
  }

  get blocks(): Iterable<number> {
    return this.#through.keys();
  }

  /** Whether this changes anything. */
  change(op: MemberChange["op"], number: number, position: string): boolean {
    const block = Math.floor(number / blockNumbers);
    if (this.#isThrough(block, position)) return false;
    const changed = op === "add" ? this.#numbers.addNew(number) : this.#numbers.remove(number);
    if (changed) this.#touch(block);
    return changed;
  }

  /** Takes away all but what is in rows that have this event already. */
  clear(position: string): void {
    for (const block of this.#through.keys()) {
      if (this.#isThrough(block, position)) continue;
      this.#numbers.removeRange(block * blockNumbers, (block + 1) * blockNumbers);
      this.#touch(block);
    }
  }

  takeDirty(): number[] {
    const blocks = [...this.#dirty];
    this.#dirty.clear();
    return blocks;
  }

  /** Made of the numbers alone: whatever became of them before, they give the same bytes. */
  encode(block: number): Uint8Array {
    const numbers = this.#inBlock(block);
    if (numbers.length === 0) return new Uint8Array();
    const bitmap = new RoaringBitmap32(numbers);
    const bytes = bitmap.serialize("portable");
    bitmap.dispose();
    return bytes;
  }

  load(block: number, bytes: Uint8Array, through: string): void {
    this.#through.set(block, through);
    const numbers = deserializeNumbers(bytes);
    if (!numbers) return;
    this.#numbers.addAll(numbers);
    numbers.dispose();
  }

  #inBlock(block: number): Uint32Array {
    const first = block * blockNumbers;
    return this.#numbers.bitmap?.rangeUint32Array(first, first + blockNumbers) ??
      new Uint32Array();
  }

  #touch(block: number): void {
    this.#through.set(block, undefined);
    this.#dirty.add(block);
  }

  #isThrough(block: number, position: string): boolean {
    const through = this.#through.get(block);
    if (through === undefined) return false;
    if (position <= through) return true;
    this.#through.set(block, undefined);
    return false;
  }
}
