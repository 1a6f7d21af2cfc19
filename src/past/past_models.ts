/**
 * Read models as they were at a place in the log: folded beside the live ones, in slices, and never
 * stored. What has been decided for good by then (`cold/` rows) is the same at every later place, so it
 * is not kept a second time where the live rows have it.
 */
import { membersStreamPrefix } from "../../events/audience_events.ts";
import type { RecordedEvent } from "../../events/recorded_event.ts";
import { AudiencesProjection } from "../../projections/audiences.ts";
import { CampaignsProjection } from "../../projections/campaigns.ts";
import { KpiProjection } from "../../projections/kpi.ts";
import { coldPrefix } from "../../projections/projection.ts";
import { WorkspaceProjection } from "../../projections/workspace.ts";
import { cursorAtStart, type LogReader, logStart, retried } from "../event_store/mod.ts";
import { type Mounted, ProjectionStoppedError } from "../projector/mod.ts";

/** The thread folds so long, and then everybody else has a turn. */
const sliceMsMax = 6;
const restMs = 2;
/** Rows that changed are kept as text after so many events. */
const eventsUnpackedMax = 1_000;

/** Cold rows that were read for questions about the past. */
const coldBytesMax = 16 * 1024 * 1024;

/** What is folded: campaigns, the workspace and which audiences there are, always; and these. */
export interface PastContent {
  readonly kpi: boolean;
  readonly members: boolean;
}

export interface PastSources {
  readonly reader: LogReader;
  readonly liveKpi: Mounted<KpiProjection>;
  /** Whether the fold is to be given up. */
  isClosed(): boolean;
}

/** Too many questions about different pasts at a time, or the server stops. */
export class PastsBusyError extends Error {
  override readonly name = "PastsBusyError";
}

export class PastModels {
  readonly campaigns = new CampaignsProjection();
  readonly audiences = new AudiencesProjection();
  readonly workspace = new WorkspaceProjection();
  readonly #kpi: KpiProjection | null;
  #position = logStart;
  /** The last event of the last row that was folded whole: from there the log is read on. */
  #wholeRows = cursorAtStart;
  #eventsUnpacked = 0;
  /** Cold rows that are still in memory. */
  #coldKeys: string[] = [];

  constructor(readonly content: PastContent, readonly sources: PastSources) {
    this.#kpi = content.kpi
      ? new KpiProjection({ withExposures: false, cacheBytesMax: coldBytesMax })
      : null;
    this.#kpi?.attach({ read: (rowKeys) => sources.liveKpi.readRows(rowKeys) });
  }

  get kpi(): KpiProjection {
    if (!this.#kpi) throw new Error("no KPIs were folded here");
    return this.#kpi;
  }

  /** The last event folded. */
  get position(): string {
    return this.#position;
  }

  /** Folds on to a later place, which may stand within a row. */
  async foldTo(position: string): Promise<void> {
    // Where a read failed it goes on from what is folded; a fold that failed would do so again.
    const failure = await retried(() => this.#foldOn(position));
    if (failure) throw failure;
    // A place without an event of its own is that of the last one before.
    this.#position = position;
    this.#pack();
  }

  async #foldOn(position: string): Promise<Error | null> {
    const { sources } = this;
    const from = this.#position;
    const wantsBody = (type: string, at: string) =>
      at > from && at <= position && this.#bodiesOf.includes(type);
    let startedAtMs = performance.now();
    for await (const { events } of sources.reader.read(this.#wholeRows, wantsBody)) {
      for (const recorded of events) {
        if (recorded.position <= from) continue;
        if (recorded.position > position) break;
        try {
          this.fold(recorded);
        } catch (error) {
          return error as Error;
        }
      }
      const last = events.at(-1);
      if (!last) continue;
      if (last.position > position) break;
      this.#wholeRows = { position: last.position, timeMs: last.timeMs };
      if (last.position === position) break;
      if (performance.now() - startedAtMs < sliceMsMax) continue;
      this.#pack();
      await new Promise((resolve) => setTimeout(resolve, restMs));
      if (sources.isClosed()) return new PastsBusyError("the server is stopping");
      startedAtMs = performance.now();
    }
    return null;
  }

  fold(recorded: RecordedEvent): void {
    try {
      this.campaigns.fold(recorded);
      this.workspace.fold(recorded);
      const ofMembers = recorded.stream.startsWith(membersStreamPrefix);
      if (this.content.members || !ofMembers) this.audiences.fold(recorded);
      this.#kpi?.fold(recorded);
    } catch (cause) {
      throw new ProjectionStoppedError(
        `the event at ${recorded.position} cannot be folded: ${cause}`,
        { cause },
      );
    }
    this.#position = recorded.position;
    if (++this.#eventsUnpacked > eventsUnpackedMax) this.#pack();
  }

  get #bodiesOf(): readonly string[] {
    return [
      ...this.#kpi?.bodiesOf ?? [],
      ...this.content.members ? this.audiences.bodiesOf : [],
    ];
  }

  /** Keeps as little as the live models would, had they just been flushed. */
  #pack(): void {
    this.#eventsUnpacked = 0;
    for (const id of this.campaigns.takeDirty()) this.campaigns.encodeRow(id);
    this.audiences.takeDirty();
    if (!this.#kpi) return;
    for (const key of this.#kpi.takeDirty()) {
      if (key.startsWith(coldPrefix)) this.#coldKeys.push(key);
    }
    if (this.#position > this.sources.liveKpi.checkpointPosition) return;
    this.#kpi.stored(this.#coldKeys);
    this.#coldKeys = [];
  }
}
