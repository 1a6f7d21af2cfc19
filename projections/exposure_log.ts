/**
 * All blocks of exposures in the order of the log, and what is kept in memory of them. After a crash
 * an earlier block can be behind a later one: events go to the last block that began at or before
 * them, and what is in memory then follows that block, not the last.
 */
import { claimLapseMs } from "../events/claim_events.ts";
import { blockSpanMs, ExposureBlock } from "./exposure_block.ts";
import type { SubjectKind } from "../events/profile_events.ts";
import { ExposureChains, type RecordChains } from "./exposure_chains.ts";
import { claimRememberedMs, RecentClaims } from "./exposure_claims.ts";
import { SubjectStamps } from "./subject_stamps.ts";

/** A block with so many records ends with the event that they came by. */
export const blockRecordsMin = 8_192;

/** A granted claim, as its record says it. */
export interface GrantedClaim {
  readonly campaignId: string;
  readonly device: number;
  readonly user: number;
  readonly session: number;
  readonly atMs: number;
  readonly used: boolean;
}

export class ExposureLog {
  readonly #blocks: ExposureBlock[] = [];
  /** The first so many blocks are in what follows. */
  #linkedCount = 0;
  chains = new ExposureChains();
  recent = new RecentClaims();
  readonly stamps = new SubjectStamps();
  /** Recorded time of the last event folded here. */
  #foldedMs = 0;

  constructor(readonly recordsMin: number) {}

  get blocks(): readonly ExposureBlock[] {
    return this.#blocks;
  }

  /** Forgets claims by the recorded time of the next event. */
  advance(recordedMs: number): void {
    this.#foldedMs = recordedMs;
    this.recent.forget(recordedMs);
  }

  get(number: number): ExposureBlock | undefined {
    const block = this.#blocks[this.#placeOf((one) => one.number <= number) - 1];
    return block?.number === number ? block : undefined;
  }

  /** Takes a stored block. */
  load(block: ExposureBlock): void {
    const at = this.#placeOf(({ number }) => number < block.number);
    this.#blocks.splice(at, this.#blocks[at]?.number === block.number ? 1 : 0, block);
    if (at < this.#linkedCount) this.#unlink();
  }

  /** The block that takes the event's records, linked up to here; null where they are there already. */
  open(position: string, timeMs: number): ExposureBlock | null {
    let at = this.#placeOf(({ first }) => first <= position) - 1;
    const block = this.#blocks[at];
    // Not by how far the row was folded: what came after a full block may be in no row yet.
    if (block && position <= block.last) return null;
    this.linkTo(at + 1);
    if (block && block.count < this.recordsMin && timeMs - block.startMs < blockSpanMs) {
      block.last = position;
      return block;
    }
    const number = block?.nextNumber ?? 1;
    const next = this.#blocks[at + 1];
    if (next && next.number <= number) {
      throw new Error(`the event at ${position} belongs to no block of exposures`);
    }
    block?.trim();
    const begun = new ExposureBlock(number, position, timeMs);
    this.#blocks.splice(++at, 0, begun);
    this.linkTo(at + 1);
    return begun;
  }

  /** Links exactly the first so many blocks. */
  linkTo(count: number): void {
    if (this.#linkedCount === count) return;
    if (this.#linkedCount > count) this.#unlink();
    const lastMs = Math.max(this.#foldedMs, this.#blocks[count - 1]?.lastRecordedMs ?? 0);
    const rememberMs = lastMs - claimRememberedMs;
    for (; this.#linkedCount < count; this.#linkedCount++) {
      this.#linkBlock(this.#blocks[this.#linkedCount]!, rememberMs);
    }
  }

  linkAll(): void {
    this.linkTo(this.#blocks.length);
  }

  /** Makes a record that was added to the last linked block known. */
  link(block: ExposureBlock, index: number, chains: RecordChains, isImpression: boolean): void {
    this.chains.link(block, index, chains, isImpression);
    this.stamps.bump("device", block.device[index]!);
    const user = block.user[index]!;
    if (user !== 0) this.stamps.bump("user", user);
  }

  remember(block: ExposureBlock, index: number, digest: string): void {
    this.recent.add({
      id: block.firstId + index,
      digest,
      device: block.device[index]!,
      user: block.user[index]!,
      atMs: block.recordedMs(index),
    });
  }

  /** The impression makes the claim good, unless another one has. Tells whether it did. */
  use(claimId: number, impressionId: number): boolean {
    const block = this.chains.blockOf(claimId);
    const index = claimId - (block?.firstId ?? 0);
    if (!block || index >= block.count) return false;
    const claim = block.claimNumber(index);
    if (block.claimUsedBy[claim] !== 0) return false;
    block.claimUsedBy[claim] = impressionId;
    this.stamps.bump("device", block.device[index]!);
    const user = block.user[index]!;
    if (user !== 0) this.stamps.bump("user", user);
    return true;
  }

  claim(id: number): GrantedClaim {
    const block = this.chains.blockOf(id)!;
    const index = id - block.firstId;
    return {
      campaignId: block.groupAt(block.group[index]!).campaignId,
      device: block.device[index]!,
      user: block.user[index]!,
      session: block.session[index]!,
      atMs: block.recordedMs(index),
      used: block.claimUsedBy[block.claimNumber(index)] !== 0,
    };
  }

  /** Whether the claim counts at that instant, as far as it had been recorded by then. */
  isOpen(block: ExposureBlock, index: number, knownMs: number): boolean {
    const atMs = block.recordedMs(index);
    if (atMs > knownMs || knownMs >= atMs + claimLapseMs) return false;
    const usedBy = block.claimUsedBy[block.claimNumber(index)]!;
    if (usedBy === 0) return true;
    const using = this.chains.blockOf(usedBy)!;
    return using.recordedMs(usedBy - using.firstId) > knownMs;
  }

  nextLapseMs(kind: SubjectKind, number: number, nowMs: number): number {
    for (const id of this.recent.of(kind, number)) {
      const block = this.chains.blockOf(id)!;
      const index = id - block.firstId;
      if (this.isOpen(block, index, nowMs)) return block.recordedMs(index) + claimLapseMs;
    }
    return Infinity;
  }

  #linkBlock(block: ExposureBlock, rememberMs: number): void {
    for (let index = 0; index < block.count; index++) {
      const group = block.group[index]!;
      const chains = this.chains.ofGroup(block, group);
      const kind = block.groups[group]!.charCodeAt(0) - zeroCode;
      this.link(block, index, chains, kind === impressionCode);
      if (kind !== claimCode || block.recordedMs(index) <= rememberMs) continue;
      this.remember(block, index, block.claimDigest(block.claimNumber(index)));
    }
    const { uses } = block;
    for (let at = 0; at < uses.length; at += 2) {
      this.use(uses[at + 1]!, block.firstId + uses[at]!);
    }
  }

  #unlink(): void {
    this.#linkedCount = 0;
    this.chains = new ExposureChains();
    this.recent = new RecentClaims();
    for (const block of this.#blocks) block.unlink();
  }

  /** How many blocks from the first on the condition holds for. */
  #placeOf(isBefore: (block: ExposureBlock) => boolean): number {
    let below = this.#blocks.length;
    // Mostly it holds for all.
    if (below === 0 || isBefore(this.#blocks[below - 1]!)) return below;
    let from = 0;
    while (from < below) {
      const middle = (from + below) >>> 1;
      if (isBefore(this.#blocks[middle]!)) from = middle + 1;
      else below = middle;
    }
    return from;
  }
}

const zeroCode = 48;
const impressionCode = 0;
const claimCode = 1;
