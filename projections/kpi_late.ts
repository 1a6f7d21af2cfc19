/**
 * When impressions of a campaign are late: later than a stop's `lateAfter` and before the next posting.
 * Only what happened decides, so an impression is judged when no event to come can change the answer.
 * The events themselves are kept, because a stored timeline may have to be taken back to a checkpoint:
 * one that knew more would judge earlier, and put an impression into another row than before.
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
  /** From the first stop on. */
  #events: TimelineEvent[] = [];
  /** Closed and, as the last, perhaps an open one; both ends are outside. */
  #windows: { readonly afterMs: number; readonly beforeMs: number }[] = [];
  /** Recorded time of a restart that no posting has followed yet. */
  #restartedMs: number | null = null;

  get isEmpty(): boolean {
    return this.#events.length === 0;
  }

  fold(event: LateEvent, recordedMs: number, position: string): void {
    if (this.isEmpty && event.type !== "campaign_stopped") return;
    this.#apply([position, event.type, dateOf(event) ?? recordedMs]);
  }

  /** Whether it knows of an event at the position or later. */
  isAhead(position: string): boolean {
    const last = this.#events.at(-1);
    return last !== undefined && last[0] >= position;
  }

  /** Forgets what happened at the position and later. */
  takeBack(position: string): void {
    this.load(this.#events.filter(([before]) => before < position));
  }

  #apply(entry: TimelineEvent): void {
    this.#events.push(entry);
    const [, type, atMs] = entry;
    const open = this.#open;
    switch (type) {
      case "campaign_stopped":
        this.#restartedMs = null;
        // A stop before it posted again: it has been late from the earlier stop on.
        if (open) return;
        this.#windows.push({ afterMs: atMs, beforeMs: Infinity });
        return;
      case "campaign_restarted":
        if (open) this.#restartedMs = atMs;
        return;
      case "campaign_posted":
        this.#restartedMs = null;
        if (!open) return;
        this.#windows.pop();
        this.#windows.push({ afterMs: open.afterMs, beforeMs: atMs });
        return;
      case "campaign_ended":
        this.#restartedMs = null;
        return;
    }
  }

  /** Whether nothing that has happened is late or can come to be, by what is known so far. */
  get isNeverLate(): boolean {
    return this.#windows.length === 0;
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

  toJson(): readonly TimelineEvent[] {
    return this.#events;
  }

  load(events: readonly TimelineEvent[]): void {
    this.#events = [];
    this.#windows = [];
    this.#restartedMs = null;
    for (const event of events) this.#apply(event);
  }

  get #open() {
    const last = this.#windows.at(-1);
    return last?.beforeMs === Infinity ? last : undefined;
  }
}

/** Position, type, and the date that counts: of a restart its recorded time. */
export type TimelineEvent = readonly [string, LateEvent["type"], number];

function dateOf(event: LateEvent): number | null {
  switch (event.type) {
    case "campaign_stopped":
      return Date.parse(event.data.lateAfter);
    case "campaign_posted":
      return Date.parse(event.data.at);
    case "campaign_restarted":
    case "campaign_ended":
      return null;
  }
}
