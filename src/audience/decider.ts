/** The rules of an audience's life: made once, edited at any time, deleted when nobody needs it. */
import type { AudienceEvent, AudienceKind, AudienceRule } from "../../events/audience_events.ts";
import { audienceRuleFault } from "../../events/audience_rule.ts";
import { mergePatch, sameJson } from "../../events/campaign_settings.ts";
import { type Fault, pointerTo, type Problem } from "../../events/problem.ts";
import { type Decider, type Decision, type Invalid, refuse } from "../decider.ts";

export interface AudienceState {
  /** `none` before the first event, `deleted` after the last. */
  readonly status: "none" | "present" | "deleted";
  readonly name: string;
  readonly kind: AudienceKind;
  /** Null for a list. */
  readonly rule: AudienceRule | null;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
}

export type AudienceCommand =
  | {
    readonly type: "create";
    readonly name: string;
    readonly kind: AudienceKind;
    /** Undefined: none was given. */
    readonly rule?: unknown;
  }
  /** A JSON merge patch (RFC 7396) of name and rule; the kind may be repeated. */
  | {
    readonly type: "edit";
    readonly patch: {
      readonly name?: string | undefined;
      readonly kind?: AudienceKind | undefined;
      readonly rule?: unknown;
    };
  }
  | { readonly type: "delete" };

/** What a decision depends on outside the audience's own stream. */
export interface AudienceContext {
  /** Ids of the active campaigns that name it, all their boundaries recorded. */
  activeCampaigns(): readonly string[];
}

export const audienceRefusalCodes = ["audience_in_use"] as const;
export type AudienceRefusalCode = (typeof audienceRefusalCodes)[number];

type AudienceDecision = Decision<AudienceEvent, AudienceRefusalCode>;

export const audienceDecider: Decider<
  AudienceCommand,
  AudienceState,
  AudienceEvent,
  AudienceContext,
  AudienceRefusalCode
> = {
  initial: { status: "none", name: "", kind: "list", rule: null, createdAtMs: 0, updatedAtMs: 0 },

  decide(command, state, context) {
    const fits = command.type === "create" ? state.status === "none" : exists(state);
    if (!fits) throw new Error(`${command.type} cannot be asked of an audience: ${state.status}`);
    switch (command.type) {
      case "create":
        return decideCreate(command);
      case "edit":
        return decideEdit(command, state);
      case "delete":
        return decideDelete(context);
    }
  },

  evolve(state, event, timeMs) {
    switch (event.type) {
      case "audience_created":
        return { status: "present", ...event.data, createdAtMs: timeMs, updatedAtMs: timeMs };
      case "audience_edited":
        return { ...state, ...event.data.set, updatedAtMs: timeMs };
      case "audience_deleted":
        // Nothing is asked of it any more, so nothing of it is kept.
        return { ...state, status: "deleted", rule: null, updatedAtMs: timeMs };
    }
  },
};

export function exists({ status }: AudienceState): boolean {
  return status === "present";
}

function decideCreate(
  { name, kind, rule }: Extract<AudienceCommand, { type: "create" }>,
): AudienceDecision {
  if (kind === "list") {
    if (rule !== undefined && rule !== null) return invalid(ruleOfList);
    return [{ type: "audience_created", schema: 1, data: { name, kind, rule: null } }];
  }
  if (rule === undefined || rule === null) return invalid(ruleRequired);
  const fault = audienceRuleFault(rule);
  if (fault !== null) return invalid(faultOfRule(fault));
  const data = { name, kind, rule: rule as AudienceRule };
  return [{ type: "audience_created", schema: 1, data }];
}

function decideEdit(
  { patch }: Extract<AudienceCommand, { type: "edit" }>,
  state: AudienceState,
): AudienceDecision {
  if (patch.kind !== undefined && patch.kind !== state.kind) return invalid(kindFixed);
  const set: { name?: string; rule?: AudienceRule } = {};
  if (patch.name !== undefined && patch.name !== state.name) set.name = patch.name;
  if (patch.rule !== undefined) {
    const rule = ruleAfter(patch.rule, state);
    if ("invalid" in rule) return rule;
    if (rule.is !== null && !sameJson(rule.is, state.rule)) set.rule = rule.is;
  }
  if (Object.keys(set).length === 0) return [];
  return [{ type: "audience_edited", schema: 1, data: { set } }];
}

/**
 * The rule that a patch leads to. Merged into one of another operator it would have two operators, so
 * a patch that is a rule by itself then replaces it.
 */
function ruleAfter(patch: unknown, state: AudienceState): { is: AudienceRule | null } | Invalid {
  if (state.kind === "list") return patch === null ? { is: null } : invalid(ruleOfList);
  if (patch === null) return invalid(ruleRequired);
  const merged = mergePatch(state.rule, patch);
  if (audienceRuleFault(merged) === null) return { is: merged as AudienceRule };
  const fault = audienceRuleFault(patch);
  return fault === null ? { is: patch as AudienceRule } : invalid(faultOfRule(fault));
}

function decideDelete({ activeCampaigns }: AudienceContext): AudienceDecision {
  const users = activeCampaigns();
  if (users.length === 0) return [{ type: "audience_deleted", schema: 1, data: {} }];
  const more = users.length > shownCampaigns ? ` and ${users.length - shownCampaigns} more` : "";
  return refuse(
    "audience_in_use",
    `Active campaigns use this audience: ${users.slice(0, shownCampaigns).join(", ")}${more}. ` +
      "Stop or end them first.",
  );
}

const shownCampaigns = 5;

const ruleRequired: Problem = {
  pointer: "/rule",
  code: "required",
  message: "An audience by rule needs its rule: add it.",
};
const ruleOfList: Problem = {
  pointer: "/rule",
  code: "forbidden",
  message: "A list has members and no rule: remove this.",
};
const kindFixed: Problem = {
  pointer: "/kind",
  code: "invalid_value",
  message: "The kind of an audience never changes: make another audience.",
};

function faultOfRule({ code, message, path = [] }: Fault): Problem {
  return { pointer: pointerTo("/rule", ...path), code, message };
}

function invalid(...problems: readonly Problem[]): Invalid {
  return { invalid: problems };
}
