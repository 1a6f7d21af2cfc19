/**
 * What a chain that has grown too long to be walked counts: how many of its records happened in each
 * minute and hour, and how many belong to each session.
 */

const minutesPerHour = 60;

export class BusyChain {
  readonly #minutes = new Map<number, number>();
  readonly #hours = new Map<number, number>();
  readonly #sessions = new Map<number, number>();
  #earliest = Infinity;
  #latest = -Infinity;

  add(minute: number, session: number): void {
    addTo(this.#minutes, minute);
    addTo(this.#hours, Math.floor(minute / minutesPerHour));
    addTo(this.#sessions, session);
    if (minute < this.#earliest) this.#earliest = minute;
    if (minute > this.#latest) this.#latest = minute;
  }

  /** How many happened in the minutes from ≤ minute < to. */
  between(from: number, to: number): number {
    const end = Math.min(to, this.#latest + 1);
    let count = 0;
    for (let minute = Math.max(from, this.#earliest); minute < end;) {
      if (minute % minutesPerHour === 0 && minute + minutesPerHour <= end) {
        count += this.#hours.get(minute / minutesPerHour) ?? 0;
        minute += minutesPerHour;
      } else count += this.#minutes.get(minute++) ?? 0;
    }
    return count;
  }

  /** How many belong to the session; undefined where some of the chain are not in those minutes. */
  ofSession(session: number, from: number, to: number): number | undefined {
    const count = this.#sessions.get(session) ?? 0;
    return count === 0 || (from <= this.#earliest && to > this.#latest) ? count : undefined;
  }
}

/** The long chain of one device or user, counted by campaign. */
export class BusySubject {
  /** The newest record that is counted. */
  through: number;
  readonly #chains = new Map<number, BusyChain>();

  /** `first`: records before it are not counted. */
  constructor(first: number) {
    this.through = first - 1;
  }

  chain(campaign: number): BusyChain {
    let chain = this.#chains.get(campaign);
    if (!chain) this.#chains.set(campaign, chain = new BusyChain());
    return chain;
  }
}

function addTo(counts: Map<number, number>, key: number): void {
  counts.set(key, (counts.get(key) ?? 0) + 1);
}
