/**
 * The attributes of users that a rule reads, for as long as it is asked of their devices. Users with
 * the same values share them: a million users have few cities.
 */
import type { ProfileAttributes } from "./sources.ts";

/** Different values that are looked for among those there are; the rest stands by itself. */
const sharedMax = 100_000;
const nothing: ProfileAttributes = {};

export class UserValues {
  readonly #users: (ProfileAttributes | undefined)[] = [];
  readonly #shared = new Map<string, ProfileAttributes>();

  constructor(readonly names: readonly string[]) {}

  get(user: number): ProfileAttributes {
    return this.#users[user] ?? nothing;
  }

  set(user: number, attributes: ProfileAttributes): void {
    const read: Record<string, unknown> = {};
    let any = false;
    for (const name of this.names) {
      if (!Object.hasOwn(attributes, name)) continue;
      read[name] = attributes[name];
      any = true;
    }
    if (!any) return;
    const text = JSON.stringify(read);
    let values = this.#shared.get(text);
    if (values === undefined) {
      values = read;
      if (this.#shared.size < sharedMax) this.#shared.set(text, values);
    }
    this.#users[user] = values;
  }
}
