/** The campaigns themselves: what GET of one, the list and delivery answer from. */
import type { CampaignEvent, CampaignStatus } from "../events/campaign_events.ts";
import { campaignStreamPrefix, isActiveStatus } from "../events/campaign_events.ts";
import { type CampaignSettings, settingsAfter } from "../events/campaign_settings.ts";
import type { RecordedEvent } from "../events/recorded_event.ts";
import { AudienceUsers } from "./audience_users.ts";
import { CampaignOrder } from "./campaign_order.ts";
import { type ContentRevision, nextRevisions } from "./content_revisions.ts";
import { statusChange } from "./campaign_status.ts";
import { type RowFold, RowProjection } from "./row_projection.ts";

export interface CampaignRow {
  readonly id: string;
  readonly status: CampaignStatus | "deleted";
  /** As given, defaults left out. */
  readonly settings: CampaignSettings;
  readonly version: number;
  readonly contentRevision: number;
  readonly copiedFrom: string | null;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  /** When the settings last changed, which breaks ties of priority. */
  readonly settingsChangedAtMs: number;
  /** What clients may hold of it. */
  readonly revisions: readonly ContentRevision[];
  /** The frozen audience of the current activation; null while there is none. */
  readonly snapshotId: string | null;
  /** Devices (numbers) that are shown the draft as a test, each until then. */
  readonly tests: readonly { readonly device: number; readonly untilMs: number }[];
  /** The last event that changed what is delivered of it; empty: none has. */
  readonly deliveryChangedPosition: string;
}

/** A test message is shown for this long. */
export const testShownMs = 24 * 60 * 60 * 1000;
/** Devices that one draft is tested on at a time; the latest stay. */
export const testsMax = 1_000;

export const campaignsFold: RowFold<CampaignRow> = {
  name: "campaigns",
  revision: 2,

  rowKey: ({ stream }) =>
    stream.startsWith(campaignStreamPrefix) ? stream.slice(campaignStreamPrefix.length) : undefined,

  fold(row, recorded) {
    const event = recorded.event as CampaignEvent;
    const change = statusChange(row?.status, event, recorded.timeMs);
    const base = row ?? firstRow(recorded);
    const edit = event.type === "campaign_edited" ? event.data : null;
    const status = change?.status ?? base.status;
    const settings = edit ? settingsAfter(base.settings, edit.set) : base.settings;
    const contentRevision = edit?.contentRevision ?? base.contentRevision;
    const tests = testsAfter(base.tests, event, recorded.timeMs);
    const revised = { status, settings, contentRevision };
    // The members stand in the order of all rows: the same row always has the same text.
    return {
      id: base.id,
      status,
      settings,
      version: recorded.version,
      contentRevision,
      copiedFrom: base.copiedFrom,
      createdAtMs: base.createdAtMs,
      updatedAtMs: recorded.timeMs,
      settingsChangedAtMs: edit ? recorded.timeMs : base.settingsChangedAtMs,
      revisions: nextRevisions(base.revisions, revised, recorded.position),
      snapshotId: snapshotAfter(base.snapshotId, event),
      tests,
      deliveryChangedPosition: isDelivered(base) || isLive({ status }) || tests.length > 0
        ? recorded.position
        : base.deliveryChangedPosition,
    };
  },
};

function firstRow(recorded: RecordedEvent): CampaignRow {
  const event = recorded.event as CampaignEvent;
  if (event.type !== "campaign_created") {
    throw new Error(`${recorded.stream} begins with ${event.type}`);
  }
  return {
    id: recorded.stream.slice(campaignStreamPrefix.length),
    status: "writing",
    settings: event.data.settings as CampaignSettings,
    version: recorded.version,
    contentRevision: 1,
    copiedFrom: event.data.copiedFrom,
    createdAtMs: recorded.timeMs,
    updatedAtMs: recorded.timeMs,
    settingsChangedAtMs: recorded.timeMs,
    revisions: [],
    snapshotId: null,
    tests: [],
    deliveryChangedPosition: "",
  };
}

function snapshotAfter(before: string | null, event: CampaignEvent): string | null {
  switch (event.type) {
    case "audience_frozen":
      return event.data.snapshotId;
    case "campaign_activated":
    case "campaign_restarted":
      return null;
    case "campaign_created":
    case "campaign_edited":
    case "campaign_deleted":
    case "campaign_preparing":
    case "campaign_posted":
    case "modifications_reflected":
    case "campaign_stopped":
    case "campaign_ended":
    case "test_message_sent":
      return before;
  }
}

/** A draft that is a draft no more is tested no more: what comes after counts. */
function testsAfter(
  before: CampaignRow["tests"],
  event: CampaignEvent,
  timeMs: number,
): CampaignRow["tests"] {
  if (event.type === "campaign_activated" || event.type === "campaign_deleted") return [];
  if (event.type !== "test_message_sent") return before;
  const fresh = event.data.devices.map((device) => ({ device, untilMs: timeMs + testShownMs }));
  const kept = before.filter(({ device, untilMs }) =>
    untilMs > timeMs && !event.data.devices.includes(device)
  );
  return [...kept, ...fresh].slice(-testsMax);
}

/**
 * Whether clients may be told of it, now or in a session that begins now: it is live, a test, or was
 * live and may be again.
 */
function isDelivered(row: Pick<CampaignRow, "status" | "tests" | "revisions">): boolean {
  return isLive(row) || row.tests.length > 0 ||
    (row.revisions.length > 0 && row.status !== "ended");
}

function isLive({ status }: Pick<CampaignRow, "status">): boolean {
  return status === "posting" || status === "posting_reflecting_modifications";
}

/** The read model: the rows, their orders for lists, and what is asked of some of them at hand. */
export class CampaignsProjection extends RowProjection<CampaignRow> {
  readonly order: CampaignOrder;
  /** By id: what may be shown now. */
  readonly live: ReadonlyMap<string, CampaignRow>;
  /** By id: the drafts that are tested. */
  readonly tested: ReadonlyMap<string, CampaignRow>;
  readonly #active: ReadonlySet<string>;
  readonly #users: AudienceUsers;
  /**
   * How often what is delivered has changed here (an answer holds while it stays the same), and the
   * position of the last change.
   */
  readonly deliveryChanges: { readonly count: number; readonly position: string };

  constructor() {
    const order = new CampaignOrder();
    const live = new Map<string, CampaignRow>();
    const tested = new Map<string, CampaignRow>();
    const active = new Set<string>();
    const users = new AudienceUsers();
    const deliveryChanges = { count: 0, position: "" };
    super(campaignsFold, (id, row) => {
      order.set(row);
      users.set(row);
      if (row.deliveryChangedPosition > deliveryChanges.position) {
        deliveryChanges.count++;
        deliveryChanges.position = row.deliveryChangedPosition;
      }
      if (isActiveStatus(row.status)) active.add(id);
      else active.delete(id);
      if (isLive(row)) live.set(id, row);
      else live.delete(id);
      if (row.tests.length > 0) tested.set(id, row);
      else tested.delete(id);
    });
    this.order = order;
    this.live = live;
    this.tested = tested;
    this.#active = active;
    this.#users = users;
    this.deliveryChanges = deliveryChanges;
  }

  /** Undefined for one that never existed and for one that was deleted. */
  get(id: string): CampaignRow | undefined {
    const row = this.live.get(id) ?? this.tested.get(id) ?? this.rows.get(id);
    return row?.status === "deleted" ? undefined : row;
  }

  /** The active campaigns. */
  active(): CampaignRow[] {
    return [...this.#active].map((id) => this.get(id)!);
  }

  count(status: CampaignStatus): number {
    return this.order.count(status);
  }

  /** Ids of the campaigns that could still be shown because of an audience, in order. */
  usersOf(audienceId: string): string[] {
    return this.#users.of(audienceId);
  }
}
