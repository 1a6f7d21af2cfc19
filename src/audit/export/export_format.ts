/**
 * The files of an export. Its lines are the events up to its checkpoint and nothing beyond; the bodies
 * that they name stand one after the other in a file beside, for as many bytes as the lines say. The
 * manifest is written last: an export without it is not finished.
 */
import { z } from "zod";
import { canonicalJson, sha256Hex } from "../../event_store/mod.ts";

export const exportFiles = {
  manifest: "manifest.json",
  checkpoint: "checkpoint",
  key: "key",
  claims: "claims.jsonl",
  /** Before the path of a tile. */
  tiles: "tile/",
} as const;

export const linesPerSegmentDefault = 10_000;

/** More than any body of an event has. */
export const bodyBytesMax = 16 * 1024 * 1024;

const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
const segmentSchema = z.strictObject({
  events: z.string().regex(/^events-\d{6,}\.ndjson$/),
  bodies: z.string().regex(/^bodies-\d{6,}\.bin$/),
  firstLeaf: z.int().min(0),
  count: z.int().min(1),
  eventsSha256: sha256,
  bodiesSha256: sha256,
});
const manifestSchema = z.strictObject({
  format: z.literal(1),
  /** Where it was taken from. */
  source: z.string(),
  checkpointSize: z.int().min(0),
  /** Of the last event. */
  position: z.string(),
  /** The last segment has as many as there are. */
  linesPerSegment: z.int().min(1),
  segments: z.array(segmentSchema),
  claims: z.strictObject({ count: z.int().min(0), sha256 }),
  checkpointSha256: sha256,
  keySha256: sha256,
});

export type Segment = z.infer<typeof segmentSchema>;
export type Manifest = z.infer<typeof manifestSchema>;

/** What a server says of a campaign as of the last event; null: it is deleted, and the server has none. */
export interface Claim {
  readonly campaignId: string;
  readonly status: unknown;
  readonly kpi: unknown;
}

export function segmentNames(number: number): Pick<Segment, "events" | "bodies"> {
  const digits = String(number).padStart(6, "0");
  return { events: `events-${digits}.ndjson`, bodies: `bodies-${digits}.bin` };
}

/** Canonical JSON, which holds the SHA-256 of itself without that member. */
export function manifestText(manifest: Manifest): string {
  const sha256 = sha256Hex(canonicalJson(manifest));
  return canonicalJson({ ...manifest, sha256 }) + "\n";
}

/** `isIntact`: whether it is what it was when it was written. Throws an error that says what is wrong. */
export function parseManifest(text: string): { manifest: Manifest; isIntact: boolean } {
  const { sha256: _, ...rest } = JSON.parse(text);
  const { data: manifest, error } = manifestSchema.safeParse(rest);
  if (error) {
    const { path, message } = error.issues[0]!;
    throw new Error(`/${path.join("/")} ${message}`);
  }
  return { manifest, isIntact: manifestText(manifest) === text };
}

/** `next` of a status is left out: it is what the server expects, and no history. */
export function claimLine({ campaignId, status, kpi }: Claim): string {
  if (status === null) return canonicalJson({ campaignId, status, kpi });
  const { next: _, ...told } = status as Record<string, unknown>;
  return canonicalJson({ campaignId, status: told, kpi });
}

const bodyStart = /^\{"body":\{"bytes":(\d{1,12}),"parts":\d+,"ref":"([^"\\]+)",/;
const positionStart = ',"position":"';
const positionLength = 30;

/** The body that a line names: read from its beginning, so that it is found in a damaged line too. */
export function bodyNamed(line: string): { bytes: number; ref: string } | null {
  const match = bodyStart.exec(line);
  return match && { bytes: Number(match[1]), ref: match[2]! };
}

/** Behind it come texts alone, whose own quotes are escaped. */
export function positionOf(line: string): string {
  const at = line.lastIndexOf(positionStart) + positionStart.length;
  return line.slice(at, at + positionLength);
}
