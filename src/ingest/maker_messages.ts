/**
 * What the two sides of ingestion tell each other: the one that has the store and the requests, and
 * the one that makes chunks of them. All of it is plain data, so that the sides may be two threads.
 */
import type { IdentityKind } from "../identity/mod.ts";
import type { BatchError, Rejected } from "./batch.ts";
import type { CampaignFacts } from "./campaign_facts.ts";

/** Everything that there is to tell at one time; each is answered by one `Made`. */
export interface Work {
  readonly arrivedAtMs: number;
  /** Where numbers of ids are looked up; null: where they were before. */
  readonly numberMemories: Readonly<Record<IdentityKind, SharedArrayBuffer>> | null;
  /** Campaigns as they are now, those that are gone with null; of others nothing has changed. */
  readonly campaigns: readonly (readonly [campaignId: string, facts: CampaignFacts | null])[];
  readonly requests: readonly RequestHead[];
  /** The bodies of these requests, one after the other. */
  readonly bodies: Uint8Array<ArrayBuffer>;
  /** Requests that came too early: now all is known that can be. */
  readonly again: readonly number[];
  /** Requests that were answered without the maker: it holds them no more. */
  readonly dropped: readonly number[];
  /** The numbers that were asked for, in the order in which they were. */
  readonly numbers: readonly Numbered[];
  /** So many more chunks may be made. */
  readonly chunksWanted: number;
}

export interface RequestHead {
  readonly request: number;
  readonly length: number;
  /** These two are left out where they can be: a message costs by the member. */
  readonly isGzip?: true;
  /** In a chunk of its own, which is made at once. */
  readonly isAlone?: true;
}

export interface Numbered {
  readonly request: number;
  readonly devices: readonly number[];
  readonly users: readonly number[];
}

export interface Made {
  /** Nothing was taken of these. */
  readonly faulty: { readonly request: number; readonly fault: Fault }[];
  /** Of these no item was accepted, so that there is nothing to store. */
  readonly rejected: Answer[];
  /** They name what is not known here: campaigns, or revisions of them. */
  readonly early: { readonly request: number; readonly campaignIds: readonly string[] }[];
  readonly unknown: Unknown[];
  readonly chunks: MadeChunk[];
}

/** Why nothing was taken: a `BatchError` as data; `bug` for what should not happen. */
export interface Fault {
  readonly code: BatchError["code"] | "bug";
  readonly message: string;
  readonly problems: BatchError["problems"];
}

export interface Answer {
  readonly request: number;
  readonly accepted: number;
  readonly rejected: readonly Rejected[];
}

/** A request whose devices and users have no number at hand. */
export interface Unknown {
  readonly request: number;
  readonly devices: readonly string[];
  readonly users: readonly string[];
}

export interface MadeChunk {
  readonly count: number;
  /** Null for a request alone of which nothing was accepted. */
  readonly bytes: Uint8Array<ArrayBuffer> | null;
  readonly isAlone: boolean;
  readonly answers: readonly Answer[];
}
