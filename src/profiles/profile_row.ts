/**
 * A profile as it stands in the store, beside the log. Its salt goes when it goes: what the log has is
 * then a digest of nothing that anybody could try.
 */
import { profileDigestBytes } from "../../events/profile_changes.ts";
import { sha256Hex } from "../event_store/mod.ts";
import type { Attributes } from "./attributes.ts";

export interface ProfileRow {
  readonly id: string;
  /** Hex text. */
  readonly salt: string;
  /** Canonical JSON. */
  readonly attributes: string;
  readonly updatedAtMs: number;
}

/** What the log keeps of a profile. */
export function profileDigest(salt: string, attributes: string): Uint8Array {
  return Uint8Array.fromHex(sha256Hex(salt + attributes).slice(0, 2 * profileDigestBytes));
}

export function attributesOf(row: ProfileRow): Attributes {
  return JSON.parse(row.attributes) as Attributes;
}
