/**
 * The rules of a campaign's life. Whoever calls it records what is due first (`dueEvents`) and then
 * decides on the state after that; what the command itself makes due comes with its own events.
 */
import type { CampaignEvent } from "../../events/campaign_events.ts";
import { missingContent } from "../../events/campaign_settings.ts";
import { type Decider, type Decision, refuse } from "../decider.ts";
import { dueEvents, isAtRest } from "./clock.ts";
import type { CampaignCommand, CampaignContext, CampaignRefusalCode } from "./commands.ts";
import { decideEdit, decideRestore, unknownAudiences } from "./edit.ts";
import { evolve, initialState } from "./evolve.ts";
import { goingLiveRefusal, incomplete } from "./going_live.ts";
import type { CampaignState } from "./state.ts";

type CampaignDecision = Decision<CampaignEvent, CampaignRefusalCode>;

export const campaignDecider: Decider<
  CampaignCommand,
  CampaignState,
  CampaignEvent,
  CampaignContext,
  CampaignRefusalCode
> = {
  initial: initialState,

  decide(command, state, context) {
    if ((state.status === "none") !== (command.type === "create") || state.status === "deleted") {
      throw new Error(`${command.type} cannot be asked of a campaign in status ${state.status}`);
    }
    if (command.type === "advance") return dueEvents(state, context);
    if (state.status === "ended") {
      return refuse("campaign_ended", "The campaign has ended for good: copy it to start anew.");
    }
    const decision = decideCommand(command, state, context);
    if (!isEvents(decision) || decision.length === 0) return decision;
    // An edit moves no status, so a draft stays at rest: this saves folding it twice.
    const isEdit = command.type === "edit" || command.type === "restore";
    if (isEdit && isAtRest(state)) return decision;
    const { nowMs } = context;
    const after = decision.reduce((next, event) => evolve(next, event, nowMs), state);
    return [...decision, ...dueEvents(after, context)];
  },

  evolve,
};

function decideCommand(
  command: Exclude<CampaignCommand, { type: "advance" }>,
  state: CampaignState,
  context: CampaignContext,
): CampaignDecision {
  switch (command.type) {
    case "create":
      return decideCreate(command, context);
    case "edit":
      return decideEdit(command.patch, state, context);
    case "restore":
      return decideRestore(command.settings, state, context);
    case "delete":
      return state.status === "writing"
        ? [{ type: "campaign_deleted", schema: 1, data: {} }]
        : refuse("not_writing", "Only a draft can be deleted; this campaign has been activated.");
    case "activate":
      return decideActivate(state, context);
    case "stop":
      return decideStop(state, context);
    case "restart":
      return state.status === "stopped"
        ? goingLiveRefusal(state.settings, context) ??
          [{ type: "campaign_restarted", schema: 1, data: {} }]
        : refuse("not_stopped", `Only a stopped campaign restarts; this one is ${state.status}.`);
    case "end":
      return decideEnd(state, context);
    case "send_test":
      return decideTest(command.devices, state);
    case "freeze_audience":
      return decideFreeze(command, state, context);
  }
}

/** A copy keeps an audience that has been deleted since: a draft may be incomplete. */
function decideCreate(
  { settings, copiedFrom }: Extract<CampaignCommand, { type: "create" }>,
  context: CampaignContext,
): CampaignDecision {
  const problems = copiedFrom === null ? unknownAudiences(settings, null, context) : [];
  if (problems.length > 0) return { invalid: problems };
  return [{ type: "campaign_created", schema: 1, data: { settings, copiedFrom } }];
}

function decideActivate(state: CampaignState, context: CampaignContext): CampaignDecision {
  switch (state.status) {
    case "writing":
      return goingLiveRefusal(state.settings, context) ??
        [{ type: "campaign_activated", schema: 1, data: {} }];
    case "waiting_to_post":
    case "preparing_to_publish":
    case "posting":
    case "posting_reflecting_modifications":
      return refuse("already_active", `The campaign is active already: it is ${state.status}.`);
    case "stopped":
    case "none":
    case "ended":
    case "deleted":
      return refuse(
        "not_writing",
        "Only a draft is activated; restart a stopped campaign instead.",
      );
  }
}

function decideStop(state: CampaignState, context: CampaignContext): CampaignDecision {
  switch (state.status) {
    case "waiting_to_post":
    case "preparing_to_publish":
    case "posting":
    case "posting_reflecting_modifications": {
      const lateAfter = instant(context.nowMs + context.statusCheckMs);
      return [{ type: "campaign_stopped", schema: 1, data: { lateAfter } }];
    }
    case "stopped":
      return refuse("already_stopped", "The campaign is stopped already; restart it to go on.");
    case "writing":
    case "none":
    case "ended":
    case "deleted":
      return refuse("not_active", "The campaign is not active: there is nothing to stop.");
  }
}

function decideEnd(state: CampaignState, context: CampaignContext): CampaignDecision {
  switch (state.status) {
    case "posting":
    case "posting_reflecting_modifications": {
      const at = instant(context.nowMs);
      const data = { at, cause: "end_command" as const, neverPosted: false };
      return [{ type: "campaign_ended", schema: 1, data }];
    }
    case "waiting_to_post":
    case "preparing_to_publish":
      return refuse("not_posting", "The campaign is not posted yet: stop it instead.");
    case "writing":
    case "stopped":
    case "none":
    case "ended":
    case "deleted":
      return refuse("not_posting", `Only a posting campaign can be ended: it is ${state.status}.`);
  }
}

/** Only a draft: what its test devices then see and do can never be counted, since it is not posted. */
function decideTest(devices: readonly number[], state: CampaignState): CampaignDecision {
  switch (state.status) {
    case "writing": {
      const missing = missingContent(state.settings);
      const data = { devices: [...new Set(devices)] };
      return incomplete(missing) ?? [{ type: "test_message_sent", schema: 1, data }];
    }
    case "waiting_to_post":
    case "preparing_to_publish":
    case "posting":
    case "posting_reflecting_modifications":
      return refuse(
        "already_active",
        "Only a draft is tested: copy the campaign and test the copy.",
      );
    case "stopped":
    case "none":
    case "ended":
    case "deleted":
      return refuse("not_writing", "Only a draft is tested: copy the campaign and test the copy.");
  }
}

/** A result that nobody waits for any more is dropped: the first of a preparation counts. */
function decideFreeze(
  { snapshot, preparingAtMs }: Extract<CampaignCommand, { type: "freeze_audience" }>,
  state: CampaignState,
  context: CampaignContext,
): CampaignDecision {
  if (state.status !== "preparing_to_publish" || state.snapshot !== null) return [];
  if (preparingAtMs !== undefined && preparingAtMs !== state.preparingAtMs) return [];
  const data = { at: instant(context.nowMs), ...snapshot };
  return [{ type: "audience_frozen", schema: 1, data }];
}

function isEvents(decision: CampaignDecision): decision is readonly CampaignEvent[] {
  return Array.isArray(decision);
}

function instant(ms: number): string {
  return new Date(ms).toISOString();
}
