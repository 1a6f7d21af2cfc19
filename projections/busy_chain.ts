/**
 * What a chain that has grown too long to be walked counts: how many of its records happened in each
 * minute and hour, and how many belong to each session.
 */
import { ChainTable } from "./chain_table.ts";

/** From this length on a chain is counted here too. */
export const busyLengthMin = 256;
const minutesPerHour = 60;

export class BusyChain {
  readonly #minutes = new ChainTable();
  readonly #hours = new ChainTable();
  readonly #sessions = new ChainTable();
  #earliest = Infinity;
  #latest = -Infinity;

  add(minute: number, session: number): void {
    this.#minutes.push(minute, 0);
    this.#hours.push(Math.floor(minute / minutesPerHour), 0);
    this.#sessions.push(session, 0);
    if (minute < this.#earliest) this.#earliest = minute;
    if (minute > this.#latest) this.#latest = minute;
  }

  /** How many happened in the minutes from ≤ minute < to. */
  between(from: number, to: number): number {
    const end = Math.min(to, this.#latest + 1);
    let count = 0;
    for (let minute = Math.max(from, this.#earliest); minute < end;) {
      if (minute % minutesPerHour === 0 && minute + minutesPerHour <= end) {
        this.#hours.find(minute / minutesPerHour);
        count += this.#hours.length;
        minute += minutesPerHour;
      } else {
        this.#minutes.find(minute++);
        count += this.#minutes.length;
      }
    }
    return count;
  }

  /** How many belong to the session; undefined where some of the chain are not in those minutes. */
  ofSession(session: number, from: number, to: number): number | undefined {
    this.#sessions.find(session);
    const count = this.#sessions.length;
    return count === 0 || (from <= this.#earliest && to > this.#latest) ? count : undefined;
  }
}
