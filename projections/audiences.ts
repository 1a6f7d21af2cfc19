/**
 * The audiences, and the members of those that are lists. What a change of members came to is told
 * here, where all changes have one order: whoever appended it asks for its outcome.
 */
import {
  type AudienceEvent,
  type AudienceKind,
  type AudienceRule,
  audienceStreamPrefix,
  type MemberEvent,
} from "../events/audience_events.ts";
import { decodeMemberChanges, type MemberChange } from "../events/member_changes.ts";
import type { RecordedEvent } from "../events/recorded_event.ts";
import { ListMembers } from "./audience_members.ts";
import { NumberSet } from "./kpi_number_set.ts";
import type { Projection } from "./projection.ts";
import { type RowFold, RowProjection } from "./row_projection.ts";

export interface AudienceRow {
  readonly id: string;
  readonly name: string;
  readonly kind: AudienceKind;
  /** Null for a list. */
  readonly rule: AudienceRule | null;
  readonly version: number;
  readonly createdAtMs: number;
  readonly updatedAtMs: number;
  readonly deleted: boolean;
  /** Members of a list; 0 for a rule, whose members are calculated when they are needed. */
  readonly size: number;
}

/** What the changes of one event came to, each counted once. */
export interface MembersOutcome {
  readonly added: number;
  readonly removed: number;
  /** Members that were added, and others that were removed: nothing to do. */
  readonly unchanged: number;
}

interface StoredRow extends Omit<AudienceRow, "size" | "deleted"> {
  /** Of the event that created it. */
  readonly createdPosition: string;
  /** Of the event that deleted it; null: none has. */
  readonly deletedPosition: string | null;
}
type SubjectKind = MemberChange["kind"];
type Members = Readonly<Record<SubjectKind, ListMembers>>;

export const audiencesFold: RowFold<StoredRow> = {
  name: "audiences",
  revision: 1,

  rowKey: ({ stream }) =>
    stream.startsWith(audienceStreamPrefix) ? stream.slice(audienceStreamPrefix.length) : undefined,

  fold(row, recorded) {
    const event = recorded.event as AudienceEvent;
    const { version, timeMs } = recorded;
    if (event.type === "audience_created") {
      const id = recorded.stream.slice(audienceStreamPrefix.length);
      const times = { createdAtMs: timeMs, updatedAtMs: timeMs };
      const places = { createdPosition: recorded.position, deletedPosition: null };
      return { id, ...event.data, version, ...times, ...places };
    }
    if (!row) throw new Error(`${recorded.stream} begins with ${event.type}`);
    switch (event.type) {
      case "audience_edited":
        return { ...row, ...event.data.set, version, updatedAtMs: timeMs };
      case "audience_deleted":
        return {
          ...row,
          rule: null,
          version,
          updatedAtMs: timeMs,
          deletedPosition: recorded.position,
        };
    }
    throw new Error(`nobody knows the event ${(event as { type: string }).type}`);
  },
};

/** Whoever asks for an outcome does so at once. */
const outcomesKept = 4_096;

export class AudiencesProjection implements Projection {
  readonly name = audiencesFold.name;
  readonly revision = audiencesFold.revision;
  readonly bodiesOf = ["members_changed"];
  readonly #rows = new RowProjection(audiencesFold);
  readonly #members = new Map<string, Members>();
  readonly #outcomes = new Map<string, MembersOutcome>();

  /** Undefined for one that never existed and for one that was deleted. */
  get(id: string): AudienceRow | undefined {
    const row = this.#rows.rows.get(id);
    return row?.deletedPosition === null ? this.#withSize(row) : undefined;
  }

  exists(id: string): boolean {
    return this.#rows.rows.get(id)?.deletedPosition === null;
  }

  /** The newest first; those of one instant by their ids. */
  list(query: {
    readonly limit: number;
    /** The last row of the page before. Stable while audiences come and go. */
    readonly after?: { readonly createdAtMs: number; readonly id: string };
  }): { readonly rows: readonly AudienceRow[]; readonly more: boolean } {
    const { limit, after } = query;
    const found = [...this.#rows.rows.values()]
      .filter((row) => row.deletedPosition === null && (!after || inListOrder(after, row) < 0))
      .sort(inListOrder);
    const rows = found.slice(0, limit).map((row) => this.#withSize(row));
    return { rows, more: found.length > limit };
  }

  /** Of a list, by their numbers; to read at once or to copy, because they change. */
  members(id: string, kind: SubjectKind): NumberSet {
    return this.#members.get(id)?.[kind].numbers ?? new NumberSet();
  }

  /** What a recent change of members came to, by the position of its event. */
  outcome(position: string): MembersOutcome | undefined {
    return this.#outcomes.get(position);
  }

  fold(recorded: RecordedEvent): void {
    const { event, position } = recorded;
    if (event.type === "members_changed") return this.#foldMembers(recorded);
    this.#rows.fold(recorded);
    if (event.type === "audience_deleted") {
      const members = this.#members.get(audiencesFold.rowKey(recorded)!);
      for (const kind of subjectKinds) members?.[kind].clear(position);
    }
    if (event.type === "person_forgotten") this.#forget(recorded);
  }

  takeDirty(): string[] {
    const keys = this.#rows.takeDirty().map((id) => audiencePrefix + id);
    for (const [id, members] of this.#members) {
      for (const kind of subjectKinds) {
        for (const block of members[kind].takeDirty()) keys.push(blockKey({ id, kind, block }));
      }
    }
    return keys;
  }

  encodeRow(key: string): Uint8Array {
    if (key.startsWith(audiencePrefix)) {
      return this.#rows.encodeRow(key.slice(audiencePrefix.length));
    }
    const { id, kind, block } = parseBlockKey(key);
    return this.#membersOf(id)[kind].encode(block);
  }

  loadRow(key: string, bytes: Uint8Array, through: string): void {
    if (key.startsWith(audiencePrefix)) {
      return this.#rows.loadRow(key.slice(audiencePrefix.length), bytes, through);
    }
    const { id, kind, block } = parseBlockKey(key);
    this.#membersOf(id)[kind].load(block, bytes, through);
  }

  *rowKeys(): Iterable<string> {
    for (const id of this.#rows.rowKeys()) yield audiencePrefix + id;
    for (const [id, members] of this.#members) {
      for (const kind of subjectKinds) {
        for (const block of members[kind].blocks) yield blockKey({ id, kind, block });
      }
    }
  }

  #foldMembers(recorded: RecordedEvent): void {
    const { data: { audienceId } } = recorded.event as MemberEvent;
    if (!recorded.body) throw new Error(`the event at ${recorded.position} comes without its body`);
    const outcome = { added: 0, removed: 0, unchanged: 0 };
    const changes = decodeMemberChanges(recorded.body);
    const members = this.#listAt(audienceId, recorded.position);
    for (const { op, kind, number } of changes) {
      const changed = members?.[kind].change(op, number, recorded.position) ?? false;
      if (!changed) outcome.unchanged++;
      else if (op === "add") outcome.added++;
      else outcome.removed++;
    }
    this.#outcomes.set(recorded.position, outcome);
    if (this.#outcomes.size > outcomesKept) {
      this.#outcomes.delete(this.#outcomes.keys().next().value!);
    }
  }

  /** Null where there was no such list: it may be deleted while members of it are on their way. */
  #listAt(id: string, position: string): Members | null {
    const row = this.#rows.rows.get(id);
    if (row?.kind !== "list") return null;
    // A stored row may be ahead, and then knows of what is to come.
    const created = row.createdPosition < position;
    const deleted = row.deletedPosition !== null && row.deletedPosition < position;
    return created && !deleted ? this.#membersOf(id) : null;
  }

  /** A number that nobody has any more is in no list. */
  #forget({ event, position }: RecordedEvent): void {
    const { kind, number } = event.data as { kind: SubjectKind; number: number };
    for (const members of this.#members.values()) members[kind].change("remove", number, position);
  }

  #membersOf(id: string): Members {
    let members = this.#members.get(id);
    if (!members) {
      members = { device: new ListMembers(), user: new ListMembers() };
      this.#members.set(id, members);
    }
    return members;
  }

  #withSize({ createdPosition: _, deletedPosition, ...row }: StoredRow): AudienceRow {
    const members = this.#members.get(row.id);
    const size = members ? members.device.numbers.size + members.user.numbers.size : 0;
    return { ...row, deleted: deletedPosition !== null, size };
  }
}

const subjectKinds = ["device", "user"] as const;
const audiencePrefix = "audience/";
const membersPrefix = "members/";

interface BlockOfMembers {
  readonly id: string;
  readonly kind: SubjectKind;
  readonly block: number;
}

function blockKey({ id, kind, block }: BlockOfMembers): string {
  return `${membersPrefix}${id}/${kind}/${block}`;
}

function parseBlockKey(key: string): BlockOfMembers {
  const [id, kind, block] = key.slice(membersPrefix.length).split("/");
  return { id: id!, kind: kind as SubjectKind, block: Number(block) };
}

interface Place {
  readonly createdAtMs: number;
  readonly id: string;
}

function inListOrder(one: Place, other: Place): number {
  return other.createdAtMs - one.createdAtMs ||
    (one.id < other.id ? -1 : one.id > other.id ? 1 : 0);
}
