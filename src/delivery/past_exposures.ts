/**
 * What a subject was shown, where that is older than what the read model keeps each for itself: looked
 * for in the log. A look reads the log from the campaign's beginning, so one goes on at a time, and
 * only so many may wait.
 */
import { type Session, sessionKey } from "../../events/session_token.ts";
import { campaignStreamPrefix } from "../../events/campaign_events.ts";
import type { SubjectKind } from "../../events/profile_events.ts";
import type { RecordedEvent } from "../../events/recorded_event.ts";
import { ExposureScan } from "../../projections/exposure_scan.ts";
import { RepeatedIds } from "../../projections/repeated_ids.ts";
import type { CountOptions, Exposures, ExposureView } from "../../projections/exposures.ts";
import {
  type LogReader,
  logStart,
  OverloadedError,
  parsePosition,
  type StreamIndex,
} from "../event_store/mod.ts";
import { known, type Subject } from "./subject.ts";

/** Clocks of instances differ less than this. */
const clockSkewMsMax = 5 * 60_000;
const waitingMax = 20;
const sessionsKeptMax = 200;

/** The read model that tells what new ids are. */
export interface CountedOnce {
  readonly exposures: Exposures;
  /** A position at or before all that ids of this instant's day could repeat, where one is known. */
  beforeRepeatsOf(recordedMs: number): string | undefined;
}

export class PastExposures {
  /** What old sessions had been shown before the days in memory. The longest unused first. */
  readonly #sessions = new Map<string, Promise<ExposureScan>>();
  #last: Promise<unknown> = Promise.resolve();
  #waiting = 0;

  constructor(
    readonly reader: LogReader,
    readonly index: () => StreamIndex,
    readonly model: () => CountedOnce,
  ) {}

  /** As it was known at the instant; null: the read model knows it exactly. */
  async at(campaignId: string, subject: Subject, atMs: number): Promise<ExposureView | null> {
    const { exposures } = this.model();
    const isExact = known(subject)
      .every(({ kind, number }) => exposures.isExactAt(campaignId, kind, number, atMs));
    if (isExact) return null;
    return await this.#scan([campaignId], subject, this.#created(campaignId), atMs);
  }

  /**
   * Of a session that began before the days in memory: with what it was shown of these campaigns
   * before them. Null: it was shown nothing of them before.
   */
  ofSession(
    session: Session | null,
    subject: Subject,
    campaignIds: readonly string[],
  ): null | Promise<ExposureView | null> {
    const { exposures } = this.model();
    const { hotFromMs } = exposures;
    if (!session || session.startedAtMs >= hotFromMs + clockSkewMsMax) return null;
    const asked = campaignIds.filter((id) =>
      known(subject).some(({ kind, number }) => exposures.hasOlder(id, kind, number))
    );
    if (asked.length === 0) return null;
    return this.#before(hotFromMs, session, subject, asked)
      // The day may have changed meanwhile.
      .then((before) =>
        this.model().exposures.hotFromMs === hotFromMs
          ? new OldSession(this.model().exposures, before, sessionKey(session))
          : this.ofSession(session, subject, campaignIds)
      );
  }

  #before(
    hotFromMs: number,
    session: Session,
    subject: Subject,
    campaignIds: readonly string[],
  ): Promise<ExposureScan> {
    const { device, user } = subject;
    const { position, startedAtMs } = session;
    const key = [hotFromMs, device, user, position, startedAtMs, ...campaignIds].join(" ");
    let scan = this.#sessions.get(key);
    if (scan) this.#sessions.delete(key);
    else {
      // A token may say anything: a place of this log is what comes after a campaign's creation.
      const created = campaignIds.map((id) => this.#created(id)).sort()[0]!;
      const epoch = parsePosition(position)?.epoch ?? Infinity;
      const isPlace = epoch <= this.reader.epoch && position > created;
      const from = isPlace ? position : created;
      scan = this.#scan(campaignIds, subject, from, hotFromMs - 1);
      // A failure is not kept.
      scan.catch(() => this.#sessions.delete(key));
      if (this.#sessions.size >= sessionsKeptMax) {
        this.#sessions.delete(this.#sessions.keys().next().value!);
      }
    }
    this.#sessions.set(key, scan);
    return scan;
  }

  #created(campaignId: string): string {
    return this.index().positions(campaignStreamPrefix + campaignId, 0, 1)[0] ?? logStart;
  }

  #scan(
    campaignIds: readonly string[],
    subject: Subject,
    fromPosition: string,
    untilMs: number,
  ): Promise<ExposureScan> {
    if (this.#waiting >= waitingMax) {
      return Promise.reject(new OverloadedError("too many questions about the past are waiting"));
    }
    this.#waiting++;
    const scan = this.#last.then(() => this.#read(campaignIds, subject, fromPosition, untilMs))
      .finally(() => this.#waiting--);
    this.#last = scan.catch(() => {});
    return scan;
  }

  async #read(
    campaignIds: readonly string[],
    { device, userId, user }: Subject,
    fromPosition: string,
    untilMs: number,
  ): Promise<ExposureScan> {
    const subject = { device, user: userId === undefined ? 0 : user };
    const scan = new ExposureScan(campaignIds, subject);
    await this.#fold(fromPosition, untilMs, (recorded) => scan.fold(recorded));
    const [first] = scan.items;
    if (!first) return scan;
    const repeated = new RepeatedIds(scan.items);
    const before = this.model().beforeRepeatsOf(first.recordedMs) ?? logStart;
    const lastMs = scan.items.at(-1)!.recordedMs;
    await this.#fold(before, lastMs, (recorded) => repeated.fold(recorded));
    if (repeated.isEmpty) return scan;
    const again = new ExposureScan(campaignIds, subject, repeated);
    await this.#fold(fromPosition, untilMs, (recorded) => again.fold(recorded));
    return again;
  }

  async #fold(
    fromPosition: string,
    untilMs: number,
    fold: (recorded: RecordedEvent) => void,
  ): Promise<void> {
    for await (const { events } of this.reader.readRowsFrom(fromPosition)) {
      for (const recorded of events) {
        if (recorded.timeMs > untilMs) return;
        fold(recorded);
      }
    }
  }
}

/** The present of an old session. */
class OldSession implements ExposureView {
  constructor(
    readonly present: Exposures,
    /** All that was recorded before what the present has. */
    readonly before: ExposureScan,
    readonly session: number,
  ) {}

  count(campaignId: string, kind: SubjectKind, number: number, options: CountOptions): number {
    const counted = this.present.count(campaignId, kind, number, options);
    if (options.session !== this.session) return counted;
    // Claims of that time have lapsed.
    const before = this.before.count(campaignId, kind, number, { ...options, knownMs: Infinity });
    return Math.min(options.max, before + counted);
  }

  total(campaignId: string, kind: SubjectKind, number: number, knownMs: number, max: number) {
    return this.present.total(campaignId, kind, number, knownMs, max);
  }

  hides(campaignId: string, kind: SubjectKind, number: number) {
    return this.present.hides(campaignId, kind, number);
  }
}
