/**
 * Checks profiles against the log: each row is what the log's last change of its number says, the
 * register has its owner, and nobody who was forgotten has left anything.
 */
import { decodeProfileChanges, profileDigestBytes } from "../../events/profile_changes.ts";
import {
  profilesStreamPrefix,
  type SubjectKind,
  subjectKinds,
} from "../../events/profile_events.ts";
import type { StoredEvent } from "../../events/recorded_event.ts";
import { decodeRow, keys } from "../event_store/mod.ts";
import { profileDigest, type ProfileRow } from "../profiles/mod.ts";
import { entriesUnder, type Findings } from "./findings.ts";

/** What the log says of profiles. */
export class ProfilesSeen {
  /** The last digest of each number; zeros: no profile. */
  readonly #digests: Record<SubjectKind, Uint8Array> = {
    device: new Uint8Array(0),
    user: new Uint8Array(0),
  };
  readonly #forgotten = { device: new Set<number>(), user: new Set<number>() };

  /** Gives the highest numbers that the body names. Throws when the body is malformed. */
  change(body: Uint8Array): { count: number; highest: Record<SubjectKind, number> } {
    const { count, kind, number, user, digests } = decodeProfileChanges(body);
    const highest = { device: 0, user: 0 };
    for (let i = 0; i < count; i++) {
      const subject = subjectKinds[kind[i]!]!;
      highest[subject] = Math.max(highest[subject], number[i]!);
      highest.user = Math.max(highest.user, user[i]!);
      const start = i * profileDigestBytes;
      this.#put(subject, number[i]!, digests.subarray(start, start + profileDigestBytes));
    }
    return { count, highest };
  }

  forget({ kind, number }: { kind: SubjectKind; number: number }): void {
    this.#forgotten[kind].add(number);
    if (this.has(kind, number)) this.#put(kind, number, new Uint8Array(profileDigestBytes));
  }

  isForgotten(kind: SubjectKind, number: number): boolean {
    return this.#forgotten[kind].has(number);
  }

  digest(kind: SubjectKind, number: number): Uint8Array {
    return this.#digests[kind].subarray(
      number * profileDigestBytes,
      (number + 1) * profileDigestBytes,
    );
  }

  has(kind: SubjectKind, number: number): boolean {
    return this.digest(kind, number).some((byte) => byte !== 0);
  }

  *numbers(kind: SubjectKind): Iterable<number> {
    const end = this.#digests[kind].length / profileDigestBytes;
    for (let number = 1; number < end; number++) if (this.has(kind, number)) yield number;
  }

  #put(kind: SubjectKind, number: number, digest: Uint8Array): void {
    const end = (number + 1) * profileDigestBytes;
    if (this.#digests[kind].length < end) {
      const more = new Uint8Array(Math.max(2 * this.#digests[kind].length, end));
      more.set(this.#digests[kind]);
      this.#digests[kind] = more;
    }
    this.#digests[kind].set(digest, end - profileDigestBytes);
  }
}

/** Whether an event is one that nothing is decided on, so that it does not move the tip. */
export function isBesideTip({ stream, body }: StoredEvent): boolean {
  return body !== undefined || stream.startsWith(profilesStreamPrefix);
}

/**
 * `owner` gives the id that the register has for a number; a log that was brought here without its
 * register has numbers of nobody, and no profiles. Rows written after the log was read are left out.
 */
export async function checkProfiles(
  kv: Deno.Kv,
  epoch: number,
  lastVersionstamp: string | undefined,
  seen: ProfilesSeen,
  owner: (kind: SubjectKind, number: number) => string | undefined,
  findings: Findings,
): Promise<void> {
  const found = { device: new Set<number>(), user: new Set<number>() };
  for await (
    const { key, value, versionstamp } of entriesUnder(kv, keys.profilePrefix(), findings.pacing)
  ) {
    findings.count("profiles");
    const kind = String(key.at(-2)) as SubjectKind;
    const number = Number(key.at(-1));
    found[kind]?.add(number);
    if (lastVersionstamp === undefined || versionstamp > lastVersionstamp) continue;
    const fault = rowFault(seen, kind, number, value as ProfileRow, owner(kind, number));
    if (fault) findings.fault(`the profile of ${kind} ${number} ${fault}`);
  }
  let meanwhile: ProfilesSeen | null = null;
  for (const kind of subjectKinds) {
    for (const number of seen.numbers(kind)) {
      if (found[kind].has(number) || owner(kind, number) === undefined) continue;
      meanwhile ??= await forgottenAfter(kv, epoch, lastVersionstamp);
      if (meanwhile.isForgotten(kind, number)) continue;
      findings.fault(`the profile of ${kind} ${number} is missing`);
    }
  }
}

function rowFault(
  seen: ProfilesSeen,
  kind: SubjectKind,
  number: number,
  row: ProfileRow,
  owner: string | undefined,
): string | null {
  if (seen.isForgotten(kind, number)) return "is there, though the person was forgotten";
  if (!seen.has(kind, number)) return "is in no event";
  if (row?.id !== owner) return "is not of the id that the register has";
  const digest = profileDigest(row.salt, row.attributes);
  return digest.toHex() === seen.digest(kind, number).toHex() ? null : "is not what the log says";
}

/** Who was forgotten since the log was read. */
async function forgottenAfter(
  kv: Deno.Kv,
  epoch: number,
  lastVersionstamp: string | undefined,
): Promise<ProfilesSeen> {
  const seen = new ProfilesSeen();
  const start = keys.log(epoch, lastVersionstamp ?? "");
  for await (const { value } of kv.list<Uint8Array>({ start, end: keys.logPrefix(epoch + 1) })) {
    for (const { type, data } of decodeRow(value).events) {
      if (type === "person_forgotten") seen.forget(data as { kind: SubjectKind; number: number });
    }
  }
  return seen;
}
