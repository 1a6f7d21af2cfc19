/** The highest number of each kind of subject that an event names: nobody may get one of those again. */
import { decodeChunk } from "../../events/interaction_chunk.ts";
import { decodeMemberChanges } from "../../events/member_changes.ts";
import { decodeProfileChanges } from "../../events/profile_changes.ts";
import { type SubjectKind, subjectKinds } from "../../events/profile_events.ts";
import type { DomainEvent } from "../../events/recorded_event.ts";

export type HighestNumbers = Record<SubjectKind, number>;

/** Raises `highest` to what the event and its body name. */
export function raiseHighest(
  highest: HighestNumbers,
  { type, data }: DomainEvent,
  body: Uint8Array | null,
): void {
  const raise = (kind: SubjectKind, number: number) => {
    if (number > highest[kind]) highest[kind] = number;
  };
  if (type === "person_forgotten") {
    const { kind, number } = data as { kind: SubjectKind; number: number };
    raise(kind, number);
  } else if (type === "claim_granted") {
    const { device, user } = data as { device: number; user: number };
    raise("device", device);
    raise("user", user);
  } else if (type === "test_message_sent") {
    for (const device of (data as { devices: readonly number[] }).devices) raise("device", device);
  } else if (type === "members_changed" && body) {
    for (const { kind, number } of decodeMemberChanges(body)) raise(kind, number);
  } else if (type === "profiles_changed" && body) {
    const { kind, number, user } = decodeProfileChanges(body);
    kind.forEach((code, index) => raise(subjectKinds[code]!, number[index]!));
    for (const one of user) raise("user", one);
  } else if (type === "interactions_recorded" && body) {
    const { device, user } = decodeChunk(body);
    for (const one of device) raise("device", one);
    for (const one of user) raise("user", one);
  }
}
