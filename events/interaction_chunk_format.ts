/**
 * The bytes of a chunk of interactions, a format kept for ever. Chunks hold numbers and digests, never
 * raw ids. The digests stand apart and uncompressed, because they are random and because a start of
 * the server reads nothing else of old chunks.
 *
 * ```
 * u8 format (2) · u32 count · count × 16 bytes of digest · u32 length · zstd of `length` bytes:
 *   u32 length of JSON · JSON of the lists of `dictionaryNames` · u64 earliest occurredAt (ms)
 *   the columns of `columnNames` in their order: u8 width (0–4) · width planes of count bytes
 * ```
 * Integers are little-endian. A column's plane `p` has byte `p` of every item's number, least first;
 * width 0 says that all are 0. Columns that name a dictionary hold 0 for none, else the index + 1.
 * Format 1 is the same without the columns `session` and `claim` and without the last dictionary.
 * A format with more columns takes the next format byte; decoders keep all earlier ones.
 */
import type { Platform } from "./workspace_events.ts";

/** The index is the code in the bytes: add at the end only. */
export const interactionKinds = ["impression", "click", "event", "hide"] as const;
export type InteractionKind = (typeof interactionKinds)[number];

/** The index is the code in the bytes: add at the end only. */
export const chunkPlatforms = ["web", "android", "ios"] as const satisfies readonly Platform[];

export const digestBytes = 16;

/** One interaction, as `ChunkBuilder` takes it. */
export interface ChunkItem {
  /** The first 16 bytes of a digest of the interaction's id. */
  readonly digest: Uint8Array;
  readonly kind: InteractionKind;
  readonly campaignId: string | null;
  /** From the identity register, from 1 on. */
  readonly device: number;
  /** From the identity register, from 1 on; 0 for none. */
  readonly user: number;
  readonly occurredAtMs: number;
  readonly platform: Platform;
  /** Of the content; 0 for not known. */
  readonly revision: number;
  readonly elementId: string | null;
  readonly variant: string | null;
  /** Of an event; the duration of a hide. */
  readonly name: string | null;
  /** The key of the session (see `session_token.ts`); 0 for none. */
  readonly session: number;
  /** 32 hex digits: a digest of the claim that it makes good. */
  readonly claim: string | null;
}

export type InteractionChunk = readonly ChunkItem[];

/** A chunk column by column; item `i` is what stands at `i` in every column. */
export interface DecodedChunk {
  readonly count: number;
  /** 16 bytes an item; a view of the bytes that were decoded. */
  readonly digests: Uint8Array;
  readonly occurredAtMs: Float64Array;
  /** Indices into `interactionKinds` and `chunkPlatforms`. */
  readonly kind: Uint32Array;
  readonly platform: Uint32Array;
  readonly device: Uint32Array;
  readonly user: Uint32Array;
  readonly revision: Uint32Array;
  /** 0 for none, else the index in the dictionary + 1. */
  readonly campaign: Uint32Array;
  readonly element: Uint32Array;
  readonly variant: Uint32Array;
  readonly name: Uint32Array;
  /** Keys of sessions; 0 for none. */
  readonly session: Uint32Array;
  /** 0 for none, else the index in the dictionary + 1. */
  readonly claim: Uint32Array;
  readonly campaigns: readonly string[];
  readonly elements: readonly string[];
  readonly variants: readonly string[];
  readonly names: readonly string[];
  readonly claims: readonly string[];
}

export class MalformedChunkError extends Error {
  override name = "MalformedChunkError";
}

/** The first byte of what is built. */
export const format = 2;

/** How many columns and dictionaries a format has: the first ones of each list. */
export const shapeOfFormat: readonly ({ columns: number; dictionaries: number } | undefined)[] = [
  undefined,
  { columns: 11, dictionaries: 4 },
  { columns: 13, dictionaries: 5 },
];

export const dictionaryNames = ["campaigns", "elements", "variants", "names", "claims"] as const;

/** The columns in the order of the bytes: add at the end only, with a new format byte. */
export const columnNames = [
  "kind",
  "platform",
  "campaign",
  "device",
  "user",
  "occurredAfterMs",
  "occurredAfterMsHigh",
  "revision",
  "element",
  "variant",
  "name",
  "session",
  "claim",
] as const;
/** The place of each column. */
export const column = Object.fromEntries(columnNames.map((name, index) => [name, index])) as Record<
  (typeof columnNames)[number],
  number
>;

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}
