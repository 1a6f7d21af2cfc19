/** Records of events that cannot be judged yet, by the second in which they happened. */
import type { ConversionBlock } from "./conversion_block.ts";
import type { RecordVisitor } from "./conversion_log.ts";

export class WaitingRecords {
  readonly #bySecond = new Map<number, { blocks: ConversionBlock[]; indexes: number[] }>();

  add(block: ConversionBlock, index: number): void {
    const second = Math.floor(block.occurredAtMs(index) / secondMs);
    let bucket = this.#bySecond.get(second);
    if (!bucket) this.#bySecond.set(second, bucket = { blocks: [], indexes: [] });
    bucket.blocks.push(block);
    bucket.indexes.push(index);
  }

  /** Takes out what happened before a whole second. */
  takeBefore(instantMs: number, visitor: RecordVisitor): void {
    for (const second of this.#bySecond.keys()) {
      if ((second + 1) * secondMs > instantMs) continue;
      visitAll(this.#bySecond.get(second)!, visitor);
      this.#bySecond.delete(second);
    }
  }

  visit(visitor: RecordVisitor): void {
    for (const bucket of this.#bySecond.values()) visitAll(bucket, visitor);
  }
}

const secondMs = 1_000;

function visitAll(
  { blocks, indexes }: { blocks: readonly ConversionBlock[]; indexes: readonly number[] },
  visitor: RecordVisitor,
): void {
  for (let i = 0; i < blocks.length; i++) visitor(blocks[i]!, indexes[i]!);
}
