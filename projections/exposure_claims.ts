/** The claims of the last hour of recorded time: by their digest, and by who holds them. */
import type { SubjectKind } from "../events/profile_events.ts";

/** A claim can be asked for, and be made good, for this long. */
export const claimRememberedMs = 60 * 60_000;

interface Remembered {
  readonly id: number;
  readonly digest: string;
  readonly device: number;
  readonly user: number;
  readonly atMs: number;
}

export class RecentClaims {
  readonly #byDigest = new Map<string, number>();
  readonly #bySubject = { device: new Map<number, Set<number>>(), user: new Map() };
  /** In the order of the log; those before `#oldest` are forgotten. */
  #queue: Remembered[] = [];
  #oldest = 0;

  add(claim: Remembered): void {
    this.#queue.push(claim);
    this.#byDigest.set(claim.digest, claim.id);
    this.#heldBy("device", claim.device).add(claim.id);
    if (claim.user !== 0) this.#heldBy("user", claim.user).add(claim.id);
  }

  /** The record of a claim. */
  find(digest: string): number | undefined {
    return this.#byDigest.get(digest);
  }

  /** The records of a subject's claims, in the order of the log. */
  of(kind: SubjectKind, number: number): Iterable<number> {
    return this.#bySubject[kind].get(number) ?? [];
  }

  forget(recordedMs: number): void {
    for (;;) {
      const claim = this.#queue[this.#oldest];
      if (claim === undefined || claim.atMs > recordedMs - claimRememberedMs) break;
      this.#oldest++;
      if (this.#byDigest.get(claim.digest) === claim.id) this.#byDigest.delete(claim.digest);
      this.#release("device", claim.device, claim.id);
      this.#release("user", claim.user, claim.id);
    }
    if (this.#oldest < 1_000 || this.#oldest * 2 < this.#queue.length) return;
    this.#queue = this.#queue.slice(this.#oldest);
    this.#oldest = 0;
  }

  #heldBy(kind: SubjectKind, number: number): Set<number> {
    let held = this.#bySubject[kind].get(number);
    if (!held) {
      held = new Set<number>();
      this.#bySubject[kind].set(number, held);
    }
    return held;
  }

  #release(kind: SubjectKind, number: number, id: number): void {
    const held = this.#bySubject[kind].get(number);
    held?.delete(id);
    if (held?.size === 0) this.#bySubject[kind].delete(number);
  }
}
