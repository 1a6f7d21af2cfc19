/**
 * Commands on campaigns, audiences and the workspace, through the writer: first the boundaries that are due are
 * recorded, then the command is decided on what they left.
 */
import type { CampaignEvent } from "../../events/campaign_events.ts";
import { workspaceStream } from "../../events/workspace_events.ts";
import type { EventMeta } from "../../events/recorded_event.ts";
import {
  type AudienceCommand,
  audienceDecider,
  type AudienceState,
  audienceStateExists,
} from "../audience/mod.ts";
import {
  type CampaignCommand,
  campaignDecider,
  type CampaignState,
  dueEvents,
} from "../campaign/mod.ts";
import type { Invalid, Refusal } from "../decider.ts";
import type { Decided, Draft, Outcome, StreamStates, Writer } from "../event_store/mod.ts";
import type { Command } from "../event_store/mod.ts";
import { type WorkspaceCommand, workspaceDecider, type WorkspaceState } from "../workspace/mod.ts";
import { ActiveCampaigns } from "./active_campaigns.ts";
import { audienceExistsIn, DraftContext, type Durations } from "./draft_context.ts";
import { audienceStream, campaignStream, type StreamState } from "./streams.ts";

/** A command that was decided: what it left. */
export interface Done<State> {
  readonly kind: "done";
  readonly version: number;
  readonly state: State;
  /** Recorded time of the events. */
  readonly timeMs: number;
  /** Whether there is such an audience, at the same point of the log. */
  audienceExists(audienceId: string): boolean;
}

/** What came of a command, before it is an answer. */
export type Result<State> =
  | Done<State>
  | { readonly kind: "refused"; readonly refusal: Refusal }
  | { readonly kind: "invalid"; readonly invalid: Invalid }
  | { readonly kind: "unknown" }
  | { readonly kind: "version_mismatch"; readonly version: number };

/** A command with everything that its caller says of it. */
export interface Request<DomainCommand, State, Answer> {
  /** Or what makes it from other campaigns as they are then (null: there is no such campaign). */
  readonly command:
    | DomainCommand
    | ((campaign: (id: string) => CampaignState | null) => DomainCommand | null);
  readonly meta: EventMeta;
  /** The version that the caller has seen; another one gives `version_mismatch`. */
  readonly expectedVersion?: number | undefined;
  readonly remember?: Command<StreamState, Answer>["remember"] | undefined;
  answer(result: Result<State>): Decided<Answer>;
}

export class Transact {
  readonly active: ActiveCampaigns;

  constructor(
    readonly writer: Writer<StreamState>,
    states: StreamStates<StreamState>,
    readonly durations: Durations,
  ) {
    this.active = new ActiveCampaigns(states);
  }

  campaign<Answer>(
    campaignId: string,
    request: Request<CampaignCommand, CampaignState, Answer>,
  ): Promise<Outcome<Answer>> {
    const stream = campaignStream(campaignId);
    return this.#submit(request, (draft) => {
      const { meta } = request;
      const command = commandOf(request, draft);
      if (!command) return { kind: "unknown" };
      let head = draft.head(stream);
      if (command.type !== "create") {
        if (!exists(head.state as CampaignState)) return { kind: "unknown" };
        // So that slots are true, the boundaries of all active campaigns come first.
        const takesSlot = command.type === "activate" || command.type === "restart";
        const streams = takesSlot
          ? [...new Set([stream, ...this.active.streams(draft)])]
          : [stream];
        if (this.#advance(draft, streams, meta) > 0) head = draft.head(stream);
        const { version } = head;
        if (request.expectedVersion !== undefined && request.expectedVersion !== version) {
          return { kind: "version_mismatch", version };
        }
      }
      const context = new DraftContext(draft, stream, this.active, this.durations);
      const decision = campaignDecider.decide(command, head.state as CampaignState, context);
      if ("refused" in decision) return { kind: "refused", refusal: decision };
      if ("invalid" in decision) return { kind: "invalid", invalid: decision };
      // The first event is what was asked; those after it are boundaries that it made due at once.
      draft.append(stream, decision.slice(0, 1), meta);
      if (decision.length > 1) draft.append(stream, decision.slice(1), clockMeta(meta));
      return done<CampaignState>(draft, stream);
    });
  }

  audience<Answer>(
    audienceId: string,
    request: Request<AudienceCommand, AudienceState, Answer>,
  ): Promise<Outcome<Answer>> {
    const stream = audienceStream(audienceId);
    return this.#submit(request, (draft) => {
      const command = commandOf(request, draft);
      if (!command) return { kind: "unknown" };
      const { version, state } = draft.head(stream);
      if (command.type !== "create") {
        if (!audienceStateExists(state as AudienceState)) return { kind: "unknown" };
        if (request.expectedVersion !== undefined && request.expectedVersion !== version) {
          return { kind: "version_mismatch", version };
        }
      }
      const decision = audienceDecider.decide(command, state as AudienceState, {
        activeCampaigns: () => {
          // A campaign whose end has passed stands in nobody's way.
          this.#advance(draft, this.active.streams(draft), request.meta);
          return this.active.naming(draft, audienceId);
        },
      });
      if ("refused" in decision) return { kind: "refused", refusal: decision };
      if ("invalid" in decision) return { kind: "invalid", invalid: decision };
      draft.append(stream, decision, request.meta);
      return done<AudienceState>(draft, stream);
    });
  }

  workspace<Answer>(
    request: Request<WorkspaceCommand, WorkspaceState, Answer>,
  ): Promise<Outcome<Answer>> {
    return this.#submit(request, (draft) => {
      const { version, state } = draft.head(workspaceStream);
      if (request.expectedVersion !== undefined && request.expectedVersion !== version) {
        return { kind: "version_mismatch", version };
      }
      const command = commandOf(request, draft)!;
      const decision = workspaceDecider.decide(command, state as WorkspaceState, {});
      if ("refused" in decision) return { kind: "refused", refusal: decision };
      if ("invalid" in decision) return { kind: "invalid", invalid: decision };
      draft.append(workspaceStream, decision, request.meta);
      return done<WorkspaceState>(draft, workspaceStream);
    });
  }

  /**
   * Records the boundaries of these campaigns that are due, the earliest first, as many as one commit
   * takes. Gives how many were recorded.
   */
  async advance(
    streams: readonly string[],
    ids: { commandId: string; traceId: string },
  ): Promise<number> {
    const meta = { actor: clockActor, ...ids };
    const { answer } = await this.writer.submit({
      decide: (draft) => {
        const answer = this.#advance(draft, streams, meta, boundariesPerCommitMax);
        return { answer, success: true };
      },
    });
    return answer;
  }

  #submit<DomainCommand, State, Answer>(
    request: Request<DomainCommand, State, Answer>,
    decide: (draft: Draft<StreamState>) => Result<State>,
  ): Promise<Outcome<Answer>> {
    return this.writer.submit<Answer>({
      decide: (draft) => request.answer(decide(draft)),
      ...(request.remember ? { remember: request.remember } : {}),
    });
  }

  /** Boundaries stand in the log in the order of their dates, those of one campaign in theirs. */
  #advance(
    draft: Draft<StreamState>,
    streams: readonly string[],
    meta: EventMeta,
    countMax = Infinity,
  ): number {
    const { prepareLeadMs, reflectWindowMs } = this.durations;
    const clock = { nowMs: draft.timeMs, prepareLeadMs, reflectWindowMs };
    const due = streams.flatMap((stream) => {
      const state = draft.state(stream) as CampaignState;
      if (!exists(state)) return [];
      return dueEvents(state, clock).map((event) => ({ stream, event }));
    });
    if (due.length === 0) return 0;
    due.sort((one, other) => dateOf(one.event) - dateOf(other.event));
    const recorded = due.slice(0, countMax);
    for (const { stream, event } of recorded) draft.append(stream, [event], clockMeta(meta));
    return recorded.length;
  }
}

function done<State extends StreamState>(
  draft: Draft<StreamState>,
  stream: string,
): Done<State> {
  const { version, state } = draft.head(stream);
  return {
    kind: "done",
    version,
    state: state as State,
    timeMs: draft.timeMs,
    audienceExists: (audienceId) => audienceExistsIn(draft, audienceId),
  };
}

/** Of what time alone does. */
export const clockActor = "clock";
/** About 400 bytes each; the rest is recorded by the next commit. */
const boundariesPerCommitMax = 100;

/** Every boundary has a date of its own. */
function dateOf(event: CampaignEvent): number {
  return "at" in event.data ? Date.parse(event.data.at) : 0;
}

/** Of a boundary that is recorded on the occasion of a command: nobody asked for it. */
function clockMeta({ commandId, traceId }: EventMeta): EventMeta {
  return { actor: clockActor, commandId, traceId };
}

function commandOf<DomainCommand, State, Answer>(
  { command }: Request<DomainCommand, State, Answer>,
  draft: Draft<StreamState>,
): DomainCommand | null {
  if (typeof command !== "function") return command;
  const make = command as (campaign: (id: string) => CampaignState | null) => DomainCommand | null;
  return make((id) => {
    const state = draft.state(campaignStream(id)) as CampaignState;
    return exists(state) ? state : null;
  });
}

function exists(state: CampaignState): boolean {
  return state.status !== "none" && state.status !== "deleted";
}
