/**
 * Lets background work go on without standing in the way of requests: it runs in short slices and
 * rests in between. All background work of a process shares one pacer, so that two calculations take
 * no more than one.
 */
const sliceMsMax = 8;
/** As long as 1.5 slices: background work has 40 % of the time, requests 60 % and more. */
const restMs = 12;
/** A longer time between two questions was not spent on work but on waiting for something. */
const stepMsMax = 4;

export class Pacer {
  #workedMs = 0;
  #askedAtMs = 0;
  #resting: Promise<void> | null = null;

  /** Whether to rest now. Asked after every small step of work. */
  get isDue(): boolean {
    if (this.#resting) return true;
    const nowMs = performance.now();
    this.#workedMs += Math.min(nowMs - this.#askedAtMs, stepMsMax);
    this.#askedAtMs = nowMs;
    return this.#workedMs >= sliceMsMax;
  }

  async rest(): Promise<void> {
    this.#resting ??= new Promise<void>((resolve) => setTimeout(resolve, restMs)).then(() => {
      this.#resting = null;
      this.#workedMs = 0;
      this.#askedAtMs = performance.now();
    });
    await this.#resting;
  }
}
