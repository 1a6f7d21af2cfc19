/**
 * Answers questions about the past. One past is folded at a time, equal questions share it, and the
 * last few are kept for the next question: each takes about as much memory as the live models of the
 * same questions. A question about one campaign reads no more than that campaign's events.
 */
import type { RecordedEvent } from "../../events/recorded_event.ts";
import type { KpiProjection } from "../../projections/kpi.ts";
import type { LogReader, StreamIndex } from "../event_store/mod.ts";
import type { Mounted } from "../projector/mod.ts";
import { campaignStream } from "../transact/mod.ts";
import { PastLog } from "./past_log.ts";
import { type PastContent, PastModels, PastsBusyError } from "./past_models.ts";
import { PastCampaign, PastWorkspace } from "./past_streams.ts";
import { parseAsOf, type Place, placeAt, placeBy } from "./place.ts";

/** Pasts that are kept beside the one that is being folded. */
const keptMax = 2;
/** One that nobody has asked about for so long is let go of. */
const keptMs = 10 * 60_000;
/** Pasts that wait to be folded, the one under way included. */
const waitingMax = 8;

export interface PastsOptions {
  readonly reader: LogReader;
  readonly models: {
    readonly index: Mounted<StreamIndex>;
    readonly kpi: Mounted<KpiProjection>;
  };
}

interface Wanted extends PastContent {
  readonly position: string;
  /** Boundaries that count though they were recorded after the position. */
  readonly boundaries: readonly RecordedEvent[];
}

interface Kept {
  readonly key: string;
  readonly models: PastModels;
  users: number;
}

export class Pasts {
  readonly #options: PastsOptions;
  readonly #log: PastLog;
  /** The one used last comes last. */
  #kept: Kept[] = [];
  readonly #waiting = new Map<string, Promise<Kept>>();
  #last: Promise<unknown> = Promise.resolve();
  #expiry: ReturnType<typeof setTimeout> | undefined;
  #closed = false;

  constructor(options: PastsOptions) {
    this.#options = options;
    this.#log = new PastLog(options.reader, () => options.models.index.model);
  }

  /**
   * `whenWritten`: when the commits are done that this process has under way. Throws `AsOfError` where
   * there is no such place.
   */
  async place(asOf: string, nowMs: number, whenWritten: () => Promise<unknown>): Promise<Place> {
    const { kv } = this.#options.reader;
    const parsed = parseAsOf(asOf, nowMs);
    if (typeof parsed === "number") return await placeBy(kv, parsed, whenWritten());
    return await placeAt(kv, parsed);
  }

  campaign(id: string, place: Place): Promise<PastCampaign> {
    return PastCampaign.at(this.#log, id, place);
  }

  workspace(place: Place): Promise<PastWorkspace> {
    return PastWorkspace.at(this.#log, place);
  }

  /** Gives `answer` all read models of the place; they do not change until it is done. */
  async all<Answer>(
    place: Place,
    content: PastContent,
    answer: (models: PastModels) => Answer | Promise<Answer>,
  ): Promise<Answer> {
    const { position, instantMs } = place;
    const wanted = { ...content, position, boundaries: [] };
    // What was counted by then does not depend on them.
    const boundaries = instantMs === null || content.kpi
      ? []
      : await this.#use(wanted, ({ campaigns }) => this.#boundariesBy(campaigns, instantMs));
    return await this.#use({ ...wanted, boundaries }, answer);
  }

  async close(): Promise<void> {
    this.#closed = true;
    clearTimeout(this.#expiry);
    await this.#last;
    this.#kept = [];
  }

  /** Only what is not at rest has a boundary ahead. */
  async #boundariesBy(
    campaigns: PastModels["campaigns"],
    instantMs: number,
  ): Promise<RecordedEvent[]> {
    const moving = campaigns.active();
    const stopped = { sort: "createdAt", descending: false, statuses: ["stopped"] } as const;
    campaigns.order.take(stopped, ({ id }) => {
      moving.push(campaigns.get(id)!);
      return true;
    });
    const boundaries: RecordedEvent[] = [];
    for (const { id, version } of moving) {
      boundaries.push(
        ...await this.#log.boundariesBy(campaignStream(id), version, instantMs),
      );
    }
    return boundaries;
  }

  async #use<Answer>(
    wanted: Wanted,
    answer: (models: PastModels) => Answer | Promise<Answer>,
  ): Promise<Answer> {
    const kept = this.#find(wanted) ?? await this.#folded(wanted);
    kept.users++;
    try {
      return await answer(kept.models);
    } finally {
      kept.users--;
      this.#expireLater();
    }
  }

  #find(wanted: Wanted): Kept | undefined {
    const key = keyOf(wanted);
    const found = this.#kept.find((kept) =>
      kept.key === key && suffices(kept.models.content, wanted)
    );
    if (found) this.#kept = [...this.#kept.filter((one) => one !== found), found];
    return found;
  }

  #folded(wanted: Wanted): Promise<Kept> {
    const key = `${keyOf(wanted)} ${wanted.kpi} ${wanted.members}`;
    const waiting = this.#waiting.get(key);
    if (waiting) return waiting;
    if (this.#waiting.size >= waitingMax || this.#closed) {
      throw new PastsBusyError("many questions about the past are waiting; ask again later");
    }
    const folded = this.#last.then(() => this.#find(wanted) ?? this.#fold(wanted))
      .finally(() => this.#waiting.delete(key));
    this.#waiting.set(key, folded);
    // Those who wait for it come first: nothing is moved on before they use it.
    this.#last = folded.catch(() => {}).then(() => new Promise((resolve) => setTimeout(resolve)));
    return folded;
  }

  async #fold(wanted: Wanted): Promise<Kept> {
    const models = this.#movable(wanted) ?? new PastModels(wanted, {
      reader: this.#options.reader,
      liveKpi: this.#options.models.kpi,
      isClosed: () => this.#closed,
    });
    await models.foldTo(wanted.position);
    for (const boundary of wanted.boundaries) models.fold(boundary);
    const kept = { key: keyOf(wanted), models, users: 0 };
    this.#kept.push(kept);
    return kept;
  }

  /** Makes room, and gives what can be folded on to the place instead of beginning anew. */
  #movable(wanted: Wanted): PastModels | undefined {
    if (this.#kept.length < keptMax) return undefined;
    const movable = this.#kept.find(({ key, users, models }) =>
      users === 0 && key === models.position && models.position < wanted.position &&
      suffices(models.content, wanted)
    );
    const dropped = movable ?? this.#kept[0]!;
    this.#kept = this.#kept.filter((one) => one !== dropped);
    return movable?.models;
  }

  #expireLater(): void {
    clearTimeout(this.#expiry);
    if (this.#closed) return;
    this.#expiry = setTimeout(() => this.#kept = [], keptMs);
  }
}

function keyOf({ position, boundaries }: Wanted): string {
  return [position, ...boundaries.map((boundary) => boundary.position)].join(" ");
}

function suffices(has: PastContent, wanted: PastContent): boolean {
  return (has.kpi || !wanted.kpi) && (has.members || !wanted.members);
}
