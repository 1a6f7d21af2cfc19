/** What `asOf` means: a place in the log, and the time that was then. */
import { normalisedInstant } from "../../events/instant.ts";
import {
  isInLog,
  lastRecordedBy,
  logStart,
  parsePosition,
  recordedMs,
  retried,
} from "../event_store/mod.ts";

/** Nothing is recorded any more with a time that is so long past: the answer is final. */
const finalAfterMs = 1_000;

export interface Place {
  /** Of the last event that counts. */
  readonly position: string;
  /** What the clock said: the event's recorded time, or the instant that was asked for. */
  readonly clockMs: number;
  /** Set where an instant was asked for: the clock's rules count up to then. */
  readonly instantMs: number | null;
}

export type AsOfFault = "invalid_format" | "in_future" | "unknown_position";

/** There is no such place. */
export class AsOfError extends Error {
  override readonly name = "AsOfError";

  constructor(readonly code: AsOfFault, message: string) {
    super(message);
  }
}

/** A position of the log, or an instant in milliseconds. */
export function parseAsOf(text: string, nowMs: number): string | number {
  if (parsePosition(text)) return text;
  const instant = normalisedInstant(text);
  if (instant === null) {
    throw new AsOfError(
      "invalid_format",
      "is neither a position from a Placard-Position header nor an instant like 2026-04-01T00:00:00Z",
    );
  }
  const instantMs = Date.parse(instant);
  if (instantMs > nowMs - finalAfterMs) {
    throw new AsOfError(
      "in_future",
      "has to be a second ago or more; leave it out to ask about now",
    );
  }
  return instantMs;
}

export async function placeAt(kv: Deno.Kv, position: string): Promise<Place> {
  if (position === logStart) return { position, clockMs: 0, instantMs: null };
  if (!await retried(() => isInLog(kv, position))) {
    throw new AsOfError(
      "unknown_position",
      "is no position of this log; take one from a Placard-Position header or from the history",
    );
  }
  const clockMs = await retried(() => recordedMs(kv, position));
  return { position, clockMs, instantMs: null };
}

/**
 * `whenWritten`: when the commits are done that this process has under way, because they may tell an
 * earlier time than the instant. They are waited for unless the log has gone on meanwhile.
 */
export async function placeBy(
  kv: Deno.Kv,
  instantMs: number,
  whenWritten: Promise<unknown>,
): Promise<Place> {
  let isWritten = false;
  const written = whenWritten.then(() => isWritten = true);
  for (;;) {
    const wasWritten = isWritten;
    const { position, isEnd } = await retried(() => lastRecordedBy(kv, instantMs));
    if (!isEnd || wasWritten) return { position, clockMs: instantMs, instantMs };
    let timer: ReturnType<typeof setTimeout> | undefined;
    const tired = new Promise((resolve) => timer = setTimeout(resolve, lookAgainMs));
    await Promise.race([written, tired]);
    clearTimeout(timer);
  }
}

const lookAgainMs = 20;
