/**
 * Bodies of events, which stand beside the log. Their names begin with the time at which they were
 * written, so that those of neighbouring events are neighbours in the store: they are read as one range,
 * because each look-up of a large value by itself makes the engine read dozens of others on its way.
 */
import type { BodyReference, StoredEvent } from "../../events/recorded_event.ts";
import { joinedBytes } from "./joined_bytes.ts";
import { keys } from "./keys.ts";
import { getManyKeysMax, listBatchMax } from "./limits.ts";
import { LogDamagedError, sha256Hex } from "./log_row.ts";

/** A body that is to be read, and where it goes. */
export interface WantedBody {
  readonly stored: StoredEvent;
  readonly reference: BodyReference;
  readonly parts: (Uint8Array | null)[];
  readonly bodies: Map<StoredEvent, Uint8Array>;
}

/** Hexadecimal digits of milliseconds, which last until the year 10889. */
const timeDigits = 12;
const timed = /^[0-9a-f]{12}-/;
/** Longer than any name that was ever made, and short enough for a key. */
const refLengthMax = 200;
/** Fewer are looked up. */
const rangePartsMin = 2 * getManyKeysMax;
/** What others wrote at the same time, as far as it is worth being read in passing. */
const strangePartsMax = 16;

/** `id` must be new. */
export function timedRef(timeMs: number, id: string): string {
  return `${timeMs.toString(16).padStart(timeDigits, "0")}-${id}`;
}

/** Throws `LogDamagedError` where one is missing or is not what its event says. */
export async function readBodies(kv: Deno.Kv, wanted: readonly WantedBody[]): Promise<void> {
  await readRange(kv, wanted.filter(({ reference }) => timed.test(reference.ref)));
  await lookUp(kv, wanted);
  for (const { stored, reference, parts, bodies } of wanted) {
    const isWhole = parts.every((part) => part !== null);
    const bytes = isWhole ? whole(parts as Uint8Array[]) : null;
    if (!bytes || sha256Hex(bytes) !== reference.sha256) {
      throw new LogDamagedError(`body ${reference.ref} is missing or altered`);
    }
    bodies.set(stored, bytes);
  }
}

/** One body by its name, in whatever parts it stands; null where there is none. */
export async function readBodyOf(kv: Deno.Kv, ref: string): Promise<Uint8Array | null> {
  if (ref.length > refLengthMax) return null;
  const parts: Uint8Array[] = [];
  const entries = kv.list<Uint8Array>({ prefix: keys.bodyParts(ref) }, { consistency: "strong" });
  for await (const { value } of entries) parts.push(value);
  return parts.length === 0 ? null : whole(parts);
}

/** Finds what stands together; anything may be left to be looked up. */
async function readRange(kv: Deno.Kv, wanted: readonly WantedBody[]): Promise<void> {
  const count = wanted.reduce((sum, { reference }) => sum + reference.parts, 0);
  if (count < rangePartsMin) return;
  const byRef = new Map(wanted.map((body) => [body.reference.ref, body]));
  const refs = [...byRef.keys()].sort();
  const last = byRef.get(refs.at(-1)!)!.reference;
  const entries = kv.list<Uint8Array>({
    start: [...keys.body(refs[0]!, 0)],
    end: [...keys.body(last.ref, last.parts)],
  }, {
    limit: count + strangePartsMax,
    batchSize: Math.min(count + strangePartsMax, listBatchMax),
    consistency: "strong",
  });
  for await (const { key, value } of entries) {
    const parts = byRef.get(key.at(-2) as string)?.parts;
    const part = key.at(-1) as number;
    if (parts && part < parts.length) parts[part] = value;
  }
}

/** As many parts a read as the engine gives, all reads at once. */
async function lookUp(kv: Deno.Kv, wanted: readonly WantedBody[]): Promise<void> {
  const missing = wanted.flatMap((body) =>
    body.parts.flatMap((value, part) => value === null ? [{ body, part }] : [])
  );
  const reads: Promise<void>[] = [];
  for (let first = 0; first < missing.length; first += getManyKeysMax) {
    const group = missing.slice(first, first + getManyKeysMax);
    const groupKeys = group.map(({ body, part }) => keys.body(body.reference.ref, part));
    reads.push((async () => {
      const entries = await kv.getMany<Uint8Array[]>(groupKeys, { consistency: "strong" });
      entries.forEach(({ value }, index) => {
        const { body, part } = group[index]!;
        body.parts[part] = value;
      });
    })());
  }
  await Promise.all(reads);
}

/** Most bodies have one part, which is not copied. */
function whole(parts: readonly Uint8Array[]): Uint8Array {
  return parts.length === 1 ? parts[0]! : joinedBytes(parts);
}
