/** Where in the log each recorded day's interactions begin: from where digests must be seen again. */
import { digestDaysKept } from "./digest_set.ts";

/** Some more than needed, because the row may be ahead of the checkpoint by a day. */
const daysListed = digestDaysKept + 8;

export class RecallIndex {
  #positions = new Map<number, string>();
  /** Of a loaded row: events up to here are in it. */
  through: string | undefined;

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

  /** One day earlier than the set keeps: the checkpoint may stand on the day before the newest. */
  get from(): string | undefined {
    const days = [...this.#positions.keys()];
    const earliest = Math.max(...days) - digestDaysKept - 1;
    const first = Math.min(...days.filter((day) => day >= earliest));
    return this.#positions.get(first);
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
