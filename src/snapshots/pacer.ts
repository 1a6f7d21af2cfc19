/**
 * Lets background work go on without standing in the way of requests: it runs in short slices and
 * rests in between. All background work of a process shares one pacer, so that two calculations take
 * no more than one.
 */
const sliceMsMax = 6;
/**
 * Background work has a third of this thread's time. More would cost delivery its half: the store's
 * reads take from the machine as well, on another thread.
 */
const restMs = 13;
/** What takes longer between two questions was not all work, but waiting for something. */
const stepMsMax = 5;

export class Pacer {
  #workedMs = 0;
  #askedAtMs = 0;
  #resting: Promise<void> | null = null;

  /** Whether to rest now. Asked after every small step of work. */
  get isDue(): boolean {
    if (this.#resting) return true;
    const nowMs = performance.now();
    const passedMs = nowMs - this.#askedAtMs;
    this.#askedAtMs = nowMs;
    // So long nobody worked, or others did: that was a rest.
    if (passedMs >= restMs) this.#workedMs = 0;
    else this.#workedMs += Math.min(passedMs, stepMsMax);
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
