/** What a check has looked at and found wrong. */
import { retried } from "../event_store/mod.ts";
import { type Pacing, unpaced } from "../projector/mod.ts";

/** Faults that are kept; all are counted. */
const faultsKeptMax = 1_000;

export interface FsckReport {
  /** How many of what was looked at. */
  readonly counts: Readonly<Record<string, number>>;
  readonly faultCount: number;
  /** The first of them. */
  readonly faults: readonly string[];
  /** What could not be checked, and why. */
  readonly notes: readonly string[];
}

export class Findings implements FsckReport {
  readonly counts: Record<string, number> = {};
  readonly faults: string[] = [];
  readonly notes: string[] = [];
  faultCount = 0;

  /** `pacing`: lets a check rest that shares its thread with a server. */
  constructor(readonly pacing: Pacing = unpaced) {}

  fault(text: string): void {
    if (++this.faultCount <= faultsKeptMax) this.faults.push(text);
  }

  note(text: string): void {
    this.notes.push(text);
  }

  count(what: string, by = 1): void {
    this.counts[what] = (this.counts[what] ?? 0) + by;
  }
}

/** Every entry under a prefix; a read that fails is begun anew after the last entry. */
export async function* entriesUnder(
  kv: Deno.Kv,
  prefix: Deno.KvKey,
  pacing: Pacing = unpaced,
): AsyncGenerator<Deno.KvEntry<unknown>> {
  let after: Deno.KvKey | null = null;
  // Smaller than any key of this store that begins with the last one.
  const open = () =>
    kv.list<unknown>(after ? { prefix, start: [...after, new Uint8Array()] } : { prefix });
  let entries = open();
  for (;;) {
    const next: IteratorResult<Deno.KvEntry<unknown>> = await retried(async () => {
      try {
        return await entries.next();
      } catch (error) {
        entries = open();
        throw error;
      }
    });
    if (next.done) return;
    after = next.value.key;
    yield next.value;
    if (pacing.isDue) await pacing.rest();
  }
}
