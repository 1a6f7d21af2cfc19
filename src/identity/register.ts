/**
 * The identity register: devices and users ↔ dense numbers, which are all that the log and the read
 * models hold. It is erasable state outside the log. A number is given once and never again, whatever
 * becomes of its owner; numbers begin at 1.
 */
import { idDigest, idDigests } from "../../events/id_digest.ts";
import {
  commitKeyBytesMax,
  commitMutationsMax,
  getManyKeysMax,
  keyBytes,
  keys,
  retried,
} from "../event_store/mod.ts";
import { Gatherer } from "./gatherer.ts";
import { NumberTable } from "./number_table.ts";

export type IdentityKind = "device" | "user";

/** Numbers held in memory for each kind; beyond it, one that comes in drives another out. */
const cachedMax = 1_200_000;
/** Few at a time: whoever asks meanwhile waits for one batch at each of its steps. */
const listBatchSize = 100;

/** The register's part in the commit that forgets somebody. */
export interface Forgetting {
  readonly number: number;
  readonly keyBytes: number;
  add(operation: Deno.AtomicOperation): void;
}

export class IdentityRegister {
  #closed = false;
  readonly #kinds = { device: this.#newKind("device"), user: this.#newKind("user") };

  constructor(readonly kv: Deno.Kv) {}

  /**
   * Takes what the store has into memory, as far as there is room, so that known devices cost no look-up
   * after a start. Nothing waits for it: until it is done, numbers are looked up.
   */
  async warm(): Promise<void> {
    for (const kind of ["device", "user"] as const) {
      const { cached, dropped } = this.#kinds[kind];
      const prefix = keys.identityPrefix(kind);
      for await (const entry of this.kv.list<number>({ prefix }, { batchSize: listBatchSize })) {
        if (this.#closed) return;
        if (cached.size >= cachedMax) break;
        // One that was forgotten while it was read.
        if (dropped.has(entry.value)) continue;
        cached.set(idDigest(entry.key.at(-1) as string), entry.value);
      }
    }
  }

  close(): void {
    this.#closed = true;
  }

  /** The number, when this process has it at hand. */
  known(kind: IdentityKind, id: string): number | undefined {
    this.#sweep(kind);
    return this.#kinds[kind].cached.find(idDigest(id)) || undefined;
  }

  /**
   * What is at hand, for another thread to look numbers up in (see `NumberTable`). Nobody is there who
   * was forgotten before the call.
   */
  memory(kind: IdentityKind): SharedArrayBuffer {
    this.#sweep(kind);
    return this.#kinds[kind].cached.memory;
  }

  /** The number, if there is one; none is given. */
  async find(kind: IdentityKind, id: string): Promise<number | undefined> {
    const known = this.known(kind, id);
    if (known !== undefined) return known;
    return (await this.#kinds[kind].finding.ask([id])).get(id);
  }

  /** The highest number that was given so far; 0: none. */
  async highest(kind: IdentityKind): Promise<number> {
    const counter = await retried(() =>
      this.kv.get<number>(keys.identityCounter(kind), { consistency: "strong" })
    );
    return counter.value ?? 0;
  }

  /** Everybody who is registered, by id. */
  async *entries(kind: IdentityKind): AsyncGenerator<{ id: string; number: number }> {
    const prefix = keys.identityPrefix(kind);
    for await (const entry of this.kv.list<number>({ prefix }, { batchSize: listBatchSize })) {
      yield { id: entry.key.at(-1) as string, number: entry.value };
    }
  }

  /** What a commit that forgets somebody has to check and delete here; undefined: nobody is known. */
  async forgetting(kind: IdentityKind, id: string): Promise<Forgetting | undefined> {
    const key = keys.identityNumber(kind, id);
    const entry = await retried(() => this.kv.get<number>(key, { consistency: "strong" }));
    if (entry.value === null) return undefined;
    return {
      number: entry.value,
      keyBytes: 2 * keyBytes(key),
      add: (operation) => void operation.check(entry).delete(key),
    };
  }

  /**
   * Somebody was forgotten, here or elsewhere: the number is not theirs any more, nor anybody's. Where
   * the id is not told, it is looked for when the register is next asked.
   */
  drop(kind: IdentityKind, number: number, id?: string): void {
    const state = this.#kinds[kind];
    if (state.dropped.has(number)) return;
    state.dropped.add(number);
    if (id === undefined) state.unswept = true;
    else if (this.known(kind, id) === number) state.cached.delete(idDigest(id));
  }

  /** Takes the dropped out of memory, all that have gathered at once: they are found by number. */
  #sweep(kind: IdentityKind): void {
    const state = this.#kinds[kind];
    if (!state.unswept) return;
    state.unswept = false;
    state.cached.deleteNumbers(state.dropped);
  }

  /**
   * Gives every id a number, new ones where there are none. Ids that come while others are being
   * assigned are gathered and assigned together; the answer has the numbers of all of those.
   */
  assign(kind: IdentityKind, ids: Iterable<string>): Promise<ReadonlyMap<string, number>> {
    return this.#kinds[kind].assigning.ask(ids);
  }

  async #assign(
    kind: IdentityKind,
    wanted: readonly string[],
  ): Promise<ReadonlyMap<string, number>> {
    // Not left to the cache: it may drop a number before the caller has read it.
    const numbers = new Map<string, number>();
    // In the order of the keys: a commit then touches each page of the store's tree once, and few.
    const missing = this.#withoutKnown(kind, wanted, numbers).sort();
    for (let first = 0; first < missing.length;) {
      const some = fitting(kind, missing, first);
      await retried(() => this.#assignSome(kind, some, numbers));
      first += some.length;
    }
    return numbers;
  }

  /** May be run again after a throw: what a lost commit has stored is then found. */
  async #assignSome(
    kind: IdentityKind,
    ids: readonly string[],
    numbers: Map<string, number>,
  ): Promise<void> {
    for (let without = ids;;) {
      // The counter is read before the numbers: whoever gives one of them meanwhile moves it.
      const counter = await this.kv.get<number>(keys.identityCounter(kind), {
        consistency: "strong",
      });
      const last = counter.value ?? 0;
      // Looked at now, in the turn in which the counter is compared: `warm` may just have read some.
      without = this.#withoutKnown(kind, without, numbers);
      // With every number there is in memory or forgotten, an id that is not there has none.
      const { cached, dropped } = this.#kinds[kind];
      if (cached.size + dropped.size !== last) {
        without = await this.#lookUp(kind, without, numbers);
      }
      if (without.length === 0) return;
      const operation = this.kv.atomic().check(counter)
        .set(keys.identityCounter(kind), last + without.length);
      without.forEach((id, index) => {
        operation.set(keys.identityNumber(kind, id), last + 1 + index);
      });
      const result = await operation.commit();
      if (!result.ok) continue;
      without.forEach((id, index) => this.#take(kind, id, last + 1 + index, numbers));
      return;
    }
  }

  /** Takes the numbers that are in memory; gives the ids that are not. */
  #withoutKnown(
    kind: IdentityKind,
    ids: readonly string[],
    numbers: Map<string, number>,
  ): string[] {
    this.#sweep(kind);
    const { cached } = this.#kinds[kind];
    const found = cached.findAll(idDigests(ids), ids.length);
    return ids.filter((id, index) => {
      const known = found[index]!;
      if (known !== 0) numbers.set(id, known);
      return known === 0;
    });
  }

  /** Takes the numbers that are in the store; gives the ids that have none. */
  async #lookUp(
    kind: IdentityKind,
    ids: readonly string[],
    numbers: Map<string, number>,
  ): Promise<string[]> {
    const groups: string[][] = [];
    for (let first = 0; first < ids.length; first += getManyKeysMax) {
      groups.push(ids.slice(first, first + getManyKeysMax));
    }
    const without = await Promise.all(groups.map(async (group) => {
      const entries = await this.kv.getMany<number[]>(
        group.map((id) => keys.identityNumber(kind, id)),
        { consistency: "strong" },
      );
      return group.filter((id, index) => {
        const number = entries[index]!.value;
        if (number !== null) this.#take(kind, id, number, numbers);
        return number === null;
      });
    }));
    return without.flat();
  }

  #take(
    kind: IdentityKind,
    id: string,
    number: number,
    numbers: Map<string, number>,
  ): void {
    numbers.set(id, number);
    const { cached, dropped } = this.#kinds[kind];
    if (dropped.has(number)) return;
    cached.set(idDigest(id), number);
  }

  #newKind(kind: IdentityKind) {
    return {
      cached: new NumberTable(cachedMax),
      /** Numbers of forgotten persons; those that `unswept` tells of may still be in `cached`. */
      dropped: new Set<number>(),
      unswept: false,
      assigning: new Gatherer((ids) => this.#assign(kind, ids)),
      finding: new Gatherer(async (ids) => {
        const numbers = new Map<string, number>();
        await retried(() => this.#lookUp(kind, ids, numbers));
        return numbers;
      }),
    };
  }
}

/** As many ids from `first` on as one commit takes, with room for the counter. */
function fitting(kind: IdentityKind, ids: readonly string[], first: number): string[] {
  let bytes = 0;
  let end = first;
  while (end < ids.length && end - first < commitMutationsMax - 1) {
    bytes += keyBytes(keys.identityNumber(kind, ids[end]!));
    if (bytes > commitKeyBytesMax && end > first) break;
    end++;
  }
  return ids.slice(first, end);
}
