/** The events that a request asks for: as a page, to the log's end, or live from then on. */
import {
  lastRecordedBy,
  type LineFilter,
  linesAt,
  linesBetween,
  type LinesRead,
  type LogLine,
  matchesFilter,
  retried,
} from "../event_store/mod.ts";
import type { Engine } from "./engine.ts";
import type { Follower } from "./event_feed.ts";

/** Events that are looked at for one page; a page that would take more ends before it is full. */
const eventsPerPageMax = 20_000;

export interface AskedEvents {
  readonly filter: LineFilter;
  /** Only what stands behind this position. */
  readonly after: string;
  /** Only what was recorded at this instant or before. */
  readonly untilMs?: number;
}

export interface EventPage {
  readonly lines: readonly LogLine[];
  /** Where the next page begins, exclusively; null: nothing more is there up to `through`. */
  readonly next: string | null;
}

/** `through`: a position that this process has folded. */
export async function readPage(
  engine: Engine,
  asked: AskedEvents,
  through: string,
  limit: number,
): Promise<EventPage> {
  const lines: LogLine[] = [];
  let seen = 0;
  for await (const read of linesOf(engine, asked, await endOf(engine, asked, through))) {
    lines.push(...read.lines);
    seen += read.seen;
    if (lines.length > limit) {
      const page = lines.slice(0, limit);
      return { lines: page, next: page.at(-1)!.position };
    }
    if (seen >= eventsPerPageMax) return { lines, next: read.through };
  }
  return { lines, next: null };
}

/** Everything up to `through`; ends early for a follower that has left. */
export async function* readAll(
  engine: Engine,
  asked: AskedEvents,
  through: string,
  follower: Follower,
): AsyncGenerator<readonly LogLine[]> {
  for await (const { lines } of linesOf(engine, asked, await endOf(engine, asked, through))) {
    if (follower.hasLeft) return;
    if (lines.length > 0) yield lines;
  }
}

/**
 * Everything, and then what comes, until the follower leaves or an event was recorded after `untilMs`.
 * Gives null when the heart beats.
 */
export async function* readLive(
  engine: Engine,
  asked: AskedEvents,
  follower: Follower,
): AsyncGenerator<readonly LogLine[] | null> {
  const { filter, untilMs = Infinity } = asked;
  let { after } = asked;
  while (!follower.hasLeft) {
    const events = follower.feed.newEvents(after);
    if (events === null) {
      const folded = engine.tail.cursor.position;
      const through = await endOf(engine, asked, folded);
      yield* readAll(engine, { ...asked, after }, through, follower);
      if (through < folded) return;
      if (folded > after) after = folded;
      continue;
    }
    if (events.length === 0) {
      if (await follower.wait() === "heartbeat") yield null;
      continue;
    }
    const lines = events.filter((one) => one.timeMs <= untilMs && matchesFilter(filter, one));
    if (lines.length > 0) yield lines;
    if (events.some(({ timeMs }) => timeMs > untilMs)) return;
    after = events.at(-1)!.position;
  }
}

/**
 * By the index where the stream has one. A read that fails in passing is made again behind what was
 * given: nothing is left out, and nothing comes twice.
 */
async function* linesOf(
  { reader, models, projector }: Engine,
  { filter, after }: AskedEvents,
  through: string,
): AsyncGenerator<LinesRead> {
  const { stream } = filter;
  const index = models.index.model;
  const isIndexed = stream !== undefined && index.tracks(stream);
  if (isIndexed) projector.assertFolding(models.index);
  const linesBehind = (position: string) =>
    isIndexed
      ? linesAt(reader, index.positionsBetween(stream, position, through), filter)
      : linesBetween(reader, position, through, filter);
  let reading = linesBehind(after);
  try {
    for (let read = after;;) {
      const { value, done } = await retried(async () => {
        try {
          return await reading.next();
        } catch (error) {
          reading = linesBehind(read);
          throw error;
        }
      });
      if (done) return;
      read = value.through;
      yield value;
    }
  } finally {
    await reading.return(undefined);
  }
}

async function endOf({ kv }: Engine, asked: AskedEvents, through: string): Promise<string> {
  const { untilMs } = asked;
  if (untilMs === undefined) return through;
  const { position } = await retried(() => lastRecordedBy(kv, untilMs));
  return position < through ? position : through;
}
