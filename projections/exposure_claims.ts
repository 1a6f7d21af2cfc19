/** The claims of the last hour of recorded time: by their digest, and by who holds them. */
import { type ClaimEvent, claimLapseMs } from "../events/claim_events.ts";
import { type SubjectKind, subjectKinds } from "../events/profile_events.ts";
import type { CountOptions } from "./exposure_view.ts";

/** A claim can be asked for, and be made good, for this long. */
export const claimRememberedMs = 60 * 60_000;

/** A granted claim, as its event says it. */
export interface GrantedClaim {
  readonly campaignId: string;
  readonly device: number;
  readonly user: number;
  readonly session: number;
  readonly atMs: number;
  /** When the impression that made it good was recorded; Infinity: it has not come. */
  usedMs: number;
}

/** Whether the claim counts at that instant, as far as it had been recorded by then. */
function isOpen({ atMs, usedMs }: GrantedClaim, knownMs: number): boolean {
  return atMs <= knownMs && knownMs < atMs + claimLapseMs && usedMs > knownMs;
}

export class RecentClaims {
  readonly #byDigest = new Map<string, GrantedClaim>();
  readonly #bySubject: Record<SubjectKind, Map<number, Set<GrantedClaim>>> = {
    device: new Map(),
    user: new Map(),
  };
  /** In the order of the log; those before `#oldest` are forgotten. */
  #queue: { readonly digest: string; readonly claim: GrantedClaim }[] = [];
  #oldest = 0;
  #forgottenMs = -Infinity;

  /** One that would be forgotten by now is not taken. */
  add(campaignId: string, atMs: number, data: ClaimEvent["data"]): void {
    if (atMs <= this.#forgottenMs) return;
    const { claim: digest, device, user, session } = data;
    const claim = { campaignId, device, user, session, atMs, usedMs: Infinity };
    this.#queue.push({ digest, claim });
    this.#byDigest.set(digest, claim);
    for (const kind of subjectKinds) {
      if (claim[kind] !== 0) this.#heldBy(kind, claim[kind]).add(claim);
    }
  }

  find(digest: string): GrantedClaim | undefined {
    return this.#byDigest.get(digest);
  }

  /** Those of a subject that are open; they happen when they are recorded. */
  countOpen(
    campaignId: string,
    kind: SubjectKind,
    number: number,
    { fromMs, toMs, session, knownMs }: Omit<CountOptions, "max">,
  ): number {
    let counted = 0;
    for (const claim of this.#bySubject[kind].get(number) ?? []) {
      if (claim.campaignId !== campaignId || !isOpen(claim, knownMs)) continue;
      if (claim.atMs < fromMs || claim.atMs >= toMs) continue;
      if (session === undefined || claim.session === session) counted++;
    }
    return counted;
  }

  /** When the earliest of the subject's open claims lapses; Infinity where none is open. */
  nextLapseMs(kind: SubjectKind, number: number, nowMs: number): number {
    for (const claim of this.#bySubject[kind].get(number) ?? []) {
      if (isOpen(claim, nowMs)) return claim.atMs + claimLapseMs;
    }
    return Infinity;
  }

  /** Those that were open at this instant, or later, are remembered. */
  get knownFromMs(): number {
    return this.#forgottenMs + claimLapseMs;
  }

  /** The claim that an impression of the campaign makes good; undefined: none. */
  use(digest: string, campaignId: string, usedMs: number): GrantedClaim | undefined {
    const claim = this.#byDigest.get(digest);
    if (!claim || claim.campaignId !== campaignId || claim.usedMs !== Infinity) return undefined;
    claim.usedMs = usedMs;
    return claim;
  }

  forget(recordedMs: number): void {
    this.#forgottenMs = Math.max(this.#forgottenMs, recordedMs - claimRememberedMs);
    for (;;) {
      const oldest = this.#queue[this.#oldest];
      if (oldest === undefined || oldest.claim.atMs > this.#forgottenMs) break;
      this.#oldest++;
      const { digest, claim } = oldest;
      if (this.#byDigest.get(digest) === claim) this.#byDigest.delete(digest);
      for (const kind of subjectKinds) this.#release(kind, claim);
    }
    if (this.#oldest < 1_000 || this.#oldest * 2 < this.#queue.length) return;
    this.#queue = this.#queue.slice(this.#oldest);
    this.#oldest = 0;
  }

  #heldBy(kind: SubjectKind, number: number): Set<GrantedClaim> {
    let held = this.#bySubject[kind].get(number);
    if (!held) {
      held = new Set<GrantedClaim>();
      this.#bySubject[kind].set(number, held);
    }
    return held;
  }

  #release(kind: SubjectKind, claim: GrantedClaim): void {
    const held = this.#bySubject[kind].get(claim[kind]);
    held?.delete(claim);
    if (held?.size === 0) this.#bySubject[kind].delete(claim[kind]);
  }
}
