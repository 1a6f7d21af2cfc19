/**
 * Checks a history without trusting whoever holds it: every line, body, hash, chain and tile, the
 * signature, that it continues an older checkpoint, and that what the server says of its campaigns is
 * what the events alone give. It holds no more in memory than the models that count.
 */
import { logStart } from "../../event_store/mod.ts";
import { Findings, type FsckReport } from "../findings.ts";
import {
  type Checkpoint,
  openCheckpoint,
  parseCheckpoint,
  parseVerifierKey,
  type Verifier,
  verifierKey,
} from "../tlog/mod.ts";
import { checkClaims } from "./claims_check.ts";
import type { HistorySource, SourceEvent } from "./history_source.ts";
import { ImportedLogs } from "./imported_logs.ts";
import { KeyChain } from "./key_chain.ts";
import { bodyFault, type CheckedLine, LineCheck } from "./line_check.ts";
import { type ColdStore, Recomputed } from "./recomputed.ts";
import { TreeCheck } from "./tree_check.ts";
import { noted, TrustedKeys } from "./trusted_keys.ts";

export interface VerifyOptions {
  readonly source: HistorySource;
  /** A signed checkpoint that the auditor has kept. */
  readonly since?: string;
  /** The verifier key that the auditor trusts; without it the one that comes with the history. */
  readonly key?: string;
  readonly cold: ColdStore;
  /** Leaves out what the server said of its campaigns: the events alone are of use. */
  readonly skipClaims?: boolean;
  /** After so many faults no more are looked for. */
  readonly faultsMax?: number;
  onProgress?(progress: { events: number; of: number }): void;
}

export interface VerifyReport extends FsckReport {
  /** Null where it is no checkpoint. */
  readonly checkpoint: Checkpoint | null;
  /** The verifier key that the checkpoint was signed by; undefined where it was not. */
  readonly signedBy?: string;
}

/** Lines between two calls of `onProgress`. */
const progressEvery = 10_000;
const faultsMaxDefault = 1_000;

/** Throws where what is to be checked cannot be read at all. */
export async function verifyHistory(options: VerifyOptions): Promise<VerifyReport> {
  const findings = new Findings();
  const report = (checkpoint: Checkpoint | null): VerifyReport => ({ ...findings, checkpoint });
  const note = await options.source.checkpoint();
  const checkpoint = noted(findings, "the checkpoint", () => parseCheckpoint(note));
  const since = options.since === undefined
    ? null
    : noted(findings, "the older checkpoint", () => parseCheckpoint(options.since!));
  const key = await trustedKey(options, findings);
  if (!checkpoint || !key || since === undefined) return report(checkpoint ?? null);
  const check = new HistoryCheck(options, findings, since);
  if (!await check.readAll(checkpoint)) return report(checkpoint);
  const trusted = new TrustedKeys(check.keys, check.imported.all, key);
  const sinceKeys = since && trusted.ofOlder(since, checkpoint, findings);
  await check.tree.finish(checkpoint);
  const signedBy = trusted.signerOf(note, findings);
  if (sinceKeys) {
    const what = "the older checkpoint, which may be of another log than this one";
    noted(findings, what, () => openCheckpoint(options.since!, sinceKeys));
  }
  if (!options.skipClaims) await check.checkClaims();
  await options.source.finish(checkpoint.size, findings);
  return { ...report(checkpoint), ...(signedBy && { signedBy: verifierKey(signedBy) }) };
}

class HistoryCheck {
  readonly tree: TreeCheck;
  readonly keys: KeyChain;
  readonly imported: ImportedLogs;
  readonly #lines: LineCheck;
  readonly #recomputed: Recomputed;
  /** Why there is nothing to compare claims with. */
  #notFolded: string | null = null;

  constructor(
    readonly options: VerifyOptions,
    readonly findings: Findings,
    since: Checkpoint | null,
  ) {
    this.tree = new TreeCheck(options.source, findings, since);
    this.keys = new KeyChain(findings);
    this.imported = new ImportedLogs(findings);
    this.#lines = new LineCheck(findings);
    this.#recomputed = new Recomputed(options.cold);
    if (options.skipClaims) this.#notFolded = "nobody asks for them";
  }

  /** False where it was given up because of too many faults. */
  async readAll({ size }: Checkpoint): Promise<boolean> {
    const { source, faultsMax = faultsMaxDefault, onProgress } = this.options;
    for await (const event of source.events(size, this.findings)) {
      if (this.tree.size === size) {
        this.findings.fault(`${event.where} is beyond the checkpoint's ${size} events`);
      }
      this.#take(event);
      await this.tree.append(event.line);
      this.findings.count("events");
      if (this.tree.size % progressEvery === 0) {
        onProgress?.({ events: this.tree.size, of: size });
      }
      if (this.findings.faultCount < faultsMax) continue;
      this.findings.note(`given up after ${this.findings.faultCount} faults`);
      return false;
    }
    this.findings.count("streams", this.#lines.streamCount);
    return true;
  }

  async checkClaims(): Promise<void> {
    if (this.#notFolded !== null) {
      return this.findings.note(`the claims are not compared, because ${this.#notFolded}`);
    }
    const position = this.#lines.position || logStart;
    await checkClaims(this.options.source, this.#recomputed, position, this.findings);
  }

  #take({ line, body, where }: SourceEvent): void {
    const checked = this.#lines.check(line, where);
    if (!checked) return this.#cannotFold(`${where} is no event`);
    this.keys.note(checked.stored, where);
    this.imported.note(checked.stored, where, this.tree);
    if (!this.#isBody(checked, body, where)) return this.#cannotFold(`${where} has no right body`);
    if (this.#notFolded !== null) return;
    try {
      this.#recomputed.fold(checked, body);
    } catch (error) {
      this.findings.fault(`${where} cannot have happened: ${(error as Error).message}`);
      this.#cannotFold(`${where} cannot be folded`);
    }
  }

  #isBody({ stored }: CheckedLine, body: Uint8Array | null, where: string): boolean {
    if (!stored.body) return true;
    this.findings.count("bodies");
    const fault = bodyFault(stored.body, body);
    if (fault !== null) this.findings.fault(`${where}: ${fault}`);
    return fault === null;
  }

  #cannotFold(why: string): void {
    this.#notFolded ??= why;
  }
}

async function trustedKey(
  { key, source }: VerifyOptions,
  findings: Findings,
): Promise<Verifier | undefined> {
  if (key !== undefined) return noted(findings, "the given key", () => parseVerifierKey(key));
  const included = await source.key();
  findings.note(
    "the key that came with the history was used: this shows that the history agrees with itself, " +
      "not whose it is; give a key that you have kept with --key",
  );
  return noted(findings, "the key", () => parseVerifierKey(included));
}
