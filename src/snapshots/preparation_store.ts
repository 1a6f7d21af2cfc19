/**
 * How far the calculation of a campaign's audience has come, kept so that a kill loses little of it.
 * One row says who works on it and where they are; members found so far stand where the snapshot will
 * be. Every commit checks the row and writes it again: who has lost it can write nothing any more.
 */
import type { SubjectKind } from "../../events/profile_events.ts";
import { commit, commitBytesMax, commitMutationsMax, keys, retried } from "../event_store/mod.ts";
import type { MemberBlock, Members } from "./members.ts";
import type { PartSource } from "./part_sources.ts";
import type { Place } from "./rule_calculation.ts";
import { type Part, readMembers, type SnapshotHead } from "./snapshots.ts";

export interface PreparationRow {
  /** Which preparation of the campaign: a restart begins another. */
  readonly preparingAtMs: number;
  readonly snapshotId: string;
  /** Who works on it; null: nobody. */
  readonly owner: string | null;
  /** Null: an audience could not be found. */
  readonly sources: readonly PartSource[] | null;
  readonly highest: Readonly<Record<SubjectKind, number>>;
  /** For facts that count days. */
  readonly begunAtMs: number;
  /** Index of the source that is under way; as many as there are: all are done. */
  readonly source: number;
  /** Within a rule; null: at its beginning. */
  readonly place: Place | null;
  readonly scanned: number;
  readonly total: number;
  readonly matched: number;
  /** Tries that ended in a failure, and the last of these. */
  readonly failures: number;
  readonly error: string | null;
}

export const nothingYet = {
  sources: null,
  source: 0,
  place: null,
  scanned: 0,
  total: 0,
  matched: 0,
  error: null,
} as const satisfies Partial<PreparationRow>;

export interface StoredPreparation {
  readonly row: PreparationRow | null;
  readonly versionstamp: string | null;
}

/** Another instance works on it now. */
export class PreparationLostError extends Error {
  override readonly name = "PreparationLostError";
}

export interface PreparationStoreOptions {
  readonly kv: Deno.Kv;
  readonly epoch: number;
  newId(): string;
}

/** Serialized Roaring blocks and their keys; the row's rules are 16 KiB each at most. */
const blockBytesMax = 33_000;
const blocksPerCommit = Math.floor((commitBytesMax - 2 * blockBytesMax) / blockBytesMax);

interface Block extends MemberBlock {
  readonly of: Part;
}

export class PreparationStore {
  constructor(readonly options: PreparationStoreOptions) {}

  async read(campaignId: string): Promise<StoredPreparation> {
    const entry = await retried(() =>
      this.options.kv.get<PreparationRow>(keys.preparing(campaignId), { consistency: "strong" })
    );
    return { row: entry.value, versionstamp: entry.versionstamp };
  }

  /** The campaigns that there are rows for. */
  async campaigns(): Promise<string[]> {
    const found: string[] = [];
    const prefix = keys.preparingPrefix();
    for await (const { key } of this.options.kv.list({ prefix })) found.push(key.at(-1) as string);
    return found;
  }

  members(snapshotId: string): Promise<Record<Part, Members>> {
    return retried(() => readMembers(this.options.kv, snapshotId));
  }

  /** Writes the members' new blocks, and with the last of them `row` and `head`. */
  async write(
    campaignId: string,
    before: StoredPreparation,
    row: PreparationRow,
    members?: Readonly<Record<Part, Members>>,
    head?: SnapshotHead,
  ): Promise<StoredPreparation> {
    const blocks: Block[] = members
      ? (["members", "excluded"] as const).flatMap((of) =>
        members[of].takeDirty().map((block) => ({ ...block, of }))
      )
      : [];
    let stored = before;
    do {
      const some = blocks.splice(0, blocksPerCommit);
      const isLast = blocks.length === 0;
      const next = isLast ? row : stored.row ?? row;
      const versionstamp = await this.#commit(campaignId, stored.versionstamp, (operation) => {
        operation.set(keys.preparing(campaignId), next);
        for (const block of some) {
          const key = keys.snapshotBlock(row.snapshotId, block.of, block.kind, block.block);
          operation.set(key, members![block.of].encode(block));
        }
        if (isLast && head) operation.set(keys.snapshotHead(row.snapshotId), head);
      });
      stored = { row: next, versionstamp };
    } while (blocks.length > 0);
    return stored;
  }

  /** Deletes the row and, unless the snapshot is whole, what there is of it. */
  async discard(campaignId: string, { row, versionstamp }: StoredPreparation): Promise<void> {
    if (!row) return;
    const { kv } = this.options;
    const head = await retried(() => kv.get(keys.snapshotHead(row.snapshotId)));
    const unneeded: Deno.KvKey[] = [];
    if (head.value === null) {
      const prefix = keys.snapshotPrefix(row.snapshotId);
      for await (const { key } of kv.list({ prefix })) unneeded.push(key);
    }
    let expected = versionstamp;
    while (unneeded.length > commitMutationsMax - 1) {
      const some = unneeded.splice(0, commitMutationsMax - 1);
      expected = await this.#commit(campaignId, expected, (operation) => {
        operation.set(keys.preparing(campaignId), row);
        for (const key of some) operation.delete(key);
      });
    }
    await this.#commit(campaignId, expected, (operation) => {
      operation.delete(keys.preparing(campaignId));
      for (const key of unneeded) operation.delete(key);
    });
  }

  async #commit(
    campaignId: string,
    versionstamp: string | null,
    build: (operation: Deno.AtomicOperation) => void,
  ): Promise<string> {
    const { kv, epoch, newId } = this.options;
    const outcome = await commit(kv, {
      commitId: newId(),
      epoch,
      count: 0,
      build: (operation) => {
        operation.check({ key: keys.preparing(campaignId), versionstamp });
        build(operation);
        return operation;
      },
    });
    if (!outcome.stored) throw new PreparationLostError(`${campaignId} is prepared elsewhere`);
    return outcome.versionstamp;
  }
}
