/**
 * One preparation of one campaign in this process: calculates its audience, or waits while another
 * instance does, until the audience is frozen or nobody waits for it any more. What fails is shown
 * and tried again, from where it was.
 */
import type { CampaignState } from "../campaign/mod.ts";
import { Lease, retryMs } from "./lease.ts";
import type { Members } from "./members.ts";
import { audiencesOf, type PartSource, scannedBefore, sourcesOf } from "./part_sources.ts";
import type { PreparationOptions } from "./preparation_options.ts";
import { countsOf, type PreparationProgress } from "./preparation_progress.ts";
import {
  nothingYet,
  PreparationLostError,
  type PreparationRow,
  type StoredPreparation,
} from "./preparation_store.ts";
import type { RuleCalculation } from "./rule_calculation.ts";
import { measured, type Part, type Snapshot, type SnapshotHead } from "./snapshots.ts";

/** How often somebody else's progress is looked at. */
const waitMs = 200;
/** Progress is stored after so many subjects, and at least so often. */
export const subjectsPerStep = 50_000;
const stepMsMax = 3_000;

/** Nobody waits for the result any more, or the process ends. */
class GivenUp extends Error {}

export class Preparation {
  /** Resolves when there is nothing more to do. */
  readonly done: Promise<void>;
  #over = false;
  #wake = () => {};
  #failure: { readonly failures: number; readonly error: string } | null = null;
  #stored: StoredPreparation = { row: null, versionstamp: null };
  #running:
    | { readonly members: Record<Part, Members>; calculation: RuleCalculation | null }
    | null = null;
  readonly #lease: Lease;
  #source = 0;
  #scannedBefore = 0;
  #writtenAtMs = 0;
  #scannedAtWrite = 0;

  constructor(
    readonly campaignId: string,
    readonly preparingAtMs: number,
    readonly settings: CampaignState["settings"],
    readonly options: PreparationOptions,
  ) {
    this.#lease = new Lease(options.instance);
    this.done = this.#run();
  }

  /** Null: this process does not know more than the store. */
  get progress(): PreparationProgress | null {
    const { row } = this.#stored;
    if (this.#failure) {
      const { failures, error } = this.#failure;
      return { ...countsOf(row), state: "retrying", attempts: failures, error };
    }
    if (!this.#running || !row) return null;
    return {
      state: "calculating",
      scanned: this.#scanned,
      total: row.total,
      matched: this.#matched,
      attempts: row.failures + 1,
    };
  }

  /** Stops at the next step. What was found is kept for whoever goes on, or thrown away by `discard`. */
  end(): void {
    this.#over = true;
    this.#wake();
  }

  async #run(): Promise<void> {
    // Begun in the middle of a fold, which has to come to its end first.
    await Promise.resolve();
    while (!this.#over) {
      try {
        const isDone = await this.options.turns.run(async () => {
          if (!await this.#take()) return false;
          await this.#work();
          return true;
        });
        if (isDone) return;
        await this.#sleep(waitMs);
      } catch (error) {
        if (error instanceof GivenUp) break;
        if (error instanceof PreparationLostError) continue;
        await this.#failed(error);
      } finally {
        this.#stop();
      }
    }
  }

  /** Whether it is this process's now. */
  async #take(): Promise<boolean> {
    const { store, instance, catchUp } = this.options;
    const stored = await store.read(this.campaignId);
    const { row, versionstamp } = stored;
    const isOther = row !== null && row.preparingAtMs !== this.preparingAtMs;
    if (row && !isOther && !this.#lease.mayTake(row, versionstamp!)) {
      this.#stored = stored;
      if (row.owner !== null) this.#failure = null;
      return false;
    }
    await catchUp();
    this.#assertWanted();
    if (isOther) {
      // Of a preparation that nobody waits for any more.
      await store.discard(this.campaignId, stored);
      return await this.#take();
    }
    const next = row ? { ...row, owner: instance } : await this.#newRow();
    const sources = next.sources ?? this.#sourcesNow();
    const total = scannedBefore(sources ?? [], Infinity, next.highest);
    this.#stored = await store.write(this.campaignId, stored, { ...next, sources, total });
    return true;
  }

  async #newRow(): Promise<PreparationRow> {
    const { calculation, instance, nowMs, newId } = this.options;
    return {
      ...nothingYet,
      preparingAtMs: this.preparingAtMs,
      snapshotId: `snap_${newId()}`,
      owner: instance,
      highest: await calculation.highest(),
      begunAtMs: nowMs(),
      failures: this.#failure?.failures ?? 0,
    };
  }

  #sourcesNow(): PartSource[] | null {
    return sourcesOf(this.settings, this.options.calculation.options.audiences());
  }

  async #work(): Promise<void> {
    const { store, calculation } = this.options;
    const { snapshotId, sources, highest, begunAtMs, scanned, source } = this.#stored.row!;
    if (sources === null) {
      const ids = audiencesOf(this.settings).map(([, id]) => id).join(" or ");
      throw new Error(`the audience ${ids} does not exist any more: stop the campaign`);
    }
    const members = await store.members(snapshotId);
    this.#running = { members, calculation: null };
    this.#failure = null;
    this.#scannedAtWrite = scanned;
    this.#writtenAtMs = performance.now();
    this.#source = source;
    for (let index = source; index < sources.length; index++) {
      this.#assertWanted();
      this.#scannedBefore = scannedBefore(sources, index, highest);
      const { of, kind, rule, audienceId } = sources[index]!;
      if (kind === "list") calculation.addList(audienceId, members[of]);
      else {
        const from = index === source ? this.#stored.row!.place : null;
        const step = () => this.#step();
        const how = { highest, nowMs: begunAtMs, step };
        const rules = calculation.rule(rule, members[of], how, from ?? undefined);
        this.#running.calculation = rules;
        await rules.run();
        this.#running.calculation = null;
      }
      this.#source = index + 1;
    }
    this.#scannedBefore = scannedBefore(sources, sources.length, highest);
    await this.#finish(members, sources);
  }

  async #finish(
    members: Record<Part, Members>,
    sources: readonly PartSource[],
  ): Promise<void> {
    const { calculation, store, snapshots, freeze } = this.options;
    const parts = sources.map(({ of }) => of);
    const some = parts.includes("members") ? members.members : null;
    const excluded = parts.includes("excluded") ? members.excluded : null;
    const { size, digest } = await measured(some, excluded, calculation.pacer);
    const row = this.#stored.row!;
    const head: SnapshotHead = {
      size,
      digest,
      parts,
      blocks: members.members.blockCount + members.excluded.blockCount,
      scanned: this.#scanned,
      matched: this.#matched,
      attempts: row.failures + 1,
    };
    await this.#write({ place: null }, head);
    const { snapshotId } = row;
    const snapshot: Snapshot = { id: snapshotId, members: some, excluded, size, digest };
    // At hand before anybody can ask for it.
    snapshots.hold(snapshot);
    this.#running = null;
    await freeze(this.campaignId, { snapshotId, size, digest }, this.preparingAtMs);
    // Whole, and perhaps named in the log: only the row goes.
    await store.discard(this.campaignId, this.#stored).catch(() => {});
    this.#stored = { row: null, versionstamp: null };
  }

  async #step(): Promise<void> {
    this.#assertWanted();
    const { calculation } = this.#running!;
    const worth = this.#scanned - this.#scannedAtWrite >= subjectsPerStep ||
      performance.now() - this.#writtenAtMs >= stepMsMax;
    if (worth) await this.#write({ place: calculation!.place });
  }

  #assertWanted(): void {
    if (this.#over) throw new GivenUp();
  }

  async #write(changes: Partial<PreparationRow>, head?: SnapshotHead): Promise<void> {
    const row = {
      ...this.#stored.row!,
      scanned: this.#scanned,
      matched: this.#matched,
      source: this.#source,
      ...changes,
    };
    const { members } = this.#running!;
    this.#stored = await this.options.store.write(
      this.campaignId,
      this.#stored,
      row,
      members,
      head,
    );
    this.#writtenAtMs = performance.now();
    this.#scannedAtWrite = row.scanned;
  }

  get #scanned(): number {
    return this.#scannedBefore + (this.#running?.calculation?.scanned ?? 0);
  }

  /** Members found, whoever is left out of them later. */
  get #matched(): number {
    const { members, excluded } = this.#running!.members;
    return this.#stored.row!.sources?.some(({ of }) => of === "members")
      ? members.size
      : excluded.size;
  }

  /** Stores the failure where the store takes it, and waits. */
  async #failed(cause: unknown): Promise<void> {
    const error = cause instanceof Error ? cause.message : String(cause);
    const failures = (this.#failure?.failures ?? this.#stored.row?.failures ?? 0) + 1;
    this.#failure = { failures, error };
    const { row } = this.#stored;
    if (row?.owner === this.options.instance) {
      const write = this.options.store.write(this.campaignId, this.#stored, {
        ...row,
        owner: null,
        failures,
        error,
      });
      this.#stored = await write.catch(() => ({ row: null, versionstamp: null }));
      this.#lease.note(this.#stored.versionstamp);
    }
    await this.#sleep(retryMs(failures));
  }

  /** Gives back the memory. A process that ends lets others go on at once. */
  #stop(): void {
    const running = this.#running;
    this.#running = null;
    for (const members of Object.values(running?.members ?? {})) members.dispose();
  }

  /** Lets go of the row: for good when nobody waits for it, or for another process to take. */
  async release(isWanted: boolean): Promise<void> {
    await this.done;
    const { row } = this.#stored;
    if (row?.owner !== this.options.instance || row.preparingAtMs !== this.preparingAtMs) return;
    const { store } = this.options;
    if (isWanted) await store.write(this.campaignId, this.#stored, { ...row, owner: null });
    else await store.discard(this.campaignId, this.#stored);
  }

  #sleep(ms: number): Promise<void> {
    if (this.#over) return Promise.resolve();
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.#wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }
}
