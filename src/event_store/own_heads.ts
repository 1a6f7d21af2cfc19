/**
 * What this process's own commits left of each stream, for as long as the states have not folded them.
 * Their check on the tip proves that nobody else's command stands between them, so the next commands
 * can be decided on them without reading them back.
 */
import type { RecordedEvent } from "../../events/recorded_event.ts";
import type { StreamHead } from "./stream_states.ts";

interface OwnCommit {
  readonly versionstamp: string;
  readonly streams: readonly string[];
}

export class OwnHeads<State> {
  readonly #heads = new Map<
    string,
    { head: StreamHead<State>; versionstamp: string; timeMs: number }
  >();
  /** Oldest first. */
  readonly #commits: OwnCommit[] = [];

  get commitCount(): number {
    return this.#commits.length;
  }

  head(stream: string): StreamHead<State> | undefined {
    return this.#heads.get(stream)?.head;
  }

  streams(): Iterable<string> {
    return this.#heads.keys();
  }

  /** The head that this event left, where it is an own one, the last of its stream, and recorded then. */
  after({ stream, hash, timeMs }: RecordedEvent): StreamHead<State> | undefined {
    const own = this.#heads.get(stream);
    return own && own.head.hash === hash && own.timeMs === timeMs ? own.head : undefined;
  }

  keep(
    versionstamp: string,
    timeMs: number,
    changed: ReadonlyMap<string, StreamHead<State>>,
  ): void {
    for (const [stream, head] of changed) this.#heads.set(stream, { head, versionstamp, timeMs });
    this.#commits.push({ versionstamp, streams: [...changed.keys()] });
  }

  /** Lets go of the commits that the states have folded: from there on others may have gone on. */
  dropThrough(versionstamp: string): void {
    while (this.#commits.length > 0 && this.#commits[0]!.versionstamp <= versionstamp) {
      const commit = this.#commits.shift()!;
      for (const stream of commit.streams) {
        if (this.#heads.get(stream)?.versionstamp === commit.versionstamp) {
          this.#heads.delete(stream);
        }
      }
    }
  }
}
