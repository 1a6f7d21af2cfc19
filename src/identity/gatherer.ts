/**
 * Gathers ids that are asked for while an earlier question is under way, and asks for all of them at
 * once: many callers cost few round trips, and nobody's answer was read before they asked.
 */
export class Gatherer {
  readonly #waiting = new Set<string>();
  #last: Promise<void> = Promise.resolve();
  #next: Promise<ReadonlyMap<string, number>> | null = null;

  constructor(readonly work: (ids: readonly string[]) => Promise<ReadonlyMap<string, number>>) {}

  /** The answer has the numbers of all that were gathered with these. */
  ask(ids: Iterable<string>): Promise<ReadonlyMap<string, number>> {
    const waitingBefore = this.#waiting.size;
    for (const id of ids) this.#waiting.add(id);
    if (waitingBefore === 0 && this.#waiting.size === 0) return Promise.resolve(new Map());
    this.#next ??= this.#last.then(() => {
      const wanted = [...this.#waiting];
      this.#waiting.clear();
      this.#next = null;
      const answered = this.work(wanted);
      this.#last = answered.then(() => {}, () => {});
      return answered;
    });
    return this.#next;
  }
}
