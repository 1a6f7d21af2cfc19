/** What can be asked of a campaign, what deciding it needs to know, and the codes of its refusals. */
import type { CampaignSettings } from "../../events/campaign_settings.ts";
import type { Platform } from "../../events/workspace_events.ts";

export type CampaignCommand =
  | {
    readonly type: "create";
    readonly settings: CampaignSettings;
    readonly copiedFrom: string | null;
  }
  /** A JSON merge patch (RFC 7396) of the settings. */
  | { readonly type: "edit"; readonly patch: Readonly<Record<string, unknown>> }
  /** An edit that takes what clients receive back to what it was: the settings of an earlier revision. */
  | { readonly type: "restore"; readonly settings: CampaignSettings }
  | { readonly type: "delete" }
  | { readonly type: "activate" }
  | { readonly type: "stop" }
  | { readonly type: "restart" }
  | { readonly type: "end" }
  /** Show the draft to these devices, by their numbers in the identity register. */
  | { readonly type: "send_test"; readonly devices: readonly number[] }
  /** The clock: record every boundary that is due. */
  | { readonly type: "advance" }
  /**
   * The audience has been calculated. `preparingAtMs` names the preparation that it was calculated
   * for (the state's); a result that comes after a stop and a restart is then dropped.
   */
  | {
    readonly type: "freeze_audience";
    readonly snapshot: AudienceSnapshot;
    readonly preparingAtMs?: number;
  };

export interface AudienceSnapshot {
  readonly snapshotId: string;
  /** Members; null for "all". */
  readonly size: number | null;
  readonly digest: string | null;
}

/** Everything outside the campaign's own stream that a decision depends on. */
export interface CampaignContext {
  /** Recorded time of the events that are decided: max(clock, last recorded). */
  readonly nowMs: number;
  /** From the start back to the calculation of the audience. */
  readonly prepareLeadMs: number;
  /** From the last edit to the end of "reflecting modifications". */
  readonly reflectWindowMs: number;
  /** How long a client may go on showing a stopped message before it asks. */
  readonly statusCheckMs: number;
  readonly activeLimit: number;
  /** Active campaigns in the workspace, all boundaries of theirs recorded, this campaign left out. */
  readonly otherActiveCount: number;
  readonly platformsSetUp: readonly Platform[];
  audienceExists(audienceId: string): boolean;
}

export const campaignRefusalCodes = [
  "campaign_ended",
  "audience_locked",
  "start_locked",
  "type_locked",
  "end_in_past",
  "campaign_incomplete",
  "platform_not_set_up",
  "not_writing",
  "already_active",
  "active_limit_reached",
  "not_active",
  "already_stopped",
  "not_stopped",
  "not_posting",
] as const;
export type CampaignRefusalCode = (typeof campaignRefusalCodes)[number];
