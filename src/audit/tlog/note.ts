/**
 * Signed notes (C2SP signed-note) with Ed25519 keys: a text, an empty line, and lines that say who
 * signed it. A verifier key is `name+hash+base64`, as Go's `sumdb/note` reads it.
 */
import { Buffer } from "node:buffer";
import { createPrivateKey, createPublicKey, hash, sign, verify } from "node:crypto";

export interface Verifier {
  readonly name: string;
  /** The first four bytes, in hex, of the SHA-256 over name and key. */
  readonly keyHash: string;
  readonly publicKey: Uint8Array;
}

export interface Signer extends Verifier {
  sign(message: Uint8Array): Uint8Array;
}

export interface OpenedNote {
  /** Signed; ends with a newline. */
  readonly text: string;
  /** Those of the given verifiers whose signature it has. */
  readonly signedBy: readonly Verifier[];
}

/** The note has not the form of one, or a signature of a known key that is wrong. */
export class NoteError extends Error {
  override readonly name = "NoteError";
}

const ed25519 = 1;
const seedBytes = 32;
const publicKeyBytes = 32;
const signatureBytes = 64;
/** What DER has before the bytes of an Ed25519 key (RFC 8410). */
const privateKeyPrefix = Uint8Array.fromHex("302e020100300506032b657004220420");
const publicKeyPrefix = Uint8Array.fromHex("302a300506032b6570032100");
const encoder = new TextEncoder();

/** `seed`: the 32 bytes of an Ed25519 private key (RFC 8032). */
export function signerOf(name: string, seed: Uint8Array): Signer {
  if (!isName(name)) throw new NoteError(`${JSON.stringify(name)} is no name of a key`);
  if (seed.length !== seedBytes) throw new NoteError(`a private key has ${seedBytes} bytes`);
  const key = createPrivateKey({
    key: buffer(privateKeyPrefix, seed),
    format: "der",
    type: "pkcs8",
  });
  const der = createPublicKey(key).export({ format: "der", type: "spki" });
  const publicKey = new Uint8Array(der).slice(publicKeyPrefix.length);
  return {
    name,
    keyHash: keyHash(name, publicKey),
    publicKey,
    sign: (message) => new Uint8Array(sign(null, message, key)),
  };
}

export function verifierKey({ name, keyHash, publicKey }: Verifier): string {
  return `${name}+${keyHash}+${buffer([ed25519], publicKey).toBase64()}`;
}

/** Throws a `NoteError`. */
export function parseVerifierKey(text: string): Verifier {
  const [name, found, base64] = text.trim().split(/\+([0-9a-f]{8})\+/);
  const key = base64 === undefined ? null : fromBase64(base64);
  const isKey = key?.length === 1 + publicKeyBytes && key[0] === ed25519 && isName(name!);
  if (!isKey) throw new NoteError("this is no verifier key of the form name+hash+base64");
  const publicKey = key.slice(1);
  if (keyHash(name!, publicKey) !== found) {
    throw new NoteError("the hash in the verifier key is not that of its name and key");
  }
  return { name: name!, keyHash: found, publicKey };
}

/** `text` ends with a newline. */
export function signNote(text: string, signer: Signer): string {
  if (!text.endsWith("\n")) throw new NoteError("the text of a note ends with a newline");
  const signature = buffer(Uint8Array.fromHex(signer.keyHash), signer.sign(encoder.encode(text)));
  return `${text}\n— ${signer.name} ${signature.toBase64()}\n`;
}

/**
 * Takes a note apart and checks the signatures by these keys; those by others are passed over. Throws
 * a `NoteError`. Whether somebody signed is for the caller to ask.
 */
export function openNote(note: string, verifiers: readonly Verifier[]): OpenedNote {
  const split = note.lastIndexOf("\n\n");
  const lines = split < 0 ? [] : note.slice(split + 2).split("\n");
  if (lines.length < 2 || lines.pop() !== "") throw new NoteError("this is no signed note");
  const text = note.slice(0, split + 1);
  const message = encoder.encode(text);
  const signedBy: Verifier[] = [];
  for (const line of lines) {
    const match = /^— (\S+) (\S+)$/.exec(line);
    const bytes = match && fromBase64(match[2]!);
    if (!bytes || bytes.length < 5) throw new NoteError("a line of the note is no signature");
    const hash = bytes.slice(0, 4).toHex();
    const verifier = verifiers.find((one) => one.name === match![1] && one.keyHash === hash);
    if (!verifier) continue;
    if (!isSignature(verifier.publicKey, message, bytes.slice(4))) {
      throw new NoteError(`the signature by ${verifier.name} is wrong`);
    }
    if (!signedBy.includes(verifier)) signedBy.push(verifier);
  }
  return { text, signedBy };
}

export function isSignature(
  publicKey: Uint8Array,
  message: string | Uint8Array,
  signature: Uint8Array,
): boolean {
  if (signature.length !== signatureBytes) return false;
  const key = createPublicKey({
    key: buffer(publicKeyPrefix, publicKey),
    format: "der",
    type: "spki",
  });
  return verify(
    null,
    typeof message === "string" ? encoder.encode(message) : message,
    key,
    signature,
  );
}

/** Null where the text is no base64 in its one right form. */
export function fromBase64(text: string): Uint8Array | null {
  try {
    return Uint8Array.fromBase64(text, { lastChunkHandling: "strict" });
  } catch {
    return null;
  }
}

function keyHash(name: string, publicKey: Uint8Array): string {
  const bytes = buffer(encoder.encode(`${name}\n`), [ed25519], publicKey);
  return hash("sha256", bytes, "hex").slice(0, 8);
}

function isName(name: string): boolean {
  return /^[^\s+]+$/.test(name);
}

function buffer(...parts: readonly (Uint8Array | readonly number[])[]): Buffer {
  return Buffer.concat(parts.map((part) => Uint8Array.from(part)));
}
