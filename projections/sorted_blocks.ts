/**
 * Items in order, in blocks of a bounded size: adding, removing and finding a place cost two binary
 * searches and the shift of one block, however many items there are. No two items may compare as equal.
 */
const blockSizeMax = 512;

/** A place in the order: an item, and a step to the next in the direction of the walk. */
export interface Walk<Item> {
  readonly item: Item | undefined;
  step(): void;
}

export class SortedBlocks<Item> {
  /** Never empty blocks, except that there is always one. */
  #blocks: Item[][] = [[]];
  #size = 0;

  constructor(readonly compare: (one: Item, other: Item) => number, items: Item[] = []) {
    const sorted = items.toSorted(compare);
    this.#size = sorted.length;
    // Half full, as splitting leaves them.
    const step = blockSizeMax >> 1;
    for (let first = 0; first < sorted.length; first += step) {
      this.#blocks[first / step] = sorted.slice(first, first + step);
    }
  }

  get size(): number {
    return this.#size;
  }

  add(item: Item): void {
    const { block, index } = this.#place((other) => this.compare(other, item) < 0);
    const items = this.#blocks[block]!;
    items.splice(index, 0, item);
    this.#size++;
    if (items.length > blockSizeMax) {
      this.#blocks.splice(block + 1, 0, items.splice(items.length >> 1));
    }
  }

  /** The item must stand where it was added: what it is compared by has not changed since. */
  delete(item: Item): boolean {
    const { block, index } = this.#place((other) => this.compare(other, item) < 0);
    const items = this.#blocks[block]!;
    if (index === items.length || this.compare(items[index]!, item) !== 0) return false;
    items.splice(index, 1);
    this.#size--;
    if (items.length === 0 && this.#blocks.length > 1) this.#blocks.splice(block, 1);
    return true;
  }

  /** From the first item that is not `before` upwards; `before` holds for a first part of the items. */
  upFrom(before: (item: Item) => boolean): Walk<Item> {
    const { block, index } = this.#place(before);
    return new BlockWalk(this.#blocks, block, index, 1);
  }

  /** From the last item of the first part downwards. */
  downFrom(inFirstPart: (item: Item) => boolean): Walk<Item> {
    const { block, index } = this.#place(inFirstPart);
    return new BlockWalk(this.#blocks, block, index - 1, -1);
  }

  /** Where the items begin that are not `before`: at the end of the last block if there are none. */
  #place(before: (item: Item) => boolean): { block: number; index: number } {
    const last = this.#blocks.length - 1;
    const block = firstIndex(last, (index) => !before(this.#blocks[index]!.at(-1)!));
    const items = this.#blocks[block]!;
    return { block, index: firstIndex(items.length, (index) => !before(items[index]!)) };
  }
}

class BlockWalk<Item> implements Walk<Item> {
  item: Item | undefined;

  constructor(
    readonly blocks: readonly (readonly Item[])[],
    private block: number,
    private index: number,
    readonly direction: 1 | -1,
  ) {
    this.#arrive();
  }

  step(): void {
    this.index += this.direction;
    this.#arrive();
  }

  #arrive(): void {
    this.item = this.blocks[this.block]?.[this.index];
    if (this.item !== undefined) return;
    this.block += this.direction;
    const items = this.blocks[this.block];
    this.index = this.direction === 1 ? 0 : (items?.length ?? 0) - 1;
    this.item = items?.[this.index];
  }
}

/** The first index below `end` for which it holds; `end` if it holds for none. */
function firstIndex(end: number, holds: (index: number) => boolean): number {
  let low = 0;
  for (let high = end; low < high;) {
    const middle = (low + high) >> 1;
    if (holds(middle)) high = middle;
    else low = middle + 1;
  }
  return low;
}
