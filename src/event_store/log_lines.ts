/** The lines of the log between two positions, as far as somebody asks for them; never many at once. */
import type { RecordedEvent } from "../../events/recorded_event.ts";
import type { LogReader } from "./log_reader.ts";

/** Which events are asked for: what is not given leaves nothing out. */
export interface LineFilter {
  readonly stream?: string;
  readonly types?: readonly string[];
  readonly actor?: string;
}

export interface LogLine {
  readonly position: string;
  readonly line: string;
}

/** What was read together. */
export interface LinesRead {
  readonly lines: readonly LogLine[];
  /** Every event up to here has been looked at. */
  readonly through: string;
  /** How many were looked at. */
  readonly seen: number;
}

/** So many events are looked at, or so much is found, until it is told. */
const eventsPerReadMax = 256;
const lineLengthsMax = 64 * 1024;
/** Events of a stream that are looked up together. */
const eventsPerLookUp = 32;

export function matchesFilter(
  { stream, types, actor }: LineFilter,
  event: { readonly stream: string; readonly type: string; readonly actor: string },
): boolean {
  return (stream === undefined || stream === event.stream) &&
    (actor === undefined || actor === event.actor) &&
    (types === undefined || types.includes(event.type));
}

/** Of the events behind `after`, up to `through`, by reading the log. */
export async function* linesBetween(
  reader: LogReader,
  after: string,
  through: string,
  filter: LineFilter,
): AsyncGenerator<LinesRead> {
  if (after >= through) return;
  let found = new Found(after);
  for await (const { events } of reader.readRowsFrom(after, () => false)) {
    for (const recorded of events) {
      if (recorded.position <= after) continue;
      if (recorded.position > through) {
        yield found;
        return;
      }
      found.see(recorded, filter);
      if (!found.isFull) continue;
      yield found;
      found = new Found(recorded.position);
    }
  }
  yield found;
}

/** Of the events at these positions. */
export async function* linesAt(
  reader: LogReader,
  positions: readonly string[],
  filter: LineFilter,
): AsyncGenerator<LinesRead> {
  for (let first = 0; first < positions.length; first += eventsPerLookUp) {
    const wanted = positions.slice(first, first + eventsPerLookUp);
    const found = new Found(wanted[0]!);
    for (const recorded of await reader.readAt(wanted)) found.see(recorded, filter);
    yield found;
  }
}

class Found implements LinesRead {
  readonly lines: LogLine[] = [];
  seen = 0;
  #length = 0;

  constructor(public through: string) {}

  get isFull(): boolean {
    return this.seen >= eventsPerReadMax || this.#length >= lineLengthsMax;
  }

  see(recorded: RecordedEvent, filter: LineFilter): void {
    const { position, stream, event: { type }, meta: { actor } } = recorded;
    this.through = position;
    this.seen++;
    if (!matchesFilter(filter, { stream, type, actor })) return;
    // Every event that a reader of the log gives has its line.
    const line = recorded.line!();
    this.lines.push({ position, line });
    this.#length += line.length;
  }
}
