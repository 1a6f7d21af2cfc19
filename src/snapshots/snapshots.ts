/**
 * Frozen audiences. A snapshot never changes: it is read from the store once and then at hand for as
 * long as campaigns are delivered by it.
 */
import { campaignStreamPrefix, isActiveStatus } from "../../events/campaign_events.ts";
import type { SubjectKind } from "../../events/profile_events.ts";
import type { CampaignState } from "../campaign/mod.ts";
import { keys, LogDamagedError, retried, type StreamStates } from "../event_store/mod.ts";
import type { StreamState } from "../transact/mod.ts";
import { Members, type MemberSet } from "./members.ts";
import { Pacer } from "./pacer.ts";

export interface Snapshot {
  readonly id: string;
  /** Null: everybody. */
  readonly members: MemberSet | null;
  /** Null: nobody is left out. */
  readonly excluded: MemberSet | null;
  /** Members that are not left out; null where nobody counts everybody. */
  readonly size: number | null;
  readonly digest: string | null;
}

/** Of the members or of those left out. */
export type Part = "members" | "excluded";

/** What stands at a snapshot's head. It is written last: with it the snapshot is whole. */
export interface SnapshotHead {
  readonly size: number | null;
  readonly digest: string;
  readonly parts: readonly Part[];
  /** Stored blocks of all parts. */
  readonly blocks: number;
  /** Subjects that were looked at, members found, and tries that it took. */
  readonly scanned: number;
  readonly matched: number;
  readonly attempts: number;
}

/** A snapshot that cannot be read whole. Reading it again would not help. */
export class SnapshotDamagedError extends LogDamagedError {
  override readonly name: string = "SnapshotDamagedError";
}

/** The snapshot of a campaign for everybody without an exclusion. */
const everybody: Snapshot = { id: "all", members: null, excluded: null, size: null, digest: null };
/** Snapshots at hand that no active campaign is delivered by; those unused for longest go first. */
const othersKept = 16;

export class Snapshots {
  readonly #held = new Map<string, Snapshot>();
  readonly #loading = new Map<string, Promise<Snapshot | null>>();
  /** By stream, the snapshots that active campaigns are delivered by. */
  readonly #used = new Map<string, string>();

  constructor(readonly kv: Deno.Kv) {}

  /** When it is at hand; undefined: `load` it. */
  get(id: string): Snapshot | undefined {
    if (id === everybody.id) return everybody;
    const snapshot = this.#held.get(id);
    if (!snapshot) return undefined;
    this.#held.delete(id);
    this.#held.set(id, snapshot);
    return snapshot;
  }

  /** Null: there is none. */
  async load(id: string): Promise<Snapshot | null> {
    const held = this.get(id);
    if (held) return held;
    let loading = this.#loading.get(id);
    if (!loading) {
      loading = retried(() => this.#read(id)).finally(() => this.#loading.delete(id));
      this.#loading.set(id, loading);
    }
    return await loading;
  }

  /** Takes the snapshots of active campaigns to hand as they come, so that delivery need not wait. */
  follow(states: StreamStates<StreamState>): void {
    states.onChange((stream, head) => {
      if (!stream.startsWith(campaignStreamPrefix)) return;
      const { status, snapshot } = head.state as CampaignState;
      const id = isActiveStatus(status) ? snapshot?.snapshotId : undefined;
      if (id === undefined) this.#used.delete(stream);
      else if (this.#used.get(stream) !== id) {
        this.#used.set(stream, id);
        // Whoever needs it loads it again, and then hears why it cannot be read.
        this.load(id).catch(() => {});
      }
    });
  }

  /** Takes one to hand that has been made here. */
  hold(snapshot: Snapshot): void {
    this.#held.set(snapshot.id, snapshot);
    this.#forgetOthers();
  }

  head(id: string): Promise<SnapshotHead | null> {
    return readHead(this.kv, id);
  }

  async #read(id: string): Promise<Snapshot | null> {
    const stored = await readSnapshot(this.kv, id);
    if (!stored) return null;
    const { head, ...parts } = stored;
    const snapshot: Snapshot = { id, ...parts, size: head.size, digest: head.digest };
    this.hold(snapshot);
    return snapshot;
  }

  /** Not disposed of: somebody may be reading one. Its memory goes with its last reader. */
  #forgetOthers(): void {
    const used = new Set(this.#used.values());
    const others = [...this.#held.keys()].filter((id) => !used.has(id));
    for (const id of others.slice(0, Math.max(0, others.length - othersKept))) {
      this.#held.delete(id);
    }
  }
}

/** What is stored of a snapshot, whole or not. */
export async function readMembers(kv: Deno.Kv, id: string): Promise<Record<Part, Members>> {
  const parts = { members: new Members(), excluded: new Members() };
  for (const part of ["members", "excluded"] as const) {
    const prefix = [...keys.snapshotPrefix(id), part];
    for await (const { key, value } of kv.list<Uint8Array>({ prefix }, { batchSize: 20 })) {
      const [kind, block] = key.slice(-2) as [SubjectKind, number];
      try {
        parts[part].load({ kind, block }, value);
      } catch (cause) {
        throw new SnapshotDamagedError(
          `block ${block} of ${kind}s of snapshot ${id} cannot be read (${cause})`,
          { cause },
        );
      }
    }
  }
  return parts;
}

/** Size and digest of the members as they stand in the store, for a check; null: there are none. */
export async function measuredSnapshot(
  kv: Deno.Kv,
  id: string,
): Promise<Pick<Snapshot, "size" | "digest"> | null> {
  const stored = await retried(() => readSnapshot(kv, id));
  if (!stored) return null;
  return await measured(stored.members, stored.excluded, new Pacer());
}

/** Of members, without the excluded; where everybody is a member, the digest of those. */
export async function measured(
  members: Members | null,
  excluded: Members | null,
  pacer: Pacer,
): Promise<{ size: number | null; digest: string }> {
  if (!members) return { size: null, digest: await excluded!.digest(null, pacer) };
  const size = excluded ? members.countWithout(excluded) : members.size;
  return { size, digest: await members.digest(excluded, pacer) };
}

async function readSnapshot(kv: Deno.Kv, id: string) {
  const head = await readHead(kv, id);
  if (!head) return null;
  const stored = await readMembers(kv, id);
  const blocks = stored.members.blockCount + stored.excluded.blockCount;
  if (blocks !== head.blocks) {
    throw new SnapshotDamagedError(`snapshot ${id} has ${blocks} blocks of ${head.blocks}`);
  }
  const part = (of: Part) => head.parts.includes(of) ? stored[of] : null;
  return { head, members: part("members"), excluded: part("excluded") };
}

async function readHead(kv: Deno.Kv, id: string): Promise<SnapshotHead | null> {
  const key = keys.snapshotHead(id);
  return (await retried(() => kv.get<SnapshotHead>(key, { consistency: "strong" }))).value;
}
