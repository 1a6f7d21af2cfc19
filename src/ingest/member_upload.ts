/**
 * Members of lists in bulk → the log. An upload of any size goes chunk by chunk: each is durable before
 * the one after the next is read. What the changes came to is told by the read model, which sees one
 * order; so an upload that broke off is simply sent again.
 */
import { encodeMemberChanges, type MemberChange } from "../../events/member_changes.ts";
import type { EventMeta } from "../../events/recorded_event.ts";
import type { AudiencesProjection, MembersOutcome } from "../../projections/audiences.ts";
import { type BodyWriter, StoreUnavailableError, type Tail } from "../event_store/mod.ts";
import type { IdentityKind, IdentityRegister } from "../identity/mod.ts";
import { idPattern, subjectIdLengthMax } from "./interaction.ts";

/** Changes of one event: tens of kilobytes, and as much memory as an upload needs. */
const chunkChangesMax = 10_000;

/** One line of an upload, in order. */
export interface MemberLine {
  readonly op: "add" | "remove";
  readonly kind: IdentityKind;
  readonly id: string;
}

export interface MemberLineFault {
  readonly code: string;
  readonly message: string;
}

/** What all lines of an upload came to. */
export type MembersTold = MembersOutcome;

export interface MemberUploadOptions {
  readonly bodies: BodyWriter;
  readonly tail: Tail;
  readonly identities: IdentityRegister;
  audiences(): AudiencesProjection;
}

/** One upload to one list. */
export class MemberUpload {
  readonly #told = { added: 0, removed: 0, unchanged: 0 };
  #waiting: MemberLine[] = [];
  /** The chunk before, while this one is read. */
  #appending: Promise<void> = Promise.resolve();
  /** Of the last event of this upload; "" before it. */
  #position = "";

  constructor(
    readonly options: MemberUploadOptions,
    readonly audienceId: string,
    readonly meta: EventMeta,
  ) {}

  get position(): string {
    return this.#position;
  }

  /** Takes the next line. Wait for it: that is what keeps an upload small in memory. */
  async take(line: MemberLine): Promise<void> {
    if (this.#waiting.push(line) >= chunkChangesMax) await this.#send();
  }

  /** Sends what is left. What it gives is of all lines, and everything is durable. */
  async finish(): Promise<MembersTold> {
    await this.#send();
    await this.#appending;
    return this.#told;
  }

  /** The numbers of the next chunk are looked up while the one before is being stored. */
  async #send(): Promise<void> {
    const lines = this.#waiting;
    if (lines.length === 0) return;
    this.#waiting = [];
    let changes: MemberChange[];
    try {
      changes = await this.#numbered(lines);
    } finally {
      await this.#appending;
    }
    this.#appending = changes.length === 0 ? Promise.resolve() : this.#append(changes);
    // Whoever waits for it hears of a failure; nobody may be waiting yet.
    this.#appending.catch(() => {});
  }

  async #append(changes: readonly MemberChange[]): Promise<void> {
    const { bodies, tail, audiences } = this.options;
    const data = { audienceId: this.audienceId, count: changes.length };
    const position = await bodies.append({
      event: { type: "members_changed", schema: 1, data },
      body: encodeMemberChanges(changes),
      meta: this.meta,
    });
    await tail.readOwnWrites();
    const outcome = audiences().outcome(position!);
    // A rebuilt model that has just come in begins behind this event.
    if (!outcome) throw new StoreUnavailableError("what changed could not be counted");
    this.#position = position!;
    this.#told.added += outcome.added;
    this.#told.removed += outcome.removed;
    this.#told.unchanged += outcome.unchanged;
  }

  /** Whoever is to be removed and is not known is no member, and is not made known by this. */
  async #numbered(lines: readonly MemberLine[]): Promise<MemberChange[]> {
    const { identities } = this.options;
    const numbers = { device: new Map<string, number>(), user: new Map<string, number>() };
    for (const kind of ["device", "user"] as const) {
      const added = this.#unknown(lines, kind, "add", numbers[kind]);
      if (added.size > 0) {
        const assigned = await identities.assign(kind, added);
        for (const id of added) numbers[kind].set(id, assigned.get(id)!);
      }
      const removed = [...this.#unknown(lines, kind, "remove", numbers[kind])];
      const found = await Promise.all(removed.map((id) => identities.find(kind, id)));
      removed.forEach((id, index) => {
        if (found[index] !== undefined) numbers[kind].set(id, found[index]);
      });
    }
    const changes: MemberChange[] = [];
    for (const { op, kind, id } of lines) {
      const number = numbers[kind].get(id);
      if (number === undefined) this.#told.unchanged++;
      else changes.push({ op, kind, number });
    }
    return changes;
  }

  /** The ids of these lines whose number is not at hand; the others are taken into `numbers`. */
  #unknown(
    lines: readonly MemberLine[],
    kind: IdentityKind,
    op: MemberLine["op"],
    numbers: Map<string, number>,
  ): Set<string> {
    const unknown = new Set<string>();
    for (const line of lines) {
      if (line.kind !== kind || line.op !== op || numbers.has(line.id)) continue;
      const known = this.options.identities.known(kind, line.id);
      if (known === undefined) unknown.add(line.id);
      else numbers.set(line.id, known);
    }
    return unknown;
  }
}

/** What a line of an upload says, or what is wrong with it. */
export function parseMemberLine(text: string): MemberLine | MemberLineFault {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { code: "malformed_json", message: "the line is not JSON" };
  }
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    return { code: "invalid_type", message: "a line is an object" };
  }
  const { op, userId, deviceId } = value as Record<string, unknown>;
  const strange = Object.keys(value).find((name) => !fields.has(name));
  if (strange !== undefined) {
    const message = `there is no ${JSON.stringify(strange.slice(0, 100))} here`;
    return { code: "unknown_field", message };
  }
  if (op !== "add" && op !== "remove") {
    const code = op === undefined ? "required" : "invalid_value";
    return { code, message: "op is add or remove" };
  }
  if ((userId === undefined) === (deviceId === undefined)) {
    const code = userId === undefined ? "required" : "invalid_value";
    return { code, message: "a line has either userId or deviceId" };
  }
  const kind = userId === undefined ? "device" : "user";
  const id = userId ?? deviceId;
  if (typeof id !== "string") return { code: "invalid_type", message: `${kind}Id is a text` };
  if (id.length === 0 || id.length > subjectIdLengthMax || !idPattern.test(id)) {
    const message = `${kind}Id has 1 to ${subjectIdLengthMax} characters, no control characters`;
    return { code: "invalid_format", message };
  }
  return { op, kind, id };
}

const fields = new Set(["op", "userId", "deviceId"]);
