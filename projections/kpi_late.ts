/**
 * When impressions of a campaign are late: later than a stop's `lateAfter` and before the next posting.
 * Only what happened decides, so an impression is judged when no event to come can change the answer.
 */
import type { CampaignEvent } from "../events/campaign_events.ts";

export type LateEvent = Extract<
  CampaignEvent,
  { type: "campaign_posted" | "campaign_stopped" | "campaign_restarted" | "campaign_ended" }
>;

export function decidesLateness(event: CampaignEvent): event is LateEvent {
  switch (event.type) {
    case "campaign_posted":
    case "campaign_stopped":
    case "campaign_restarted":
    case "campaign_ended":
      return true;
    case "campaign_created":
    case "campaign_edited":
    case "campaign_deleted":
    case "campaign_activated":
    case "campaign_preparing":
    case "audience_frozen":
    case "test_message_sent":
    case "modifications_reflected":
      return false;
  }
}

export class LateTimeline {
  /** Closed and, as the last, perhaps an open one; both ends are outside. */
  #windows: { readonly afterMs: number; readonly beforeMs: number }[] = [];
  /** Recorded time of a restart that no posting has followed yet. */
  #restartedMs: number | null = null;

  get isEmpty(): boolean {
    return this.#windows.length === 0;
  }

  fold(event: LateEvent, recordedMs: number): void {
    const open = this.#open;
    switch (event.type) {
      case "campaign_stopped":
        this.#restartedMs = null;
        // A stop before it posted again: it has been late from the earlier stop on.
        if (open) return;
        this.#windows.push({ afterMs: Date.parse(event.data.lateAfter), beforeMs: Infinity });
        return;
      case "campaign_restarted":
        if (open) this.#restartedMs = recordedMs;
        return;
      case "campaign_posted":
        this.#restartedMs = null;
        if (!open) return;
        this.#windows.pop();
        this.#windows.push({ afterMs: open.afterMs, beforeMs: Date.parse(event.data.at) });
        return;
      case "campaign_ended":
        this.#restartedMs = null;
        return;
    }
  }

  isLate(occurredAtMs: number): boolean {
    return this.#windows.some(({ afterMs, beforeMs }) =>
      occurredAtMs > afterMs && occurredAtMs < beforeMs
    );
  }

  /**
   * Whether no event recorded at `recordedMs` or later can change `isLate`. A stop is late only after
   * its own recorded time. A posting may be recorded long after its date, but its date is not before
   * the restart's recorded time.
   */
  isSettled(occurredAtMs: number, recordedMs: number): boolean {
    if (occurredAtMs > recordedMs) return false;
    const open = this.#open;
    if (!open || occurredAtMs <= open.afterMs) return true;
    return occurredAtMs < recordedMs &&
      (this.#restartedMs === null || occurredAtMs < this.#restartedMs);
  }

  toJson(): LateTimelineJson {
    return {
      windows: this.#windows.map(({ afterMs, beforeMs }) => [
        afterMs,
        beforeMs === Infinity ? null : beforeMs,
      ]),
      restartedMs: this.#restartedMs,
    };
  }

  load(json: LateTimelineJson): void {
    this.#windows = json.windows.map(([afterMs, beforeMs]) => ({
      afterMs,
      beforeMs: beforeMs ?? Infinity,
    }));
    this.#restartedMs = json.restartedMs;
  }

  get #open() {
    const last = this.#windows.at(-1);
    return last?.beforeMs === Infinity ? last : undefined;
  }
}

export interface LateTimelineJson {
  readonly windows: readonly (readonly [number, number | null])[];
  readonly restartedMs: number | null;
}
