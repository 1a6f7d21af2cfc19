/** Which keys may have signed what, given one that is trusted. */
import type { Findings } from "../findings.ts";
import { type Checkpoint, NoteError, openCheckpoint, type Verifier } from "../tlog/mod.ts";
import type { ImportedLog } from "./imported_logs.ts";
import { isSameKey, type KeyChain } from "./key_chain.ts";

export class TrustedKeys {
  constructor(
    readonly chain: KeyChain,
    readonly imported: readonly ImportedLog[],
    readonly key: Verifier,
  ) {}

  /** Who signed the checkpoint of the whole history; undefined: nobody who is trusted. */
  signerOf(note: string, findings: Findings): Verifier | undefined {
    // An exchanged key signs no more.
    const last = this.chain.after(this.key).at(-1)!;
    if (noted(findings, "the checkpoint", () => openCheckpoint(note, [last]))) return last;
    const taken = this.imported.find(({ key }) => isSameKey(key, last));
    if (taken) {
      findings.note(
        `the first ${taken.size} events were taken over from ${taken.origin}, whose key was given, ` +
          "and are what it had signed; give the key of this log, from somebody you trust",
      );
    }
    return undefined;
  }

  /** Those of the older checkpoint; null where it is of another log, which is a fault. */
  ofOlder(since: Checkpoint, whole: Checkpoint, findings: Findings): Verifier[] | null {
    const { chain, key } = this;
    if (since.origin === whole.origin) return [...chain.before(key), ...chain.after(key)];
    const from = this.imported.findLast(({ origin }) => origin === since.origin);
    if (from && since.size <= from.size) return [from.key, ...chain.before(from.key)];
    findings.fault(
      `the older checkpoint is of ${since.origin}, this one of ${whole.origin}` +
        (from ? `, which took over the first ${from.size} events of that log and no more` : ""),
    );
    return null;
  }
}

/** Undefined where it is malformed, which is noted. */
export function noted<T>(findings: Findings, what: string, parse: () => T): T | undefined {
  try {
    return parse();
  } catch (error) {
    if (!(error instanceof NoteError)) throw error;
    findings.fault(`${what}: ${error.message}`);
    return undefined;
  }
}
