/**
 * The identity register: devices and users ↔ dense numbers, which are all that the log and the read
 * models hold. It is erasable state outside the log. A number is given once and never again, whatever
 * becomes of its owner; numbers begin at 1.
 */
import { commitMutationsMax, getManyKeysMax, keys, retried } from "../event_store/mod.ts";

export type IdentityKind = "device" | "user";

/** Numbers held in memory for each kind; the longest known go first. */
const cachedMax = 1_000_000;

export class IdentityRegister {
  readonly #cached = { device: new Map<string, number>(), user: new Map<string, number>() };
  readonly #last = { device: Promise.resolve(), user: Promise.resolve() };

  constructor(readonly kv: Deno.Kv) {}

  /** The number, when this process has it at hand. */
  known(kind: IdentityKind, id: string): number | undefined {
    return this.#cached[kind].get(id);
  }

  /** Gives every id a number, new ones where there are none; afterwards all are `known`. */
  assign(kind: IdentityKind, ids: Iterable<string>): Promise<void> {
    const wanted = [...new Set(ids)];
    const assigned = this.#last[kind].then(() => this.#assign(kind, wanted));
    this.#last[kind] = assigned.catch(() => {});
    return assigned;
  }

  async #assign(kind: IdentityKind, wanted: readonly string[]): Promise<void> {
    const missing = wanted.filter((id) => !this.#cached[kind].has(id));
    for (let first = 0; first < missing.length; first += commitMutationsMax - 1) {
      const some = missing.slice(first, first + commitMutationsMax - 1);
      await retried(() => this.#assignSome(kind, some));
    }
  }

  /** May be run again after a throw: what a lost commit has stored is then found. */
  async #assignSome(kind: IdentityKind, ids: readonly string[]): Promise<void> {
    for (let without = ids;;) {
      // The counter is read before the numbers: whoever gives one of them meanwhile moves it.
      const counter = await this.kv.get<number>(keys.identityCounter(kind), {
        consistency: "strong",
      });
      without = await this.#lookUp(kind, without);
      if (without.length === 0) return;
      const last = counter.value ?? 0;
      const operation = this.kv.atomic().check(counter)
        .set(keys.identityCounter(kind), last + without.length);
      without.forEach((id, index) => {
        operation.set(keys.identityNumber(kind, id), last + 1 + index);
      });
      await operation.commit();
    }
  }

  /** Takes the numbers that are there into memory; gives the ids that have none. */
  async #lookUp(kind: IdentityKind, ids: readonly string[]): Promise<string[]> {
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
        if (number !== null) this.#remember(kind, id, number);
        return number === null;
      });
    }));
    return without.flat();
  }

  #remember(kind: IdentityKind, id: string, number: number): void {
    const cached = this.#cached[kind];
    if (cached.size >= cachedMax) cached.delete(cached.keys().next().value!);
    cached.set(id, number);
  }
}
