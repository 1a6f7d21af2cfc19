/**
 * What is known of devices and users: attributes beside the log, where they can be erased, and in the
 * log a number and a salted digest of each change. Row and event are one commit, so they cannot
 * disagree, whoever wrote last. Those who write at once share a commit, as interactions do.
 *
 * Nothing may be written of a person who is being forgotten elsewhere. So every commit checks a key
 * that moves with each forgotten person: it holds as long as all of them have been folded here, and
 * with them their numbers have gone from the register's memory.
 */
import { decodeProfileChanges } from "../../events/profile_changes.ts";
import { type ProfileEvent, type SubjectKind, subjectKinds } from "../../events/profile_events.ts";
import type { EventMeta, RecordedEvent } from "../../events/recorded_event.ts";
import {
  type BodyWriter,
  keyBytes,
  keys,
  OverloadedError,
  type RememberOnce,
  retried,
  type Tail,
} from "../event_store/mod.ts";
import type { IdentityRegister } from "../identity/mod.ts";
import type { Attributes } from "./attributes.ts";
import { ProfileCache } from "./profile_cache.ts";
import { attributesOf, type ProfileRow } from "./profile_row.ts";
import { type GatheredProfile, gatheredProfile, ProfileCommit } from "./profile_commit.ts";

/** Profiles that wait for a commit; beyond it callers are told to come back. */
const waitingMax = 20_000;
const scanBatchSize = 500;

export interface Profile {
  readonly number: number;
  readonly id: string;
  readonly attributes: Attributes;
  readonly updatedAtMs: number;
}

/** A profile to be written, its attributes checked by `attributeProblems`. */
export interface ProfileWrite {
  readonly kind: SubjectKind;
  readonly id: string;
  readonly attributes: Attributes;
  /** Of a device: whose it is from now on. */
  readonly userId?: string | undefined;
}

export interface Written {
  readonly position: string;
  readonly updatedAtMs: number;
}

export interface ProfilesOptions {
  readonly kv: Deno.Kv;
  readonly bodies: BodyWriter;
  readonly tail: Tail;
  readonly identities: IdentityRegister;
  nowMs(): number;
  newId(): string;
  /** Random bits as hex text, 32 digits or more. */
  newSecret(): string;
}

interface Gathering {
  readonly actor: string;
  readonly commit: ProfileCommit;
  readonly written: Promise<Written>;
}

export class Profiles {
  readonly #options: ProfilesOptions;
  readonly #cache = new ProfileCache();
  #gathering: Gathering | null = null;
  #inFlight: Promise<unknown> = Promise.resolve();
  #waiting = 0;
  /** Of `keys.lastForgotten`, when all up to there has been folded; undefined: to be read. */
  #lastForgotten: string | null | undefined;

  constructor(options: ProfilesOptions) {
    this.#options = options;
    options.tail.subscribe((events) => this.#fold(events));
  }

  get waiting(): number {
    return this.#waiting;
  }

  /** Null where there is no profile, or nobody with this id. */
  async get(kind: SubjectKind, id: string): Promise<Profile | null> {
    const number = await this.#options.identities.find(kind, id);
    if (number === undefined) return null;
    const row = await this.#row(kind, number);
    if (row?.id !== id) return null;
    return { number, id, attributes: attributesOf(row), updatedAtMs: row.updatedAtMs };
  }

  /** When they are at hand; undefined: `load` them. */
  attributesOf(kind: SubjectKind, number: number): Attributes | undefined {
    return this.#cache.get(kind, number);
  }

  /** Takes the attributes to hand; none where there is no profile. */
  load(kind: SubjectKind, number: number): Promise<Attributes> {
    return this.#cache.load(kind, number, async () => {
      const row = await this.#row(kind, number);
      if (!row) return { attributes: {}, textLength: 2 };
      return { attributes: attributesOf(row), textLength: row.attributes.length };
    });
  }

  put(write: ProfileWrite, meta: Pick<EventMeta, "actor" | "traceId">): Promise<Written> {
    return this.putMany([write], meta);
  }

  /** Resolves when all are on disk; gives the place of the last. */
  async putMany(
    writes: readonly ProfileWrite[],
    meta: Pick<EventMeta, "actor" | "traceId">,
  ): Promise<Written> {
    const gathered = writes.map(gatheredProfile);
    if (this.#waiting + gathered.length > waitingMax) {
      throw new OverloadedError("too many profiles are waiting");
    }
    // Numbers are given for all at once, while the last commit is under way.
    await this.#number(gathered);
    const commits = new Set<Promise<Written>>();
    for (const one of gathered) commits.add(this.#gather(one, meta));
    const all = await Promise.all(commits);
    return all.at(-1) ?? {
      position: this.#options.tail.cursor.position,
      updatedAtMs: this.#options.nowMs(),
    };
  }

  /**
   * Erases somebody's entry in the register and profile; the log keeps a number that is nobody's. Gives
   * the event's position, "unknown", or null when the key to remember was there before.
   */
  async forget(
    kind: SubjectKind,
    id: string,
    meta: EventMeta,
    remember?: RememberOnce & { isKnown(): Promise<boolean> },
  ): Promise<string | null> {
    const { bodies, identities } = this.#options;
    for (;;) {
      const entry = await identities.forgetting(kind, id);
      if (!entry) return "unknown";
      const { number } = entry;
      const profileKey = keys.profile(kind, number);
      const event: ProfileEvent = { type: "person_forgotten", schema: 1, data: { kind, number } };
      const bytes = entry.keyBytes + keyBytes(profileKey) + keyBytes(keys.lastForgotten());
      const position = await bodies.append({ event, meta }, remember && onlyRemember(remember), {
        checks: 1,
        mutations: 3,
        bytes: bytes + 100,
        keyBytes: bytes,
        add: (operation) => {
          entry.add(operation);
          operation.delete(profileKey).set(keys.lastForgotten(), number);
        },
      });
      if (position !== null) {
        this.#lastForgotten = undefined;
        identities.drop(kind, number, id);
        this.#cache.drop(kind, number);
        return position;
      }
      if (remember && await remember.isKnown()) return null;
      // Somebody else forgot them first, or they have come back with another number.
    }
  }

  /** Remembers an answer by itself; null when the key was there before. */
  remember(once: RememberOnce): Promise<string | null> {
    return this.#options.bodies.append(null, once);
  }

  /** The profiles with `from` ≤ number < `to`, in the order of their numbers. */
  async *scan(
    kind: SubjectKind,
    from: number,
    to: number,
  ): AsyncGenerator<{ number: number; id: string; attributes: Attributes }> {
    const range = { start: keys.profile(kind, from), end: keys.profile(kind, to) };
    const rows = this.#options.kv.list<ProfileRow>(range, { batchSize: scanBatchSize });
    for await (const { key, value } of rows) {
      yield { number: key.at(-1) as number, id: value.id, attributes: attributesOf(value) };
    }
  }

  async idle(): Promise<void> {
    while (this.#waiting > 0) await this.#inFlight;
    await this.#options.bodies.idle();
  }

  async #row(kind: SubjectKind, number: number): Promise<ProfileRow | null> {
    const { kv } = this.#options;
    const key = keys.profile(kind, number);
    return (await retried(() => kv.get<ProfileRow>(key, { consistency: "strong" }))).value;
  }

  #gather(one: GatheredProfile, { actor, traceId }: Pick<EventMeta, "actor" | "traceId">) {
    let gathering = this.#gathering;
    if (!gathering || gathering.actor !== actor || !gathering.commit.takes(one)) {
      const meta = { actor, traceId, commandId: this.#options.newId() };
      const commit = new ProfileCommit(meta);
      const fresh: Gathering = {
        actor,
        commit,
        written: this.#inFlight.then(() => this.#commit(fresh)),
      };
      this.#inFlight = fresh.written.catch(() => {});
      this.#gathering = gathering = fresh;
    }
    gathering.commit.add(one);
    this.#waiting++;
    return gathering.written;
  }

  async #commit(gathering: Gathering): Promise<Written> {
    if (this.#gathering === gathering) this.#gathering = null;
    const { commit } = gathering;
    const { bodies, nowMs, newSecret, tail } = this.#options;
    try {
      for (;;) {
        // Read before the numbers: whoever is forgotten after this makes the commit fail.
        const forgotten = await this.#foldedForgotten();
        await this.#number(commit.profiles);
        const updatedAtMs = Math.max(nowMs(), tail.cursor.timeMs);
        const { content, also, changes } = commit.build(forgotten, updatedAtMs, newSecret);
        const position = await bodies.append(content, undefined, also);
        if (position === null) {
          this.#lastForgotten = undefined;
          continue;
        }
        for (const { kind, number } of changes) this.#cache.drop(kind, number);
        return { position, updatedAtMs };
      }
    } finally {
      this.#waiting -= commit.added;
    }
  }

  /** The state of `keys.lastForgotten`, everybody of it folded. */
  async #foldedForgotten(): Promise<string | null> {
    if (this.#lastForgotten !== undefined) return this.#lastForgotten;
    const { kv, tail } = this.#options;
    const { versionstamp } = await retried(() =>
      kv.get(keys.lastForgotten(), { consistency: "strong" })
    );
    // It stands in the commit of the event itself.
    if (versionstamp !== null) await tail.readThrough(versionstamp);
    return this.#lastForgotten = versionstamp;
  }

  /** Gives every device and user its number, as the register has it now. */
  async #number(profiles: readonly GatheredProfile[]): Promise<void> {
    const { identities } = this.#options;
    const missing = { device: [] as string[], user: [] as string[] };
    for (const one of profiles) {
      one.number = identities.known(one.kind, one.id) ?? 0;
      if (one.number === 0) missing[one.kind].push(one.id);
      if (one.userId === undefined) continue;
      one.user = identities.known("user", one.userId) ?? 0;
      if (one.user === 0) missing.user.push(one.userId);
    }
    if (missing.device.length === 0 && missing.user.length === 0) return;
    const [device, user] = await Promise.all([
      identities.assign("device", missing.device),
      identities.assign("user", missing.user),
    ]);
    const found = { device, user };
    for (const one of profiles) {
      if (one.number === 0) one.number = found[one.kind].get(one.id)!;
      if (one.user === 0 && one.userId !== undefined) one.user = user.get(one.userId)!;
    }
  }

  /** What others wrote and forgot, and what this process did. */
  #fold(events: readonly RecordedEvent[]): void {
    for (const { event, body } of events) {
      if (event.type === "person_forgotten") {
        const { kind, number } = (event as ProfileEvent & { type: "person_forgotten" }).data;
        this.#options.identities.drop(kind, number);
        this.#cache.drop(kind, number);
      } else if (event.type === "profiles_changed" && body) {
        const changes = decodeProfileChanges(body);
        for (let index = 0; index < changes.count; index++) {
          this.#cache.drop(subjectKinds[changes.kind[index]!]!, changes.number[index]!);
        }
      }
    }
  }
}

function onlyRemember({ scope, key, requestHash, answer }: RememberOnce): RememberOnce {
  return { scope, key, requestHash, answer };
}
