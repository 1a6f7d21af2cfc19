/** Where in the log each recorded day's interactions begin: from where digests must be seen again. */
import { digestDaysKept } from "./digest_set.ts";

/** Far more than needed, because after a crash the row may be ahead of the checkpoint. */
const daysListed = 64;

export class RecallIndex {
  #positions = new Map<number, string>();
  /** Of a loaded row: events up to here are in it. */
  through: string | undefined;

  get isEmpty(): boolean {
    return this.#positions.size === 0;
  }

  /** Tells whether the index changed. */
  note(day: number, position: string): boolean {
    if (this.through !== undefined) {
      if (position <= this.through) return false;
      this.through = undefined;
    }
    if (this.#positions.has(day)) return false;
    this.#positions.set(day, position);
    for (const listed of this.#positions.keys()) {
      if (listed < day - daysListed) this.#positions.delete(listed);
    }
    return true;
  }

  /**
   * From where the set at a checkpoint of that day is filled. Where the day is not known, the
   * checkpoint is taken to stand on the newest day or the one before.
   */
  from(checkpointDay?: number): string | undefined {
    const days = [...this.#positions.keys()];
    const earliest = (checkpointDay ?? Math.max(...days) - 1) - digestDaysKept;
    const first = Math.min(...days.filter((day) => day >= earliest));
    return this.#positions.get(first);
  }

  /** Where the last listed day that is not after this one begins; undefined where none is listed. */
  before(day: number): string | undefined {
    const days = [...this.#positions.keys()].filter((listed) => listed <= day);
    return days.length === 0 ? undefined : this.#positions.get(Math.max(...days));
  }

  encode(): Uint8Array {
    const entries = [...this.#positions].sort(([left], [right]) => left - right);
    return new TextEncoder().encode(JSON.stringify(entries));
  }

  load(bytes: Uint8Array, through: string): void {
    this.#positions = new Map(JSON.parse(new TextDecoder().decode(bytes)));
    this.through = through;
  }
}
