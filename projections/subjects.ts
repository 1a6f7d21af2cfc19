/**
 * What follows from the log about single devices and users, as numbers of the identity register: when
 * they were seen, whose a device is, which campaigns they saw and clicked, which events they did. An
 * interaction that is sent again changes nothing here but, at most, whose a device is: that is told by
 * the last one in the log that names a user.
 */
import {
  type DecodedChunk,
  type InteractionKind,
  interactionKinds,
} from "../events/interaction_chunk.ts";
import { decodeProfileChanges } from "../events/profile_changes.ts";
import { type ProfileEvent, type SubjectKind, subjectKinds } from "../events/profile_events.ts";
import type { RecordedEvent } from "../events/recorded_event.ts";
import type { Projection } from "./projection.ts";
import { chunkOf } from "./recorded_chunk.ts";
import { blockMask, blockShift, SubjectBlock } from "./subject_block.ts";
import { type NumbersRow, SubjectNumbers } from "./subject_numbers.ts";

/** Names of events that are kept: the first ones in the log. */
export const eventNamesKept = 1_000;

/** Numbers to look into. */
export interface Numbers {
  has(number: number): boolean;
  readonly size: number;
}

type Did = "seen" | "clicked" | "did";
type Row = SubjectBlock | NumbersRow;

export class SubjectsProjection implements Projection {
  readonly name = "subjects";
  readonly revision = 1;
  readonly bodiesOf = ["interactions_recorded", "profiles_changed"];
  readonly #blocks: Readonly<Record<SubjectKind, (SubjectBlock | undefined)[]>> = {
    device: [],
    user: [],
  };
  /** By `DID/KIND/CAMPAIGN_ID` or `did/KIND/EVENT_NAME`, and `forgotten/KIND`. */
  readonly #sets = new Map<string, SubjectNumbers>();
  readonly #forgotten = {
    device: this.#set("forgotten/device"),
    user: this.#set("forgotten/user"),
  };
  readonly #eventNames = new Set<string>();
  readonly #dirty = new Set<Row>();
  /** Rows of a flush that did not come to its end. */
  readonly #ahead = new Set<Row>();

  /** The user whose the device was last; 0: nobody's. */
  userOf(device: number): number {
    const user = this.#blocks.device[device >>> blockShift]?.user[device & blockMask] ?? 0;
    if (user === 0 || this.isForgotten("user", user)) return 0;
    return this.isForgotten("device", device) ? 0 : user;
  }

  /** By when it happened, in whole seconds; 0: never. */
  lastSeenMs(kind: SubjectKind, number: number): number {
    return 1000 * (this.#blocks[kind][number >>> blockShift]?.last[number & blockMask] ?? 0);
  }

  firstSeenMs(kind: SubjectKind, number: number): number {
    return 1000 * (this.#blocks[kind][number >>> blockShift]?.first[number & blockMask] ?? 0);
  }

  /** Who has an impression of the campaign; undefined: nobody. */
  seen(kind: SubjectKind, campaignId: string): Numbers | undefined {
    return this.#sets.get(`seen/${kind}/${campaignId}`);
  }

  clicked(kind: SubjectKind, campaignId: string): Numbers | undefined {
    return this.#sets.get(`clicked/${kind}/${campaignId}`);
  }

  /** Who has sent the event; the first `eventNamesKept` names are known. */
  did(kind: SubjectKind, eventName: string): Numbers | undefined {
    return this.#sets.get(`did/${kind}/${eventName}`);
  }

  isForgotten(kind: SubjectKind, number: number): boolean {
    return this.#forgotten[kind].has(number);
  }

  /** The numbers of forgotten persons, in ascending order. */
  forgotten(kind: SubjectKind): Iterable<number> & Numbers {
    return this.#forgotten[kind];
  }

  fold(recorded: RecordedEvent): void {
    const { event } = recorded;
    switch (event.type) {
      case "interactions_recorded":
        this.#catchUp(recorded.position);
        this.#foldChunk(chunkOf(recorded));
        break;
      case "profiles_changed":
        this.#catchUp(recorded.position);
        this.#foldProfiles(recorded.body!);
        break;
      case "person_forgotten": {
        this.#catchUp(recorded.position);
        const { kind, number } = (event as ProfileEvent & { type: "person_forgotten" }).data;
        this.#forgotten[kind].add(number);
        break;
      }
    }
  }

  takeDirty(): string[] {
    const keys: string[] = [];
    for (const row of this.#dirty) {
      row.isDirty = false;
      keys.push(row.key);
    }
    this.#dirty.clear();
    return keys;
  }

  encodeRow(key: string): Uint8Array {
    return this.#row(key).encode();
  }

  loadRow(key: string, bytes: Uint8Array, through: string): void {
    const row = this.#row(key);
    row.load(bytes);
    row.through = through;
    row.isAhead = true;
    this.#ahead.add(row);
  }

  *rowKeys(): Iterable<string> {
    for (const kind of subjectKinds) {
      for (const block of this.#blocks[kind]) if (block) yield block.key;
    }
    for (const set of this.#sets.values()) for (const { key } of set.rows()) yield key;
  }

  /** A row that is ahead of the checkpoint takes no event that it has already. */
  #catchUp(position: string): void {
    for (const row of this.#ahead) {
      if (position <= row.through) continue;
      row.isAhead = false;
      this.#ahead.delete(row);
    }
  }

  #foldChunk(chunk: DecodedChunk): void {
    const { device, user, kind, occurredAtMs } = chunk;
    const devices = this.#blocks.device;
    const users = this.#blocks.user;
    const acted = new ActedInChunk(chunk, (did, subject, name) => this.#acted(did, subject, name));
    for (let i = 0; i < chunk.count; i++) {
      const second = Math.floor(occurredAtMs[i]! / 1000);
      const deviceNumber = device[i]!;
      const userNumber = user[i]!;
      const block = devices[deviceNumber >>> blockShift] ?? this.#block("device", deviceNumber);
      if (!block.isAhead) {
        block.see(deviceNumber & blockMask, second);
        if (userNumber !== 0) block.user[deviceNumber & blockMask] = userNumber;
        if (!block.isDirty) this.#changed(block);
      }
      const sets = acted.sets(kind[i]!, i);
      sets?.device.add(deviceNumber);
      if (userNumber === 0) continue;
      const userBlock = users[userNumber >>> blockShift] ?? this.#block("user", userNumber);
      if (!userBlock.isAhead) {
        userBlock.see(userNumber & blockMask, second);
        if (!userBlock.isDirty) this.#changed(userBlock);
      }
      sets?.user.add(userNumber);
    }
  }

  #foldProfiles(body: Uint8Array): void {
    const { count, kind, number, user } = decodeProfileChanges(body);
    const deviceCode = subjectKinds.indexOf("device");
    for (let i = 0; i < count; i++) {
      if (kind[i] !== deviceCode || user[i] === 0) continue;
      const block = this.#block("device", number[i]!);
      if (block.isAhead) continue;
      block.user[number[i]! & blockMask] = user[i]!;
      if (!block.isDirty) this.#changed(block);
    }
  }

  /** Undefined for an event whose name is not kept. */
  #acted(did: Did, kind: SubjectKind, name: string): SubjectNumbers | undefined {
    if (did === "did" && !this.#eventNames.has(name)) {
      if (this.#eventNames.size >= eventNamesKept) return undefined;
      this.#eventNames.add(name);
    }
    return this.#set(`${did}/${kind}/${name}`);
  }

  #changed(row: Row): void {
    row.isDirty = true;
    this.#dirty.add(row);
  }

  #block(kind: SubjectKind, number: number): SubjectBlock {
    const index = number >>> blockShift;
    return this.#blocks[kind][index] ??= new SubjectBlock(kind, index);
  }

  #set(name: string): SubjectNumbers {
    let set = this.#sets.get(name);
    if (!set) {
      set = new SubjectNumbers(name, (row) => this.#dirty.add(row));
      this.#sets.set(name, set);
    }
    return set;
  }

  #row(key: string): Row {
    const slash = key.lastIndexOf("/");
    const name = key.slice(0, slash);
    const index = Number(key.slice(slash + 1));
    if (name === "device" || name === "user") {
      return this.#blocks[name][index] ??= new SubjectBlock(name, index);
    }
    const did = /^did\/(?:device|user)\/(.*)$/s.exec(name);
    if (did) this.#eventNames.add(did[1]!);
    return this.#set(name).row(index);
  }
}

/** The sets that the items of one chunk go to, looked up once for each combination. */
class ActedInChunk {
  readonly #sets = interactionKinds.map((): (SetsOfOne | null)[] => []);

  constructor(
    private readonly chunk: DecodedChunk,
    private readonly set: (
      did: Did,
      kind: SubjectKind,
      name: string,
    ) => SubjectNumbers | undefined,
  ) {}

  /** `kind` is the item's; null: there is nothing to keep. */
  sets(kind: number, index: number): SetsOfOne | null {
    const { campaign, name } = this.chunk;
    const of = kind === eventCode ? name[index]! : campaign[index]!;
    const known = this.#sets[kind]![of];
    return known === undefined ? this.#sets[kind]![of] = this.#lookUp(kind, of) : known;
  }

  #lookUp(kind: number, of: number): SetsOfOne | null {
    const did = didByKind[interactionKinds[kind]!];
    if (did === null || of === 0) return null;
    const { campaigns, names } = this.chunk;
    const name = (kind === eventCode ? names : campaigns)[of - 1]!;
    const device = this.set(did, "device", name);
    const user = this.set(did, "user", name);
    return device && user ? { device, user } : null;
  }
}

interface SetsOfOne {
  readonly device: SubjectNumbers;
  readonly user: SubjectNumbers;
}

const eventCode = interactionKinds.indexOf("event");
const didByKind: Readonly<Record<InteractionKind, Did | null>> = {
  impression: "seen",
  click: "clicked",
  event: "did",
  hide: null,
};
