/**
 * What time alone does to a campaign. Each boundary is dated when it was due, however late anybody
 * looks, but never before the command that made it matter; at equal instants the end wins.
 */
import type { CampaignEvent } from "../../events/campaign_events.ts";
import type { CampaignContext } from "./commands.ts";
import { evolve } from "./evolve.ts";
import type { CampaignState } from "./state.ts";

/** How long the phases between two boundaries take. */
export type ClockDurations = Pick<CampaignContext, "prepareLeadMs" | "reflectWindowMs">;

/** A transition that the clock makes when nobody does anything. */
export interface Boundary {
  readonly atMs: number;
  readonly status: "preparing_to_publish" | "posting" | "ended";
}

/** The events of all boundaries that are due, in time order; recording them makes none due. */
export function dueEvents(
  state: CampaignState,
  context: ClockDurations & Pick<CampaignContext, "nowMs">,
): CampaignEvent[] {
  if (isAtRest(state)) return [];
  const events: CampaignEvent[] = [];
  let current = state;
  let boundary = boundaryAhead(current, context);
  while (boundary !== null && boundary.atMs <= context.nowMs) {
    for (const event of crossing(current, boundary)) {
      events.push(event);
      current = evolve(current, event, context.nowMs);
    }
    boundary = boundaryAhead(current, context);
  }
  return events;
}

/** The instant at which `dueEvents` gives something; null: never, unless somebody does something. */
export function dueAtMs(state: CampaignState, durations: ClockDurations): number | null {
  return boundaryAhead(state, durations)?.atMs ?? null;
}

/** Whether neither time nor a calculation will do anything to it, whatever its dates. */
export function isAtRest({ status }: Pick<CampaignState, "status">): boolean {
  return status === "none" || status === "writing" || status === "ended" || status === "deleted";
}

/**
 * What people should expect next. Unlike `dueAtMs` it counts on the audience being calculated in
 * time: before the start that is posting, later (`nowMs` tells) only the end is certain.
 */
export function nextBoundary(
  state: CampaignState,
  context: ClockDurations & Partial<Pick<CampaignContext, "nowMs">>,
): Boundary | null {
  const startMs = startMsOf(state);
  const calculating = state.status === "preparing_to_publish" && state.snapshot === null;
  if (!calculating || startMs === null || startMs <= (context.nowMs ?? -Infinity)) {
    return boundaryAhead(state, context);
  }
  return earlier(endBoundary(state), { atMs: startMs, status: "posting" });
}

export function startMsOf({ settings }: CampaignState): number | null {
  return instantMs(settings.schedule?.startAt);
}

export function endMsOf({ settings }: Pick<CampaignState, "settings">): number | null {
  return instantMs(settings.schedule?.endAt);
}

function boundaryAhead(state: CampaignState, durations: ClockDurations): Boundary | null {
  return earlier(endBoundary(state), phaseBoundary(state, durations));
}

function earlier(end: Boundary | null, other: Boundary | null): Boundary | null {
  if (end === null || other === null) return end ?? other;
  return end.atMs <= other.atMs ? end : other;
}

function endBoundary(state: CampaignState): Boundary | null {
  switch (state.status) {
    case "waiting_to_post":
    case "preparing_to_publish":
    case "posting":
    case "posting_reflecting_modifications":
    case "stopped": {
      const endMs = endMsOf(state);
      return endMs === null ? null : { atMs: Math.max(endMs, state.clockFloorMs), status: "ended" };
    }
    case "none":
    case "writing":
    case "ended":
    case "deleted":
      return null;
  }
}

/** The boundary that leads from this phase of a campaign's life into the next. */
function phaseBoundary(state: CampaignState, durations: ClockDurations): Boundary | null {
  const { clockFloorMs, preparingAtMs, snapshot, editedAtMs } = state;
  switch (state.status) {
    case "waiting_to_post": {
      const startMs = startMsOf(state);
      if (startMs === null) return null;
      const atMs = Math.max(startMs - durations.prepareLeadMs, clockFloorMs);
      return { atMs, status: "preparing_to_publish" };
    }
    case "preparing_to_publish": {
      const startMs = startMsOf(state);
      if (startMs === null || snapshot === null) return null;
      const atMs = Math.max(startMs, snapshot.atMs, preparingAtMs, clockFloorMs);
      return { atMs, status: "posting" };
    }
    case "posting_reflecting_modifications":
      return { atMs: editedAtMs + durations.reflectWindowMs, status: "posting" };
    case "none":
    case "writing":
    case "posting":
    case "stopped":
    case "ended":
    case "deleted":
      return null;
  }
}

function crossing(state: CampaignState, boundary: Boundary): CampaignEvent[] {
  const at = new Date(boundary.atMs).toISOString();
  switch (boundary.status) {
    case "preparing_to_publish": {
      const preparing: CampaignEvent = { type: "campaign_preparing", schema: 1, data: { at } };
      return isForEverybody(state) ? [preparing, everybodyFrozen(at)] : [preparing];
    }
    case "posting":
      return state.status === "posting_reflecting_modifications"
        ? [{ type: "modifications_reflected", schema: 1, data: { at } }]
        : [{ type: "campaign_posted", schema: 1, data: { at } }];
    case "ended": {
      const neverPosted = state.firstPostedAtMs === null;
      const data = { at, cause: "end_reached" as const, neverPosted };
      return [{ type: "campaign_ended", schema: 1, data }];
    }
  }
}

/** Nothing is calculated for everybody: the snapshot is ready at the boundary itself. */
function everybodyFrozen(at: string): CampaignEvent {
  const data = { at, snapshotId: "all", size: null, digest: null };
  return { type: "audience_frozen", schema: 1, data };
}

/** "All" but an excluded audience is not everybody: who is excluded has to be calculated. */
function isForEverybody({ settings: { audience } }: CampaignState): boolean {
  return (audience?.kind ?? "all") === "all" && !audience?.excludeAudienceId;
}

function instantMs(instant: string | null | undefined): number | null {
  return instant ? Date.parse(instant) : null;
}
