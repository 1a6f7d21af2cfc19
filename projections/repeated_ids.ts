/**
 * Which of some interactions of the past repeat an id, found by looking at the digests of the log from
 * `digestDaysKept` days before them on: the read model remembers no verdict that old.
 */
import { chunkDigests, digestBytes } from "../events/interaction_chunk.ts";
import type { RecordedEvent } from "../events/recorded_event.ts";
import { digestDay, digestDaysKept } from "./digest_set.ts";
import { bodyOf } from "./recorded_chunk.ts";

/** An item of a chunk of the log. */
export interface LoggedItem {
  readonly position: string;
  readonly recordedMs: number;
  readonly index: number;
  readonly digest: Uint8Array;
}

export class RepeatedIds {
  /** By position the indices of those that repeat an id. */
  readonly #found = new Map<string, Set<number>>();
  /** By their digest's first word, and the day on which it arrived last. */
  readonly #wanted = new Map<number, { readonly digest: Uint8Array; day: number }[]>();
  readonly #isWanted = new Map<string, Set<number>>();

  constructor(items: readonly LoggedItem[]) {
    for (const { position, index, digest } of items) {
      const alike = this.#wanted.get(wordAt(digest, 0)) ?? [];
      this.#wanted.set(wordAt(digest, 0), alike);
      if (!alike.some((one) => isAt(one.digest, digest, 0))) {
        alike.push({ digest, day: -Infinity });
      }
      const wanted = this.#isWanted.get(position) ?? new Set();
      this.#isWanted.set(position, wanted.add(index));
    }
  }

  /** Takes the next event. */
  fold(recorded: RecordedEvent): void {
    if (recorded.event.type !== "interactions_recorded") return;
    const { count, digests } = chunkDigests(bodyOf(recorded));
    const day = digestDay(recorded.timeMs);
    for (let index = 0; index < count; index++) {
      const offset = index * digestBytes;
      const alike = this.#wanted.get(wordAt(digests, offset));
      const same = alike?.find(({ digest }) => isAt(digest, digests, offset));
      if (!same) continue;
      if (same.day >= day - digestDaysKept) this.#note(recorded.position, index);
      same.day = day;
    }
  }

  at(position: string): ReadonlySet<number> | undefined {
    return this.#found.get(position);
  }

  get isEmpty(): boolean {
    return this.#found.size === 0;
  }

  #note(position: string, index: number): void {
    if (!this.#isWanted.get(position)?.has(index)) return;
    const found = this.#found.get(position) ?? new Set();
    this.#found.set(position, found.add(index));
  }
}

function isAt(digest: Uint8Array, bytes: Uint8Array, offset: number): boolean {
  for (let at = 0; at < digestBytes; at++) if (digest[at] !== bytes[offset + at]) return false;
  return true;
}

function wordAt(bytes: Uint8Array, offset: number): number {
  return bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16) |
    (bytes[offset + 3]! << 24);
}
