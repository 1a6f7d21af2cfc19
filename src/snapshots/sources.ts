/** What a calculation reads, as narrow as it can be: the tests ask the same of plain tables. */
import type { RoaringBitmap32 } from "roaring-wasm";
import type { SubjectKind } from "../../events/profile_events.ts";

export interface Numbers {
  has(number: number): boolean;
}

/** What follows from the log; see `projections/subjects.ts`. */
export interface SubjectSource {
  /** 0: the device has no user. */
  userOf(device: number): number;
  /** 0: never. */
  lastSeenMs(kind: SubjectKind, number: number): number;
  firstSeenMs(kind: SubjectKind, number: number): number;
  /** Undefined: nobody. */
  seen(kind: SubjectKind, campaignId: string): Numbers | undefined;
  clicked(kind: SubjectKind, campaignId: string): Numbers | undefined;
  did(kind: SubjectKind, eventName: string): Numbers | undefined;
  isForgotten(kind: SubjectKind, number: number): boolean;
}

export type ProfileAttributes = Readonly<Record<string, unknown>>;

export interface ProfileSource {
  /** By number, from ≤ number < to; without those that have no profile. */
  scan(kind: SubjectKind, from: number, to: number): AsyncIterable<{
    readonly number: number;
    readonly id: string;
    readonly attributes: ProfileAttributes;
  }>;
}

export interface RegisterSource {
  /** The highest number that was given; 0: none. */
  highest(kind: SubjectKind): Promise<number>;
  /** Everybody who is registered, in no order of numbers. */
  entries(kind: SubjectKind): AsyncIterable<{ readonly id: string; readonly number: number }>;
}

/** See `projections/audiences.ts`. */
export interface AudienceSource {
  get(id: string): { readonly kind: "rule" | "list"; readonly rule: unknown } | undefined;
  members(id: string, kind: SubjectKind): { readonly bitmap: RoaringBitmap32 | null };
}
