/** What a verifier reads: a folder with an export, or a server. It trusts neither. */
import type { Tile } from "../tlog/mod.ts";
import type { Findings } from "../findings.ts";

/** A line with the body that it names; the body is null where it names none or there is none. */
export interface SourceEvent {
  readonly line: Uint8Array;
  readonly body: Uint8Array | null;
  /** The file and the line, for whoever looks for a fault. */
  readonly where: string;
}

export interface SourceClaim {
  readonly line: string;
  readonly where: string;
}

export interface HistorySource {
  checkpoint(): Promise<string>;
  key(): Promise<string>;
  /** Those up to the checkpoint. What is wrong with how they are stored goes to `findings`. */
  events(size: number, findings: Findings): AsyncIterable<SourceEvent>;
  /** Null: there is no such tile. */
  tile(tile: Tile): Promise<Uint8Array | null>;
  /** As of the position. `campaignIds`: those that the events tell of. */
  claims(
    position: string,
    campaignIds: Iterable<string>,
    findings: Findings,
  ): AsyncIterable<SourceClaim>;
  /** Names the line of a leaf. */
  whereOf(leaf: number): string;
  /** Looks for what else is wrong, and for what should not be there. */
  finish(size: number, findings: Findings): Promise<void>;
}

/** Nothing can be checked, because there is nothing to read. */
export class SourceUnreadableError extends Error {
  override readonly name = "SourceUnreadableError";
}
