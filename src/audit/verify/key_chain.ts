/**
 * Which keys belong to a log: the one that is trusted, and those that it was exchanged for. An exchange
 * is an event that the old key has signed, so nobody else can put another key in its place.
 */
import type { StoredEvent } from "../../../events/recorded_event.ts";
import type { Findings } from "../findings.ts";
import {
  fromBase64,
  isSignature,
  NoteError,
  parseVerifierKey,
  type Verifier,
} from "../tlog/mod.ts";

interface Exchange {
  readonly from: Verifier;
  readonly to: Verifier;
}

export class KeyChain {
  readonly #exchanges: Exchange[] = [];

  constructor(readonly findings: Findings) {}

  /** Takes every event, in order. */
  note({ type, data }: StoredEvent, where: string): void {
    if (type !== "notary_key_rotated") return;
    const { from, to, signature } = data as Record<"from" | "to" | "signature", string>;
    try {
      const exchange = { from: parseVerifierKey(from), to: parseVerifierKey(to) };
      const bytes = fromBase64(signature);
      if (!bytes || !isSignature(exchange.from.publicKey, to, bytes)) {
        throw new NoteError("the old key has not signed it");
      }
      this.#exchanges.push(exchange);
      this.findings.count("exchanges of the key");
    } catch (error) {
      if (!(error instanceof NoteError)) throw error;
      this.findings.fault(`${where} exchanges the key of the log, but ${error.message}`);
    }
  }

  /** The key, and those that it was exchanged for, one after the other. */
  after(key: Verifier): Verifier[] {
    const keys = [key];
    for (const { from, to } of this.#exchanges) if (isSameKey(keys.at(-1)!, from)) keys.push(to);
    return keys;
  }

  /** Those that were exchanged until it was this one. */
  before(key: Verifier): Verifier[] {
    const keys = [key];
    for (const { from, to } of this.#exchanges.toReversed()) {
      if (isSameKey(keys.at(-1)!, to)) keys.push(from);
    }
    return keys.slice(1);
  }
}

export function isSameKey(one: Verifier, other: Verifier): boolean {
  return one.name === other.name && one.keyHash === other.keyHash &&
    one.publicKey.toHex() === other.publicKey.toHex();
}
