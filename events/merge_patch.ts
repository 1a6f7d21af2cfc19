/**
 * JSON merge patch (RFC 7396): how settings are edited. `null` removes a setting, which restores its
 * default; arrays are replaced whole. Neither argument is ever changed.
 */

/** No settings are deeper; what lies deeper in a patch is left as it is, for the schema to refuse. */
const depthMax = 64;

export function mergePatch(target: unknown, patch: unknown): unknown {
  return merged(target, patch, 0);
}

/**
 * A merge patch of settings, in which a changed `kind` or `type` of one part lets go of what belonged
 * to the old one: `{"audience": {"kind": "all"}}` need not say `"audienceId": null`.
 */
export function patchSettings(settings: unknown, patch: unknown): unknown {
  let result = mergePatch(settings, patch);
  for (const choice of choices) result = withoutLeftovers(result, settings, patch, choice);
  return result;
}

type JsonObject = Readonly<Record<string, unknown>>;

interface Choice {
  readonly path: readonly string[];
  readonly discriminator: string;
  /** What belongs to one kind only. */
  readonly own: readonly string[];
}

const actionFields = ["url", "newTab", "closeAfter", "uri", "for"];
const choices: readonly Choice[] = [
  { path: ["audience"], discriminator: "kind", own: ["audienceId"] },
  { path: ["trigger"], discriminator: "kind", own: ["event", "conditions", "key"] },
  { path: ["content", "imageAction"], discriminator: "type", own: actionFields },
  { path: ["content", "bannerAction"], discriminator: "type", own: actionFields },
];

function merged(target: unknown, patch: unknown, depth: number): unknown {
  if (!isObject(patch)) return patch;
  if (depth >= depthMax) return patch;
  // Like `set`, this makes `__proto__` a plain property, which the schema then refuses.
  const result: Record<string, unknown> = isObject(target) ? { ...target } : {};
  for (const key of Object.keys(patch)) {
    const value = patch[key];
    if (value === null) delete result[key];
    else {
      const before = Object.hasOwn(result, key) ? result[key] : undefined;
      set(result, key, merged(before, value, depth + 1));
    }
  }
  return result;
}

/** An assignment to `__proto__` would change the prototype. */
function set(result: Record<string, unknown>, key: string, value: unknown): void {
  if (key !== "__proto__") result[key] = value;
  else {
    Object.defineProperty(result, key, {
      value,
      configurable: true,
      enumerable: true,
      writable: true,
    });
  }
}

function withoutLeftovers(
  result: unknown,
  before: unknown,
  patch: unknown,
  choice: Choice,
): unknown {
  const { discriminator, own } = choice;
  const old = objectAt(before, choice.path), change = objectAt(patch, choice.path);
  if (old === null || change === null || change[discriminator] === undefined) return result;
  if (old[discriminator] === change[discriminator]) return result;
  const leftovers = own.filter((key) => Object.hasOwn(old, key) && !Object.hasOwn(change, key));
  return leftovers.length === 0 ? result : mergePatch(result, removal(choice.path, leftovers));
}

function removal(path: readonly string[], keys: readonly string[]): unknown {
  const innermost: unknown = Object.fromEntries(keys.map((key) => [key, null]));
  return path.reduceRight((inner, step) => ({ [step]: inner }), innermost);
}

function objectAt(value: unknown, path: readonly string[]): JsonObject | null {
  let found = value;
  for (const step of path) {
    if (!isObject(found) || !Object.hasOwn(found, step)) return null;
    found = found[step];
  }
  return isObject(found) ? found : null;
}

function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
