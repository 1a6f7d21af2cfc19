/** The profiles gathered for one commit: what it takes, and its event, body and rows. */
import { encodeProfileChanges, type ProfileChange } from "../../events/profile_changes.ts";
import type { ProfileEvent, SubjectKind } from "../../events/profile_events.ts";
import type { EventMeta } from "../../events/recorded_event.ts";
import {
  type AlsoCommitted,
  canonicalJson,
  commitBytesMax,
  keyBytes,
  keys,
} from "../event_store/mod.ts";
import { profileDigest, type ProfileRow } from "./profile_row.ts";
import type { ProfileWrite } from "./profiles.ts";

/** Rows of one commit; its limit in mutations leaves room for the event. */
const profilesMax = 850;
/** Bytes of a row beside its texts, and of its change in the event's body. */
const rowBytes = 200;
/** Room for the event. */
const bytesMax = commitBytesMax - 40_000;
const saltLength = 32;

/** A profile that waits for its commit. */
export interface GatheredProfile {
  readonly kind: SubjectKind;
  readonly id: string;
  readonly userId: string | undefined;
  /** Canonical JSON. */
  readonly attributes: string;
  /** What its row takes, or more: two bytes a letter. */
  readonly bytes: number;
  /** From the identity register, when it is known there. */
  number: number;
  /** The same; 0 also where nothing was said. */
  user: number;
}

export function gatheredProfile(write: ProfileWrite): GatheredProfile {
  const { kind, id, userId } = write;
  const attributes = canonicalJson(write.attributes);
  const bytes = 2 * (attributes.length + id.length) + rowBytes;
  return { kind, id, userId, attributes, bytes, number: 0, user: 0 };
}

export class ProfileCommit {
  readonly #meta: EventMeta;
  readonly #profiles: GatheredProfile[] = [];
  #bytes = 0;

  constructor(meta: EventMeta) {
    this.#meta = meta;
  }

  get profiles(): readonly GatheredProfile[] {
    return this.#profiles;
  }

  /** How many were added. */
  get added(): number {
    return this.#profiles.length;
  }

  takes({ bytes }: GatheredProfile): boolean {
    return this.#profiles.length < profilesMax && this.#bytes + bytes <= bytesMax;
  }

  add(one: GatheredProfile): void {
    this.#profiles.push(one);
    this.#bytes += one.bytes;
  }

  /** `forgotten`: the state of `keys.lastForgotten` that the numbers were taken after. */
  build(forgotten: string | null, updatedAtMs: number, newSecret: () => string) {
    const rows: { readonly key: Deno.KvKey; readonly row: ProfileRow }[] = [];
    const changes: ProfileChange[] = [];
    for (const { kind, number, id, user, attributes } of this.#last()) {
      const salt = newSecret().slice(0, saltLength);
      rows.push({ key: keys.profile(kind, number), row: { id, salt, attributes, updatedAtMs } });
      changes.push({ kind, number, user, digest: profileDigest(salt, attributes) });
    }
    const event: ProfileEvent = {
      type: "profiles_changed",
      schema: 1,
      data: { count: changes.length },
    };
    const check = { key: keys.lastForgotten(), versionstamp: forgotten };
    const also: AlsoCommitted = {
      checks: 1,
      mutations: rows.length,
      bytes: this.#bytes,
      keyBytes: rows.reduce((sum, { key }) => sum + keyBytes(key), keyBytes(check.key)),
      add: (operation) => {
        operation.check(check);
        for (const { key, row } of rows) operation.set(key, row);
      },
    };
    return {
      content: { event, body: encodeProfileChanges(changes), meta: this.#meta },
      also,
      changes,
    };
  }

  /**
   * Each person once, as it was written last. What an earlier write said of a device's user holds
   * where a later one says nothing.
   */
  #last(): Iterable<GatheredProfile> {
    const last = new Map<string, GatheredProfile>();
    for (const one of this.#profiles) {
      const key = `${one.kind} ${one.number}`;
      const before = last.get(key);
      last.delete(key);
      last.set(key, before && one.user === 0 ? { ...one, user: before.user } : one);
    }
    return last.values();
  }
}
