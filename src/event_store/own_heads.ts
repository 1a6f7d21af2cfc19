/**
 * What this process's own commits left of each stream, for as long as the states have not folded them.
 * Their check on the tip proves that nobody else's command stands between them, so the next commands
 * can be decided on them without reading them back.
 */
import type { StreamHead } from "./stream_states.ts";

interface OwnCommit {
  readonly versionstamp: string;
  readonly streams: readonly string[];
}

export class OwnHeads<State> {
  readonly #heads = new Map<string, { head: StreamHead<State>; versionstamp: string }>();
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

  keep(versionstamp: string, changed: ReadonlyMap<string, StreamHead<State>>): void {
    for (const [stream, head] of changed) this.#heads.set(stream, { head, versionstamp });
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
