/** Who asks: a device and perhaps its user, with what the identity register knows of them. */
import { assignmentSubject } from "../../events/assignment.ts";
import type { SubjectKind } from "../../events/profile_events.ts";

export interface Subject {
  readonly deviceId: string;
  readonly userId: string | undefined;
  /** Numbers of the identity register; 0: not there, so nothing is known of it. */
  readonly device: number;
  readonly user: number;
  /** The name in the hashes that assign variants and control groups. */
  readonly assignedAs: string;
}

export function subjectOf(
  deviceId: string,
  userId: string | undefined,
  device: number,
  user: number,
): Subject {
  return { deviceId, userId, device, user, assignedAs: assignmentSubject(deviceId, userId) };
}

/** The member of audiences that the subject is: its user, or the device where there is no user. */
export function memberOf({ userId, device, user }: Subject): { kind: SubjectKind; number: number } {
  return userId === undefined ? { kind: "device", number: device } : { kind: "user", number: user };
}

/** Whose showings a cap counts: those of the device too where a cap by user finds no user. */
export function cappedBy(
  by: "user" | "device",
  { userId, device, user }: Subject,
): { kind: SubjectKind; number: number } {
  return by === "user" && userId !== undefined
    ? { kind: "user", number: user }
    : { kind: "device", number: device };
}

/** The numbers by which something may be known of it. */
export function known({ device, user, userId }: Subject) {
  const subjects: { kind: SubjectKind; number: number }[] = [];
  if (device !== 0) subjects.push({ kind: "device", number: device });
  if (userId !== undefined && user !== 0) subjects.push({ kind: "user", number: user });
  return subjects;
}
