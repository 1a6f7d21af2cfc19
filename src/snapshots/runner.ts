/**
 * Sees to it that every campaign that prepares gets its snapshot. Which campaigns those are follows
 * from their states, so it is as durable as the log; nothing is polled while there are none.
 */
import { campaignStreamPrefix } from "../../events/campaign_events.ts";
import type { CampaignState } from "../campaign/mod.ts";
import type { StreamHead, StreamStates, Tail } from "../event_store/mod.ts";
import { campaignIdOf, campaignStream, type StreamState, type Transact } from "../transact/mod.ts";
import type { AudienceCalculation } from "./calculation.ts";
import { Preparation } from "./preparation.ts";
import type { PreparationOptions } from "./preparation_options.ts";
import {
  frozenProgress,
  type PreparationProgress,
  storedProgress,
} from "./preparation_progress.ts";
import { PreparationStore } from "./preparation_store.ts";
import type { Snapshots } from "./snapshots.ts";
import { Turns } from "./turns.ts";

/** Calculations at a time: each may hold something of every user in memory. */
const atOnceMax = 4;

export interface PreparationRunnerOptions {
  readonly kv: Deno.Kv;
  readonly epoch: number;
  readonly states: StreamStates<StreamState>;
  readonly transact: Transact;
  readonly tail: Tail;
  readonly calculation: AudienceCalculation;
  readonly snapshots: Snapshots;
  nowMs(): number;
  newId(): string;
}

export class PreparationRunner {
  readonly #options: PreparationRunnerOptions;
  readonly #store: PreparationStore;
  readonly #running = new Map<string, Preparation>();
  readonly #ending = new Set<Promise<void>>();
  readonly #preparation: PreparationOptions;
  #closed = false;

  constructor(options: PreparationRunnerOptions) {
    this.#options = options;
    const { kv, epoch, calculation, snapshots, nowMs, newId, tail } = options;
    this.#store = new PreparationStore({ kv, epoch, newId });
    this.#preparation = {
      calculation,
      store: this.#store,
      snapshots,
      turns: new Turns(atOnceMax),
      instance: newId(),
      nowMs,
      newId,
      catchUp: () => tail.poll(),
      freeze: (campaignId, snapshot, preparingAtMs) =>
        this.#freeze(campaignId, snapshot, preparingAtMs),
    };
  }

  /** Begins with the campaigns that prepare now, and goes on with those that come. */
  start(): void {
    this.#options.states.onChange((stream, head) => this.#changed(stream, head));
    this.#hold(this.#sweep());
  }

  /** What was found is kept: whoever starts next goes on from there. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const [campaignId] of this.#running) this.#end(campaignId, true);
    await Promise.all(this.#ending);
  }

  /** Preparations of this process, and those among them that failed and will be tried again. */
  get counts(): { readonly running: number; readonly failing: number } {
    const all = [...this.#running.values()].map(({ progress }) => progress?.state);
    return { running: all.length, failing: all.filter((state) => state === "retrying").length };
  }

  /** Of the activation that the campaign is in. */
  async progress(campaignId: string): Promise<PreparationProgress> {
    const state = this.#options.states.head(campaignStream(campaignId)).state as CampaignState;
    const { snapshot, preparingAtMs } = state;
    if (snapshot) return frozenProgress(await this.#options.snapshots.head(snapshot.snapshotId));
    if (!isWanted(state)) return storedProgress(null);
    const own = this.#running.get(campaignId)?.progress;
    if (own) return own;
    const { row } = await this.#store.read(campaignId);
    return storedProgress(row?.preparingAtMs === preparingAtMs ? row : null);
  }

  #changed(stream: string, { state }: StreamHead<StreamState>): void {
    if (this.#closed || !stream.startsWith(campaignStreamPrefix)) return;
    const campaign = state as CampaignState;
    const wanted = isWanted(campaign);
    // Most changes are of others, and there are many.
    if (!wanted && this.#running.size === 0) return;
    const campaignId = campaignIdOf(stream);
    const running = this.#running.get(campaignId);
    if (running && (!wanted || running.preparingAtMs !== campaign.preparingAtMs)) {
      this.#end(campaignId, false);
    }
    if (!wanted || this.#running.has(campaignId)) return;
    const { preparingAtMs, settings } = campaign;
    const preparation = new Preparation(campaignId, preparingAtMs, settings, this.#preparation);
    this.#running.set(campaignId, preparation);
    this.#hold(preparation.done.then(() => {
      if (this.#running.get(campaignId) === preparation) this.#running.delete(campaignId);
    }));
  }

  #end(campaignId: string, isWanted: boolean): void {
    const preparation = this.#running.get(campaignId)!;
    this.#running.delete(campaignId);
    preparation.end();
    // Where this fails the row stays, and is swept at a start.
    this.#hold(preparation.release(isWanted).catch(() => {}));
  }

  #hold(work: Promise<void>): void {
    const held: Promise<void> = work.finally(() => this.#ending.delete(held));
    this.#ending.add(held);
  }

  async #freeze(
    campaignId: string,
    snapshot: { snapshotId: string; size: number | null; digest: string },
    preparingAtMs: number,
  ): Promise<void> {
    const { transact, newId } = this.#options;
    await transact.campaign(campaignId, {
      command: { type: "freeze_audience", snapshot, preparingAtMs },
      meta: { actor: "preparation", commandId: newId(), traceId: newId() },
      answer: () => ({ answer: null, success: true }),
    });
  }

  /** Throws away what a killed process left of preparations that nobody waits for any more. */
  async #sweep(): Promise<void> {
    const { states } = this.#options;
    try {
      for (const campaignId of await this.#store.campaigns()) {
        if (this.#closed) return;
        const stored = await this.#store.read(campaignId);
        await this.#options.tail.poll();
        const state = states.head(campaignStream(campaignId)).state as CampaignState;
        const current = isWanted(state) && state.preparingAtMs === stored.row?.preparingAtMs;
        if (!current) await this.#store.discard(campaignId, stored);
      }
    } catch {
      // They take room, nothing else; the next start tries again.
    }
  }
}

function isWanted({ status, snapshot }: CampaignState): boolean {
  return status === "preparing_to_publish" && snapshot === null;
}
