/** The answers that are remembered under idempotency keys. */
import type { RememberedAnswer } from "./command.ts";
import { retried } from "./commit.ts";
import { keys } from "./keys.ts";
import { getManyKeysMax, keyBytes } from "./limits.ts";
import { formatPosition } from "./position.ts";

/** A remembered answer is kept a little longer than the 24 h that callers are promised. */
export const rememberedKeptMs = 25 * 60 * 60 * 1000;

/** A key that a caller chose, in the scope that it is unique in. */
export interface ScopedKey {
  readonly scope: string;
  readonly key: string;
}

export type PlacedAnswer = RememberedAnswer & { readonly position: string };

export function rememberKey({ scope, key }: ScopedKey): string {
  return `${scope}\n${key}`;
}

export function rememberedKeyBytes(remember: ScopedKey | undefined): number {
  return remember ? keyBytes(keys.command(remember.scope, remember.key)) : 0;
}

/** The answers there are, by `rememberKey`. */
export async function readRemembered(
  kv: Deno.Kv,
  wanted: readonly ScopedKey[],
): Promise<Map<string, PlacedAnswer>> {
  const known = new Map<string, PlacedAnswer>();
  const groups: ScopedKey[][] = [];
  for (let first = 0; first < wanted.length; first += getManyKeysMax) {
    groups.push(wanted.slice(first, first + getManyKeysMax));
  }
  await Promise.all(groups.map(async (group) => {
    const entries = await retried(() =>
      kv.getMany<RememberedAnswer[]>(
        group.map(({ scope, key }) => keys.command(scope, key)),
        { consistency: "strong" },
      )
    );
    entries.forEach((entry, index) => {
      if (entry.value === null) return;
      // An answer knows its commit only by its versionstamp, which came with the commit.
      const position = entry.value.position ??
        formatPosition(entry.value.epoch, entry.versionstamp, entry.value.index!);
      known.set(rememberKey(group[index]!), { ...entry.value, position });
    });
  }));
  return known;
}

/** The answer remembered under one key; null: none. */
export async function rememberedAnswer(
  kv: Deno.Kv,
  scope: string,
  key: string,
): Promise<PlacedAnswer | null> {
  const known = await readRemembered(kv, [{ scope, key }]);
  return known.get(rememberKey({ scope, key })) ?? null;
}
