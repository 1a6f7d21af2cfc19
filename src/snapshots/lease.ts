/**
 * When a preparation that stands in the store may be taken. Whoever works on it writes its row again
 * and again, so a row that has stood still for long is nobody's, whatever the clocks of machines say.
 */
import type { PreparationRow } from "./preparation_store.ts";

/** An instance that has shown no sign of life for so long is taken to be gone. */
export const leaseMs = 10_000;
const retryMsMin = 250;
const retryMsMax = 30_000;

export class Lease {
  #versionstamp = "";
  #seenAtMs = 0;

  constructor(readonly instance: string) {}

  /** Its own row, one that nobody holds, or one of somebody who has gone. */
  mayTake({ owner, failures }: PreparationRow, versionstamp: string): boolean {
    if (owner === this.instance) return true;
    if (this.#versionstamp !== versionstamp) this.note(versionstamp);
    const waitedMs = performance.now() - this.#seenAtMs;
    return waitedMs >= (owner === null ? retryMs(failures) : leaseMs);
  }

  /** From now on the row has stood still. */
  note(versionstamp: string | null): void {
    this.#versionstamp = versionstamp ?? "";
    this.#seenAtMs = performance.now();
  }
}

/** How long to wait after so many failures. */
export function retryMs(failures: number): number {
  return failures === 0 ? 0 : Math.min(retryMsMax, retryMsMin * 2 ** (failures - 1));
}
