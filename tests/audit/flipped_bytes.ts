/**
 * What a verification says of an export with one altered byte. To verify all of it a million times
 * would take a day, so only the code that decides about the place is run, the verifier's own: a line
 * after those that it is measured by, a tile, a body. What decides about the rest is everything.
 */
import type { StoredEvent } from "../../events/recorded_event.ts";
import { bodyNamed } from "../../src/audit/export/export_format.ts";
import { Findings } from "../../src/audit/findings.ts";
import { hashBytes, leafHash, parseTilePath, tileWidth } from "../../src/audit/tlog/mod.ts";
import { bodyFault, LineCheck } from "../../src/audit/verify/line_check.ts";
import { tileFault } from "../../src/audit/verify/tree_check.ts";
import { type ExportedFiles, verified } from "./forged_export.ts";

interface Line {
  readonly where: string;
  readonly leaf: number;
  /** In its file. */
  readonly start: number;
  /** Without its newline. */
  readonly bytes: Uint8Array;
  /** The line before it in its stream, and the one before it in the log. */
  readonly before: readonly Uint8Array[];
}

interface Body {
  readonly where: string;
  readonly start: number;
  readonly end: number;
  readonly stored: StoredEvent;
}

const newline = 10;
const decoder = new TextDecoder();

export class FlippedBytes {
  readonly #lines = new Map<string, Line[]>();
  readonly #bodies = new Map<string, Body[]>();
  readonly #whereOf: string[] = [];

  constructor(readonly files: ExportedFiles) {
    const lastOf = new Map<string, Uint8Array>();
    let last: Uint8Array | null = null;
    for (const name of [...files.keys()].filter((one) => one.endsWith(".ndjson")).sort()) {
      const lines: Line[] = [], bodies: Body[] = [];
      for (const { start, bytes } of linesIn(files.get(name)!)) {
        const where = `${name} line ${lines.length + 1}`;
        const stored: StoredEvent = JSON.parse(decoder.decode(bytes));
        const own = lastOf.get(stored.stream);
        const before = [...new Set([...own ? [own] : [], ...last ? [last] : []])];
        lines.push({ where, leaf: this.#whereOf.length, start, bytes, before });
        this.#whereOf.push(where);
        lastOf.set(stored.stream, last = bytes);
        const length = bodyNamed(decoder.decode(bytes))?.bytes;
        const from = bodies.at(-1)?.end ?? 0;
        if (length) bodies.push({ where, start: from, end: from + length, stored });
      }
      this.#lines.set(name, lines);
      this.#bodies.set(name.replace("events", "bodies").replace(".ndjson", ".bin"), bodies);
    }
  }

  /** Throws where no fault names the place. */
  async assertNamed(name: string, at: number, mask: number): Promise<void> {
    const line = this.#lines.get(name)?.findLast(({ start }) => start <= at);
    const body = this.#bodies.get(name)?.find(({ end }) => at < end);
    const where = line?.where ?? body?.where ?? name;
    const faults = (line && this.#ofLine(line, at, mask)) ??
      (body && this.#ofBody(body, name, at, mask)) ??
      this.#ofTile(name, at, mask) ??
      await this.#ofAll(name, at, mask, where);
    if (isNamed(faults, where)) return;
    throw new Error(`${name} byte ${at} with ${mask}: ${where} is not in ${faults.join("; ")}`);
  }

  /** Null where a newline comes or goes: the lines are others then. */
  #ofLine({ where, leaf, start, bytes, before }: Line, at: number, mask: number) {
    if (at === start + bytes.length) return null;
    const altered = flipped(bytes, at - start, mask);
    if (altered[at - start] === newline) return null;
    const findings = new Findings();
    const check = new LineCheck(findings);
    for (const one of before) check.check(one, "before");
    check.check(altered, where);
    if (isNamed(findings.faults, where)) return findings.faults;
    // A position that could be one: the tree tells.
    const index = Math.floor(leaf / tileWidth);
    const name = [...this.files.keys()].find((one) => tileOf(one)?.index === index)!;
    const tile = this.files.get(name)!.slice();
    tile.set(leafHash(altered), (leaf % tileWidth) * hashBytes);
    const fault = tileFault(tileOf(name)!, tile, this.files.get(name)!, (n) => this.#whereOf[n]!);
    return fault === null ? [] : [fault];
  }

  #ofBody({ where, start, end, stored }: Body, name: string, at: number, mask: number) {
    const bytes = this.files.get(name)!.subarray(start, end);
    const fault = bodyFault(stored.body!, flipped(bytes, at - start, mask));
    return fault === null ? [] : [`${where}: ${fault}`];
  }

  #ofTile(name: string, at: number, mask: number) {
    const tile = parseTilePath(name.replace("tile/", ""));
    if (!tile) return null;
    const bytes = this.files.get(name)!;
    const fault = tileFault(tile, bytes, flipped(bytes, at, mask), (n) => this.#whereOf[n]!);
    return fault === null ? [] : [`${name} ${fault}`];
  }

  async #ofAll(name: string, at: number, mask: number, where: string) {
    const altered = new Map(this.files).set(name, flipped(this.files.get(name)!, at, mask));
    // Mostly it is the first one.
    const { faults } = await verified(altered, { faultsMax: 1 });
    return isNamed(faults, where) ? faults : (await verified(altered)).faults;
  }
}

/** A tile of leaves; null: another file. */
function tileOf(name: string) {
  return name.startsWith("tile/0/") ? parseTilePath(name.slice("tile/".length)) : null;
}

/** Whether one speaks of the place; of line 1 speaks none that speaks of line 12. */
function isNamed(faults: readonly string[], where: string): boolean {
  return faults.some((fault) => {
    const at = fault.indexOf(where);
    return at >= 0 && !/\d/.test(fault.charAt(at + where.length));
  });
}

function flipped(
  bytes: Uint8Array,
  at: number,
  mask: number,
): Uint8Array<ArrayBuffer> {
  const altered = new Uint8Array(bytes);
  altered[at]! ^= mask;
  return altered;
}

function* linesIn(bytes: Uint8Array): Generator<{ start: number; bytes: Uint8Array }> {
  for (let start = 0; start < bytes.length;) {
    const end = bytes.indexOf(newline, start);
    yield { start, bytes: bytes.subarray(start, end) };
    start = end + 1;
  }
}
