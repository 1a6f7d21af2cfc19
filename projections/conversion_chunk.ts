/** A chunk while its clicks and events are recorded. */
import type { DecodedChunk } from "../events/interaction_chunk.ts";
import type { RecordedEvent } from "../events/recorded_event.ts";
import type { ChunkPlace } from "./conversion_log.ts";

export class OpenChunk {
  readonly clicks: ChunkPlace;
  readonly events: ChunkPlace;
  readonly #isListed: (boolean | undefined)[] = [];

  constructor(readonly recorded: RecordedEvent, readonly chunk: DecodedChunk) {
    const { position, timeMs } = recorded;
    this.clicks = { position, timeMs, block: null };
    this.events = { position, timeMs, block: null };
  }

  /** Whether a campaign had listed the name by then, at whatever time. */
  isListed(nameNumber: number, listed: ReadonlyMap<string, string>): boolean {
    const known = this.#isListed[nameNumber];
    if (known !== undefined) return known;
    const position = listed.get(this.chunk.names[nameNumber - 1]!);
    // After a crash edits are known that come later in the log.
    const isListed = position !== undefined && position < this.recorded.position;
    this.#isListed[nameNumber] = isListed;
    return isListed;
  }
}
