/**
 * A second model of a campaign's life, written from the rules of docs/guide.md without a look at the decider, so that
 * the two can be held against each other. It is naive on purpose: one flat record that is changed in
 * place, and a clock that walks from one instant at which anything could happen to the next. A
 * boundary is dated by the instant at which the walk stands, never by a formula.
 */
import type { CampaignStatus } from "../../events/campaign_events.ts";
import type { CampaignSettings } from "../../events/campaign_settings.ts";
import type { Platform } from "../../events/workspace_events.ts";
import type { CampaignCommand, CampaignRefusalCode } from "../../src/campaign/commands.ts";

/** The settings that the rules look at, and one (`description`) that no client receives. */
export interface ModelSettings {
  name: string | null;
  description: string;
  type: "modal_text" | "modal_image_text";
  platforms: Platform[];
  /** An audience's id, everybody ("all"), or everybody but the members of one ("all but ID"). */
  audience: string;
  startMs: number | null;
  endMs: number | null;
  body: string | null;
  priority: number;
}

export type ModelCommand =
  | { kind: "edit"; set: Partial<ModelSettings> }
  | { kind: "delete" | "activate" | "stop" | "restart" | "end" | "advance" | "freeze_audience" };

export interface ModelStep {
  atMs: number;
  command: ModelCommand;
  othersActive: number;
  platformsSetUp: Platform[];
  /** False where the chosen audience has been deleted. */
  audienceExists: boolean;
}

export interface ModelConfig {
  prepareLeadMs: number;
  reflectWindowMs: number;
  activeLimit: number;
}

export type Outcome = "ok" | "invalid" | CampaignRefusalCode;

export interface TimelineEntry {
  status: CampaignStatus | "deleted";
  atMs: number;
  cause?: string;
}

/** What can be seen from outside after a step. */
export interface Seen {
  outcome: Outcome;
  status: CampaignStatus | "deleted";
  revision: number;
  timeline: TimelineEntry[];
}

/** Lives through the steps and says after each what can be seen. */
export function live(
  config: ModelConfig,
  settings: ModelSettings,
  createdAtMs: number,
  steps: readonly ModelStep[],
): Seen[] {
  const campaign = new Campaign(config, settings, createdAtMs);
  return steps.map((step) => campaign.take(step));
}

class Campaign {
  status: CampaignStatus | "deleted" = "writing";
  revision = 1;
  snapshotReady = false;
  posted = false;
  lastEditMs = -Infinity;
  timeline: TimelineEntry[] = [];
  settings: ModelSettings;

  constructor(readonly config: ModelConfig, settings: ModelSettings, public nowMs: number) {
    this.settings = structuredClone(settings);
    this.timeline.push({ status: "writing", atMs: nowMs });
  }

  take(step: ModelStep): Seen {
    this.walkTo(step.atMs);
    const outcome = this.obey(step);
    this.stand();
    const { status, revision } = this;
    return { outcome, status, revision, timeline: structuredClone(this.timeline) };
  }

  walkTo(atMs: number): void {
    const { startMs, endMs } = this.settings;
    const stops = [atMs, this.lastEditMs + this.config.reflectWindowMs];
    if (startMs !== null) stops.push(startMs - this.config.prepareLeadMs, startMs);
    if (endMs !== null) stops.push(endMs);
    stops.sort((a, b) => a - b);
    for (const stop of stops) {
      if (stop < this.nowMs || stop > atMs) continue;
      this.nowMs = stop;
      this.stand();
    }
  }

  /** Everything that the clock does at this very instant. */
  stand(): void {
    const { startMs, endMs } = this.settings;
    const running = this.isActive() || this.status === "stopped";
    if (running && endMs !== null && this.nowMs >= endMs) {
      this.become("ended", this.posted ? "end_reached" : "never_posted");
    }
    if (this.status === "posting_reflecting_modifications") {
      if (this.nowMs >= this.lastEditMs + this.config.reflectWindowMs) this.become("posting");
    }
    if (startMs === null) return;
    if (this.status === "waiting_to_post" && this.nowMs >= startMs - this.config.prepareLeadMs) {
      this.become("preparing_to_publish");
      this.snapshotReady = this.settings.audience === "all";
    }
    if (this.status === "preparing_to_publish" && this.nowMs >= startMs && this.snapshotReady) {
      this.become("posting");
      this.posted = true;
    }
  }

  obey(step: ModelStep): Outcome {
    const { command } = step;
    if (command.kind === "advance") return "ok";
    if (this.status === "ended") return "campaign_ended";
    switch (command.kind) {
      case "edit":
        return this.edit(command.set, step);
      case "delete":
        if (this.status !== "writing") return "not_writing";
        this.become("deleted");
        return "ok";
      case "activate":
        if (this.isActive()) return "already_active";
        if (this.status !== "writing") return "not_writing";
        return this.goLive(step);
      case "restart":
        if (this.status !== "stopped") return "not_stopped";
        return this.goLive(step);
      case "stop":
        if (this.status === "stopped") return "already_stopped";
        if (!this.isActive()) return "not_active";
        this.become("stopped");
        return "ok";
      case "end":
        if (!this.isPublished()) return "not_posting";
        this.become("ended", "end_command");
        return "ok";
      case "freeze_audience":
        if (this.status === "preparing_to_publish") this.snapshotReady = true;
        return "ok";
    }
  }

  goLive(step: ModelStep): Outcome {
    const { startMs, endMs } = this.settings;
    if (this.isIncomplete()) return "campaign_incomplete";
    if (this.settings.audience !== "all" && !step.audienceExists) return "campaign_incomplete";
    if (endMs! <= this.nowMs) return "end_in_past";
    if (endMs! <= startMs!) throw new Error("no such settings can have been written");
    if (this.lacksPlatform(step)) return "platform_not_set_up";
    if (step.othersActive >= this.config.activeLimit) return "active_limit_reached";
    this.snapshotReady = false;
    this.become("waiting_to_post");
    return "ok";
  }

  edit(set: Partial<ModelSettings>, step: ModelStep): Outcome {
    if (set.name === null) return "invalid";
    const before = this.settings;
    const after = { ...before, ...structuredClone(set) };
    const changed = (key: keyof ModelSettings) =>
      JSON.stringify(before[key]) !== JSON.stringify(after[key]);
    const changes = (Object.keys(after) as (keyof ModelSettings)[]).filter(changed);
    if (changes.length === 0) return "ok";

    const locked = this.isPublished() || this.status === "preparing_to_publish";
    if (locked && changed("audience")) return "audience_locked";
    if (locked && changed("startMs")) return "start_locked";
    if ((locked || this.status === "stopped") && changed("type")) return "type_locked";

    this.settings = after;
    const no = this.objection(step);
    if (no !== null) {
      this.settings = before;
      return no;
    }
    this.lastEditMs = this.nowMs;
    const delivered = changes.some((key) => key === "body" || key === "type" || key === "priority");
    if (this.posted && delivered) this.revision++;
    if (this.status === "posting") this.become("posting_reflecting_modifications");
    return "ok";
  }

  /** What speaks against the settings as they would be. */
  objection(step: ModelStep): Outcome | null {
    const { startMs, endMs } = this.settings;
    if (this.isActive() && endMs !== null && endMs <= this.nowMs) return "end_in_past";
    if (startMs !== null && endMs !== null && endMs <= startMs) return "invalid";
    if (this.isActive() && this.isIncomplete()) return "campaign_incomplete";
    if (this.isActive() && this.lacksPlatform(step)) return "platform_not_set_up";
    return null;
  }

  isIncomplete(): boolean {
    const { startMs, endMs, body, platforms } = this.settings;
    return startMs === null || endMs === null || body === null || platforms.length === 0;
  }

  lacksPlatform(step: ModelStep): boolean {
    return this.settings.platforms.some((platform) => !step.platformsSetUp.includes(platform));
  }

  isPublished(): boolean {
    return this.status === "posting" || this.status === "posting_reflecting_modifications";
  }

  isActive(): boolean {
    return this.isPublished() || this.status === "waiting_to_post" ||
      this.status === "preparing_to_publish";
  }

  become(status: CampaignStatus | "deleted", cause?: string): void {
    this.status = status;
    this.timeline.push({ status, atMs: this.nowMs, ...(cause === undefined ? {} : { cause }) });
  }
}

/** The model's settings as the software takes them, as a patch: `null` for what is cleared. */
export function patchOf(set: Partial<ModelSettings>): Record<string, unknown> {
  const patch: Record<string, unknown> = {};
  const schedule: Record<string, unknown> = {};
  const content: Record<string, unknown> = {};
  if (set.name !== undefined) patch.name = set.name;
  if (set.description !== undefined) patch.description = set.description;
  if (set.priority !== undefined) patch.priority = set.priority;
  if (set.platforms !== undefined) patch.platforms = set.platforms;
  if (set.audience !== undefined) patch.audience = audienceOf(set.audience);
  if (set.startMs !== undefined) schedule.startAt = instantOf(set.startMs);
  if (set.endMs !== undefined) schedule.endAt = instantOf(set.endMs);
  if (set.body !== undefined) content.body = set.body;
  if (set.type !== undefined) {
    patch.type = set.type;
    Object.assign(content, set.type === "modal_text" ? withoutImage : withImage);
  }
  if (Object.keys(schedule).length > 0) patch.schedule = schedule;
  if (Object.keys(content).length > 0) patch.content = content;
  return patch;
}

/** Settings to create a campaign with: as a patch, without what is cleared. */
export function settingsOf(settings: ModelSettings): CampaignSettings {
  const text = JSON.stringify(patchOf(settings), (_key, value) => value ?? undefined);
  return JSON.parse(text);
}

/** The same command in the software's words. */
export function commandOf(command: ModelCommand): CampaignCommand {
  switch (command.kind) {
    case "edit":
      return { type: "edit", patch: patchOf(command.set) };
    case "freeze_audience":
      return {
        type: "freeze_audience",
        snapshot: { snapshotId: "snap_1", size: 3, digest: "ab".repeat(32) },
      };
    case "delete":
    case "activate":
    case "stop":
    case "restart":
    case "end":
    case "advance":
      return { type: command.kind };
  }
}

const withImage = {
  images: { portrait: { url: "https://img.example/a.png" } },
  imageAction: { type: "close" },
};
const withoutImage = { images: null, imageAction: null };

function audienceOf(audience: string): unknown {
  const excluded = /^all but (.+)$/.exec(audience)?.[1];
  if (excluded !== undefined) return { kind: "all", excludeAudienceId: excluded };
  const nobody = { excludeAudienceId: null };
  return audience === "all"
    ? { kind: "all", ...nobody }
    : { kind: "audience", audienceId: audience, ...nobody };
}

function instantOf(atMs: number | null): string | null {
  return atMs === null ? null : new Date(atMs).toISOString();
}
