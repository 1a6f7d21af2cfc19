/**
 * Checks lines one after the other: canonical JSON with exactly the members of an event, positions that
 * rise, versions of each stream without gaps, hash chains, recorded time.
 */
import type { BodyReference, StoredEvent } from "../../../events/recorded_event.ts";
import { canonicalJson, eventHash, parsePosition, sha256Hex } from "../../event_store/mod.ts";
import { eventFault } from "../event_schemas.ts";
import type { Findings } from "../findings.ts";
import { isBesideTip } from "../profiles_seen.ts";

export interface CheckedLine {
  readonly position: string;
  readonly stored: StoredEvent;
  /** Recorded time as the log has it, which never decreases. */
  readonly timeMs: number;
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

export class LineCheck {
  /** Of the last line that had one. */
  position = "";
  readonly #heads = new Map<string, { version: number; hash: string }>();
  #timeMs = 0;
  #commandTime = "";

  constructor(readonly findings: Findings) {}

  /** Null where the line is no event; after any other fault what follows is measured by the line. */
  check(line: Uint8Array, where: string): CheckedLine | null {
    const fault = (text: string) => this.findings.fault(`${where} ${text}`);
    let value: unknown;
    try {
      const text = decoder.decode(line);
      value = JSON.parse(text);
      if (canonicalJson(value) !== text) fault("is not canonical JSON");
    } catch (error) {
      fault(`is no JSON: ${(error as Error).message}`);
      return null;
    }
    if (!(value instanceof Object) || !("position" in value)) {
      fault("has no position");
      return null;
    }
    const { position, ...stored } = value as { position: string } & StoredEvent;
    const formFault = eventFault(stored);
    if (formFault) {
      fault(formFault);
      return null;
    }
    this.#checkPosition(position, fault);
    this.#checkChain(stored, fault);
    this.#checkTime(stored, fault);
    return { position, stored, timeMs: this.#timeMs };
  }

  get streamCount(): number {
    return this.#heads.size;
  }

  #checkPosition(position: string, fault: (text: string) => void): void {
    const place = typeof position === "string" ? parsePosition(position) : null;
    if (!place) return fault(`has no position: ${JSON.stringify(position)}`);
    const before = parsePosition(this.position);
    const inRow = before?.epoch === place.epoch && before.versionstamp === place.versionstamp;
    if (position <= this.position || place.index !== (inRow ? before.index + 1 : 0)) {
      const last = this.position || "the log's beginning";
      fault(`has the position ${position}, which cannot follow ${last}`);
    }
    this.position = position;
  }

  #checkChain(stored: StoredEvent, fault: (text: string) => void): void {
    const { stream, version, hash } = stored;
    const head = this.#heads.get(stream) ?? { version: 0, hash: "" };
    if (version !== head.version + 1) {
      fault(`takes ${stream} from version ${head.version} to ${version}`);
    } else if (eventHash(stored, head.hash) !== hash) {
      fault(
        `has a hash that does not fit: ${stream} version ${version} or the one before is altered`,
      );
    }
    this.#heads.set(stream, { version, hash });
  }

  /**
   * What commands append is in the order of its time. What is written beside them has the time at
   * which that was begun, which may be a moment before; its time in the log is that of its neighbours.
   */
  #checkTime(stored: StoredEvent, fault: (text: string) => void): void {
    const { time } = stored;
    this.#timeMs = Math.max(this.#timeMs, Date.parse(time));
    if (isBesideTip(stored)) return;
    if (time < this.#commandTime) fault(`was recorded at ${time}, before ${this.#commandTime}`);
    else this.#commandTime = time;
  }
}

/** What is wrong with the body of a line; null: nothing. */
export function bodyFault(
  { bytes, sha256, ref }: BodyReference,
  body: Uint8Array | null,
): string | null {
  if (!body) return `the body ${ref} is missing`;
  if (body.length !== bytes) return `the body ${ref} has ${body.length} bytes, not ${bytes}`;
  return sha256Hex(body) === sha256 ? null : `the body ${ref} has another SHA-256`;
}
