/**
 * The campaigns that clients may be told of, as delivery looks at them: made anew whenever one of them
 * changes, and not for each request. A view holds its snapshot, so that membership is at hand.
 */
import {
  type CampaignSettings,
  deliveredSettings,
  withDefaults,
} from "../../events/campaign_settings.ts";
import type { Platform } from "../../events/workspace_events.ts";
import type { CampaignRow, CampaignsProjection } from "../../projections/campaigns.ts";
import type { Granularity } from "../../projections/kpi_buckets.ts";
import type { ContentRevision } from "../../projections/content_revisions.ts";
import { type Snapshot, SnapshotDamagedError, type Snapshots } from "../snapshots/mod.ts";
import type { Showable } from "./eligibility.ts";
import { messageContent, messageFrame, type MessageText, messageText } from "./message.ts";

export class CampaignView {
  /** All of `Showable` but the revision, which depends on the session. */
  readonly showable: Omit<Showable, "revision">;
  /** The calendar units of its caps, over all revisions. */
  readonly capUnits: readonly Granularity[];
  /** The draft as a test shows it; null for a campaign that is live. */
  readonly draft: ContentRevision | null;
  /** Whether some text of it may name attributes of a user. */
  readonly personal: boolean;
  /** Whether it has a cap per session. */
  readonly countsSessions: boolean;
  readonly #texts = new WeakMap<ContentRevision, Map<string, MessageText>>();
  readonly #showables = new WeakMap<ContentRevision, Showable>();

  constructor(readonly row: CampaignRow, workspaceZone: string, snapshot: Snapshot | null) {
    const { platforms, schedule, audience } = withDefaults(row.settings);
    this.showable = {
      campaignId: row.id,
      status: row.status,
      platforms,
      schedule,
      timeZone: schedule.timeZone ?? workspaceZone,
      audience,
      snapshot,
    };
    this.draft = row.status === "writing"
      ? { revision: 1, position: "", delivered: deliveredSettings(withDefaults(row.settings)) }
      : null;
    const shown = [...row.revisions, ...(this.draft ? [this.draft] : [])]
      .map(({ delivered }) => delivered);
    this.personal = shown.some((delivered) => JSON.stringify(delivered).includes("{{"));
    const units = new Set(
      shown.flatMap(({ exposure }) =>
        exposure.caps.filter(({ max }) => max !== null).map(({ per }) => per)
      ),
    );
    this.capUnits = (["day", "hour"] as const).filter((unit) => units.has(unit));
    this.countsSessions = units.has("session");
  }

  showableIn(revision: ContentRevision): Showable {
    const kept = this.#showables.get(revision);
    if (kept) return kept;
    const showable = { ...this.showable, revision };
    this.#showables.set(revision, showable);
    return showable;
  }

  /** Whether the draft may be looked at on this platform; one that names none is for all. */
  isTestOn(platform: Platform): boolean {
    const { platforms } = this.showable;
    return platforms.length === 0 || platforms.includes(platform);
  }

  /** When the test on a device ends; undefined: it is not tested there. */
  testUntil(device: number): number | undefined {
    return this.row.tests.find((test) => test.device === device)?.untilMs;
  }

  text(revision: ContentRevision, variant: string | null, locale: string | null): MessageText {
    const kept = this.#texts.get(revision) ?? new Map<string, MessageText>();
    const key = `${variant ?? ""} ${locale ?? ""}`;
    const ready = kept.get(key);
    if (ready) return ready;
    const { delivered } = revision;
    const content = messageContent(delivered, variant, locale);
    const frame = this.frame(revision, variant);
    const text = messageText(frame[0], content, frame[1]);
    // Callers choose locales: those that come seldom are made anew.
    if (kept.size >= textsKeptMax) kept.delete(kept.keys().next().value!);
    kept.set(key, text);
    this.#texts.set(revision, kept);
    return text;
  }

  frame(revision: ContentRevision, variant: string | null) {
    const test = this.draft !== null;
    return messageFrame(this.row.id, revision.revision, variant, revision.delivered, test);
  }
}

export interface Views {
  readonly live: readonly CampaignView[];
  readonly tested: readonly CampaignView[];
  /** Whether some message may name attributes of a user. */
  readonly personal: boolean;
  /** Whether some message has a cap per session. */
  readonly countsSessions: boolean;
}

export class LiveCampaigns {
  #views: Views | null = null;
  #model: CampaignsProjection | null = null;
  #changes = -1;
  #zone = "";
  /** What was said of a campaign that has not changed since, its texts among it, holds. */
  #kept: ReadonlyMap<string, CampaignView> = new Map();
  /** Snapshots that cannot be read. */
  readonly #lost = new Set<string>();

  constructor(
    readonly campaigns: () => CampaignsProjection,
    readonly workspaceZone: () => string,
    readonly snapshots: Snapshots,
  ) {}

  /** The views of now; a promise where a snapshot has to be read first. */
  views(): Views | Promise<Views> {
    const model = this.campaigns();
    const isNow = this.#model === model && this.#changes === model.deliveryChanges.count &&
      this.#zone === this.workspaceZone();
    if (isNow && this.#views) return this.#views;
    const missing = [...model.live.values()].flatMap((row) => {
      const id = neededSnapshot(row);
      const isMissing = id !== null && this.snapshots.get(id) === undefined && !this.#lost.has(id);
      return isMissing ? [id] : [];
    });
    if (missing.length === 0) return this.#make(model);
    // Asked again: others may have gone live meanwhile.
    return Promise.all(missing.map((id) => this.#load(id))).then(() => this.views());
  }

  /** The view of one campaign in any status, at its row. */
  view(row: CampaignRow, workspaceZone: string): CampaignView | Promise<CampaignView> {
    const id = neededSnapshot(row);
    const ready = id === null ? null : this.snapshots.get(id);
    if (ready !== undefined) return new CampaignView(row, workspaceZone, ready);
    return this.#load(id!)
      .then((snapshot) => new CampaignView(row, workspaceZone, snapshot));
  }

  /** One that is damaged is one that nobody is in: the other campaigns are shown all the same. */
  async #load(id: string): Promise<Snapshot | null> {
    const snapshot = await this.snapshots.load(id).catch((error) => {
      if (error instanceof SnapshotDamagedError) return null;
      throw error;
    });
    if (!snapshot) this.#lost.add(id);
    return snapshot;
  }

  #make(model: CampaignsProjection): Views {
    const zone = this.workspaceZone();
    const views = new Map<string, CampaignView>();
    const view = (row: CampaignRow) => {
      const id = neededSnapshot(row);
      const snapshot = id === null ? null : this.snapshots.get(id) ?? null;
      const kept = this.#kept.get(row.id);
      const view = kept?.row === row && kept.showable.snapshot === snapshot && this.#zone === zone
        ? kept
        : new CampaignView(row, zone, snapshot);
      views.set(row.id, view);
      return view;
    };
    const live = [...model.live.values()].map(view);
    const tested = [...model.tested.values()].map(view);
    this.#views = {
      live,
      tested,
      personal: [...views.values()].some(({ personal }) => personal),
      countsSessions: live.some(({ countsSessions }) => countsSessions),
    };
    this.#kept = views;
    this.#model = model;
    this.#changes = model.deliveryChanges.count;
    this.#zone = zone;
    return this.#views;
  }
}

const textsKeptMax = 100;

/** Null where the rules ask no snapshot. */
function neededSnapshot({ settings, snapshotId }: CampaignRow): string | null {
  return needsSnapshot(settings) ? snapshotId : null;
}

function needsSnapshot({ audience }: CampaignSettings): boolean {
  return audience?.kind === "audience" || Boolean(audience?.excludeAudienceId);
}
