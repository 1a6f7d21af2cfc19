/**
 * Chains through the records of blocks, the newest record first: one for each kind, campaign and
 * subject. They are kept in memory only; records must be linked in the order of the log.
 */
import type { SubjectKind } from "../events/profile_events.ts";
import { BusyChain, busyLengthMin } from "./busy_chain.ts";
import { ChainTable } from "./chain_table.ts";
import {
  type ExposureBlock,
  minuteMs,
  type RecordKind,
  recordsPerStride,
  strideShift,
} from "./exposure_block.ts";

/** The chains of one kind of record of one campaign. */
export class RecordChains {
  readonly device = new ChainTable();
  readonly user = new ChainTable();
  readonly #busy: Record<SubjectKind, Map<number, BusyChain> | null> = { device: null, user: null };

  /** Undefined for a chain that is short enough to be walked. */
  busy(kind: SubjectKind, number: number): BusyChain | undefined {
    return this.#busy[kind]?.get(number);
  }

  setBusy(kind: SubjectKind, number: number, chain: BusyChain): void {
    (this.#busy[kind] ??= new Map()).set(number, chain);
  }
}

export class ExposureChains {
  readonly #strides: ExposureBlock[] = [];
  readonly #chains: Record<RecordKind, Map<string, RecordChains>> = {
    impression: new Map(),
    claim: new Map(),
    hide: new Map(),
  };
  /** For each block the chains of its groups. */
  readonly #ofBlock = new WeakMap<ExposureBlock, RecordChains[]>();
  /** No record happened longer than this after it was recorded. */
  aheadMsMax = 5 * minuteMs;

  /** Undefined where there is no such record. */
  blockOf(id: number): ExposureBlock | undefined {
    return this.#strides[id >>> strideShift];
  }

  get(kind: RecordKind, campaignId: string): RecordChains | undefined {
    return this.#chains[kind].get(campaignId);
  }

  /** The chains that records of the block's group belong to. */
  ofGroup(block: ExposureBlock, group: number): RecordChains {
    let known = this.#ofBlock.get(block);
    if (!known) this.#ofBlock.set(block, known = []);
    let chains = known[group];
    if (!chains) {
      const { kind, campaignId } = block.groupAt(group);
      const campaigns = this.#chains[kind];
      chains = campaigns.get(campaignId);
      if (!chains) campaigns.set(campaignId, chains = new RecordChains());
      known[group] = chains;
    }
    return chains;
  }

  /** Makes a record the newest of its chains. */
  link(block: ExposureBlock, index: number, chains: RecordChains, isImpression: boolean): void {
    const id = block.firstId + index;
    if (index % recordsPerStride === 0) this.#strides[id >>> strideShift] = block;
    const device = block.device[index]!;
    block.beforeOfDevice[index] = chains.device.push(device, id);
    const user = block.user[index]!;
    if (user !== 0) block.beforeOfUser[index] = chains.user.push(user, id);
    if (!isImpression) return;
    const aheadMs = (1 - block.lag[index]!) * minuteMs;
    if (aheadMs > this.aheadMsMax) this.aheadMsMax = aheadMs;
    if (chains.device.length >= busyLengthMin) this.#noteBusy(chains, "device", device, id);
    if (user !== 0 && chains.user.length >= busyLengthMin) {
      this.#noteBusy(chains, "user", user, id);
    }
  }

  /** The record before in the chain of the device or of the user; 0 for none. */
  before(kind: SubjectKind, block: ExposureBlock, id: number): number {
    const before = kind === "device" ? block.beforeOfDevice : block.beforeOfUser;
    return before[id - block.firstId]!;
  }

  #noteBusy(chains: RecordChains, kind: SubjectKind, number: number, id: number): void {
    const known = chains.busy(kind, number);
    const chain = known ?? new BusyChain();
    for (let at = id; at !== 0;) {
      const block = this.blockOf(at)!;
      const index = at - block.firstId;
      chain.add(block.minute(index), block.session[index]!);
      // The first time it takes in all that the chain has.
      at = known ? 0 : this.before(kind, block, at);
    }
    if (!known) chains.setBusy(kind, number, chain);
  }
}
