/**
 * Time passing → commands. The due times follow from the campaigns' states, so they are as durable as
 * the log; a timer wakes at the earliest. Any number of instances may run it: the boundary that one
 * has recorded is not due any more for the others.
 */
import { campaignStreamPrefix } from "../../events/campaign_events.ts";
import { type CampaignState, dueAtMs } from "../campaign/mod.ts";
import type { StreamStates, Tail } from "../event_store/mod.ts";
import type { Durations, StreamState, Transact } from "../transact/mod.ts";
import { DueTimes } from "./due_times.ts";

/** A sleep is never longer, so that a jump of the machine's clock is noticed. */
const sleepMsMax = 200;
/** After a failed try. */
const retryDelayMs = 200;

export interface SchedulerOptions {
  readonly states: StreamStates<StreamState>;
  readonly transact: Transact;
  readonly tail: Tail;
  readonly durations: Durations;
  nowMs(): number;
  newId(): string;
}

export class Scheduler {
  readonly #options: SchedulerOptions;
  readonly #dueTimes = new DueTimes();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #closed = false;
  #settling: Promise<void> | null = null;

  constructor(options: SchedulerOptions) {
    this.#options = options;
    options.states.onChange((stream, head) => {
      if (!stream.startsWith(campaignStreamPrefix)) return;
      this.#dueTimes.set(stream, dueAtMs(head.state as CampaignState, options.durations));
    });
  }

  /** The next boundary of any campaign, in milliseconds; null: none is ahead. */
  get nextDueMs(): number | null {
    return this.#dueTimes.next;
  }

  start(): void {
    const wake = async () => {
      let delayMs = sleepMsMax;
      try {
        await this.settle();
        const next = this.#dueTimes.next;
        if (next !== null) delayMs = next - this.#options.nowMs();
      } catch {
        delayMs = retryDelayMs;
      }
      if (this.#closed) return;
      this.#timer = setTimeout(wake, Math.max(1, Math.min(delayMs, sleepMsMax)));
    };
    this.#timer = setTimeout(wake, 0);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#timer);
    await this.#settling?.catch(() => {});
  }

  /** Records every boundary that is due: after it no status is one that the clock has left. */
  async settle(): Promise<void> {
    if (!this.isDue) return;
    this.#settling ??= this.#settle().finally(() => this.#settling = null);
    await this.#settling;
  }

  /** Whether a boundary has been passed that is not recorded. */
  get isDue(): boolean {
    const next = this.#dueTimes.next;
    return next !== null && next <= this.#options.nowMs();
  }

  async #settle(): Promise<void> {
    const { transact, tail, nowMs, newId } = this.#options;
    for (;;) {
      const due = this.#dueTimes.due(nowMs());
      if (due.length === 0) return;
      const recorded = await transact.advance(due, { commandId: newId(), traceId: newId() });
      await tail.readOwnWrites();
      // Another instance was first: what it recorded has been folded before this was decided.
      if (recorded === 0 || this.#closed) return;
    }
  }
}
