/**
 * A position: the place of one event in the log, opaque to callers, in the order of the log as text.
 * Versionstamps belong to one database, so an import raises the epoch that stands before them.
 */
import { positionPattern } from "../../events/recorded_event.ts";

export interface LogPlace {
  readonly epoch: number;
  readonly versionstamp: string;
  /** Of the event within its row. */
  readonly index: number;
}

/** Of a database that nothing was imported into. */
export const firstEpoch = 1;

/** Before every event. */
export const logStart = "0000-00000000000000000000-0000";

export function formatPosition(epoch: number, versionstamp: string, index: number): string {
  return `${hex4(epoch)}-${versionstamp}-${hex4(index)}`;
}

export function parsePosition(text: string): LogPlace | null {
  const match = positionPattern.exec(text);
  if (!match) return null;
  return {
    epoch: parseInt(match[1]!, 16),
    versionstamp: match[2]!,
    index: parseInt(match[3]!, 16),
  };
}

/** The later one of two positions, or of two instants as the log writes them. */
export function maximum(one: string, other: string): string {
  return one > other ? one : other;
}

/** Tells the row of an event from other rows. */
export function rowOfPosition(position: string): string {
  return position.slice(0, position.lastIndexOf("-"));
}

/** The text before this one, though perhaps no event stands there. */
export function positionBefore(position: string): string {
  const { epoch, versionstamp, index } = parsePosition(position)!;
  const before = BigInt(`0x${hex4(epoch)}${versionstamp}${hex4(index)}`) - 1n;
  if (before < 0n) return logStart;
  const digits = before.toString(16).padStart(28, "0");
  return `${digits.slice(0, 4)}-${digits.slice(4, 24)}-${digits.slice(24)}`;
}

function hex4(value: number): string {
  return value.toString(16).padStart(4, "0");
}
