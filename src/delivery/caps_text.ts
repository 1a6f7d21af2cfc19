/** The JSON of `caps` in a message: each cap with what is left of it. Few texts serve all subjects. */
import type { ExposureCap } from "../../events/campaign_settings.ts";

export const noCaps = '{"limits":[],"remaining":null}';

const texts = new WeakMap<readonly ExposureCap[], Map<string, string>>();
const textsKeptMax = 1_000;

export function capsText(
  caps: readonly ExposureCap[],
  remaining: readonly (number | null)[],
): string {
  if (caps.length === 0) return noCaps;
  let kept = texts.get(caps);
  if (!kept) texts.set(caps, kept = new Map());
  const key = remaining.join();
  const ready = kept.get(key);
  if (ready) return ready;
  const limits = caps.map(({ per, by, max }, index) => ({
    per,
    by,
    max,
    remaining: remaining[index]!,
  }));
  const counted = remaining.filter((left) => left !== null);
  const least = counted.length === 0 ? null : Math.min(...counted);
  const text = JSON.stringify({ limits, remaining: least });
  if (kept.size >= textsKeptMax) kept.clear();
  kept.set(key, text);
  return text;
}
