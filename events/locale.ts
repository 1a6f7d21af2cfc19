/** Language tags of BCP 47, which locales of a message are named by. */
import { z } from "zod";
import { type Fault, rule } from "./problem.ts";

export const localeTag = z.string().check(rule(localeFault));

export function localeFault(tag: string): Fault | null {
  if (canonicalLocale(tag) !== null) return null;
  return { code: "invalid_format", message: "Write a language tag of BCP 47, like ko or pt-BR." };
}

/** The tag in its canonical spelling, or null if it is none. */
export function canonicalLocale(tag: string): string | null {
  const known = canonicalLocales.get(tag);
  if (known !== undefined) return known;
  if (tag.length > localeTagLengthMax) return null;
  try {
    const canonical = Intl.getCanonicalLocales(tag)[0] ?? null;
    if (canonical !== null && canonicalLocales.size < canonicalLocalesMax) {
      canonicalLocales.set(tag, canonical);
    }
    return canonical;
  } catch {
    return null;
  }
}

const localeTagLengthMax = 100;
/** Asked for with every message that is delivered. Callers choose the tags, hence the bound. */
const canonicalLocales = new Map<string, string>();
const canonicalLocalesMax = 1_000;
