/**
 * Attributes at hand, by number, so that deciding what to show costs no read. Bounded in entries and
 * in bytes; the longest unused go first. What changes is taken out and read again when it is next
 * asked for.
 */
import type { SubjectKind } from "../../events/profile_events.ts";
import type { Attributes } from "./attributes.ts";

const entriesMax = 100_000;
/** Of the attributes' JSON, all entries together. */
const textLengthMax = 64 * 1024 * 1024;

interface Entry {
  readonly attributes: Attributes;
  readonly textLength: number;
}

export class ProfileCache {
  readonly #kinds: Readonly<Record<SubjectKind, Map<number, Entry>>> = {
    device: new Map(),
    user: new Map(),
  };
  /** What is being read, so that a change meanwhile is not missed. */
  readonly #loading: Readonly<Record<SubjectKind, Map<number, Loading>>> = {
    device: new Map(),
    user: new Map(),
  };
  #textLength = 0;

  get(kind: SubjectKind, number: number): Attributes | undefined {
    const entries = this.#kinds[kind];
    const entry = entries.get(number);
    if (!entry) return undefined;
    entries.delete(number);
    entries.set(number, entry);
    return entry.attributes;
  }

  /** Somebody wrote or forgot this profile. */
  drop(kind: SubjectKind, number: number): void {
    const loading = this.#loading[kind].get(number);
    if (loading) loading.changed = true;
    const entry = this.#kinds[kind].get(number);
    if (!entry) return;
    this.#textLength -= entry.textLength;
    this.#kinds[kind].delete(number);
  }

  /** What is held, else what `read` gives; those that ask for the same at once share one read. */
  async load(
    kind: SubjectKind,
    number: number,
    read: () => Promise<{ readonly attributes: Attributes; readonly textLength: number }>,
  ): Promise<Attributes> {
    const held = this.get(kind, number);
    if (held) return held;
    const under = this.#loading[kind];
    const before = under.get(number);
    if (before && !before.changed) return (await before.entry).attributes;
    const loading: Loading = { entry: read(), changed: false };
    under.set(number, loading);
    try {
      const entry = await loading.entry;
      if (!loading.changed) this.#put(kind, number, entry);
      return entry.attributes;
    } finally {
      if (under.get(number) === loading) under.delete(number);
    }
  }

  #put(kind: SubjectKind, number: number, entry: Entry): void {
    this.drop(kind, number);
    const entries = this.#kinds[kind];
    entries.set(number, entry);
    this.#textLength += entry.textLength;
    while (entries.size > entriesMax || this.#textLength > textLengthMax) {
      const oldest = entries.keys().next();
      if (oldest.done) return;
      this.drop(kind, oldest.value);
    }
  }
}

interface Loading {
  readonly entry: Promise<Entry>;
  changed: boolean;
}
