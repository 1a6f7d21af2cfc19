/** Requests that a seeded chance makes: valid ones by the routes, then bent in one or more places. */
import { messageTypes } from "../../events/campaign_settings.ts";
import { minimal, spring } from "../events/settings_examples.ts";

/** 0 ≤ number < 1, the same for the same seed (mulberry32). */
export function chance(seed: number): () => number {
  let state = seed >>> 0;
  return () => {
    state = (state + 0x6d2b79f5) >>> 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32;
  };
}

const dates = ["0000-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z", "9999-12-31T23:59:59.999Z"]
  .concat(["9999-12-31T23:59:59-00:01", "2016-12-31T23:59:60Z", "2026-02-29T00:00:00Z"])
  .concat(["1969-12-31T23:59:59.999Z", "1970-01-01T00:00:00+00:01", "2026-04-01T24:00:00Z"])
  .concat(["2026-04-01T09:00:00+23:59", "2026-04-01T09:00:00-24:00", "2026-04-01T09:00:00+99:99"])
  .concat(["2026-04-01t09:00:00z", "2026-04-01T09:00:00.123456789Z", "2026-04-01T09:00Z"])
  .concat(["10000-01-01T00:00:00Z", "+275760-09-13T00:00:00.000Z", "2026-04-01", "1775034000000"])
  .concat(["2026-04-01T09:00:00.000Z", "2026-04-10T12:00:00+09:00", "2026-04-02T09:15:00Z"]);
const addresses = ["javascript:alert(1)", "JaVaScRiPt:alert(1)", "java\nscript:alert(1)"]
  .concat(["\u0001javascript:x", " data:text/html,x", "data:text/html,x", "https://", "http://["])
  .concat(["https://user:pw@x.example/", "https://x.example\\y", "file:///etc/passwd", "//evil"])
  .concat([
    `https://x.example/${"x".repeat(2_100)}`,
    "shop://x",
    "https://x.example/\u202e",
    "https:x",
  ]);
const texts = ["", " ", "\u0000", "a\u0000b", "x".repeat(101), "x".repeat(3_000), "😀".repeat(50)]
  .concat([
    "\ud800",
    "\udc00a",
    "__proto__",
    "constructor",
    "toString",
    "<script>",
    "{{",
    "{{ a.b }}",
  ])
  .concat(["{{ user.firstName | default: 'x' }}", "{% if x %}", "e\u0301".repeat(30), "#12345G"])
  .concat(["P1D", "P31D", "-P1D", "PT0S", "P999999999999D", "P", "Asia/Seoul", "../etc/localtime"])
  .concat([
    "zz-ZZZZZZZZZ",
    "ko",
    "24:00",
    "sat",
    "ios",
    "none",
    "hide",
    "writing",
    "\ufeff",
    "null",
  ]);
const numbers = [0, -1, 1, 2, 0.5, -0, 101, 1e21, 2 ** 53, 2 ** 31, 1e308, 5e-324, 1_000_001, 50];
const names = [
  "__proto__",
  "constructor",
  "toString",
  "nonsense",
  "",
  "a/b~c",
  "\ud800",
  "0",
  "type",
]
  .concat(["name", "and", "kind", "x".repeat(2_000)]);

export class Fuzz {
  readonly next: () => number;

  constructor(seed: number) {
    this.next = chance(seed);
  }

  below(count: number): number {
    return Math.floor(this.next() * count);
  }

  of<Item>(items: readonly Item[]): Item {
    return items[this.below(items.length)]!;
  }

  maybe(share: number): boolean {
    return this.next() < share;
  }

  /** Anything, hostile in some way. */
  value(): unknown {
    switch (this.below(7)) {
      case 0:
        return this.of(dates);
      case 1:
        return this.of(addresses);
      case 2:
      case 3:
        return this.of(texts);
      case 4:
        return this.of(numbers);
      case 5:
        return this.of<unknown>([null, true, false, [], {}, [[]], [null], { a: { b: [{}] } }]);
      default:
        return this.deep(this.of([3, 45, 70, 500]));
    }
  }

  /** A copy with a few values replaced, left out, doubled or added. */
  bent(value: unknown): unknown {
    const copy = structuredClone(value);
    for (let times = 1 + this.below(3); times > 0; times--) {
      const places: { holder: Record<string, unknown>; key: string }[] = [];
      collect(copy, places);
      if (places.length === 0) return this.value();
      const { holder, key } = this.of(places);
      switch (this.below(6)) {
        case 0:
          delete holder[key];
          break;
        case 1:
          define(holder, this.of(names), this.value());
          break;
        case 2:
          if (Array.isArray(holder)) holder.push(structuredClone(holder[key as unknown as number]));
          else define(holder, key, null);
          break;
        default:
          define(holder, key, this.value());
      }
    }
    return copy;
  }

  /** JSON text of a body; sometimes not quite JSON, not UTF-8, or far too much. */
  bytes(value: unknown): string | Uint8Array {
    const text = JSON.stringify(value) ?? "";
    if (this.maybe(0.85)) return text;
    const at = this.below(text.length + 1);
    switch (this.below(8)) {
      case 0:
        return text.slice(0, at);
      case 1:
        return text.slice(0, at) + this.of(["}", "]", ",", "\u0000", "1e400", "\\", '"']) +
          text.slice(at);
      case 2:
        return text.replace(/\d+/, "1e400");
      case 3:
        return text.replace("{", `{"__proto__":${JSON.stringify(this.value()) ?? "1"},`);
      case 4:
        return `${" ".repeat(this.of([10, 130_000, 2_200_000]))}${text}`;
      case 5: {
        const bytes = new TextEncoder().encode(text);
        if (bytes.length > 0) bytes[this.below(bytes.length)] = 128 + this.below(128);
        return bytes;
      }
      case 6:
        return this.of(["[", "{", '{"a":']).repeat(this.of([100, 20_000]));
      default:
        return `\ufeff${text}`;
    }
  }

  settings(ahead: { startAt: string; endAt: string }): Record<string, unknown> {
    const { audience: _, ...full } = spring;
    const some = this.maybe(0.3) ? full : minimal[this.of(messageTypes)];
    const settings: Record<string, unknown> = { ...structuredClone(some), platforms: ["web"] };
    if (this.maybe(0.6)) settings.schedule = ahead;
    return settings;
  }

  deep(levels: number): unknown {
    let value: unknown = this.of(texts);
    for (let level = 0; level < levels; level++) value = level % 2 ? [value] : { and: value };
    return value;
  }
}

/** Unlike an assignment, never changes a prototype. */
function define(holder: Record<string, unknown>, key: string, value: unknown): void {
  const property = { value, enumerable: true, writable: true, configurable: true };
  Object.defineProperty(holder, Array.isArray(holder) ? String(holder.length) : key, property);
}

function collect(
  value: unknown,
  places: { holder: Record<string, unknown>; key: string }[],
  depth = 0,
): void {
  if (value === null || typeof value !== "object" || depth > 12) return;
  for (const key of Object.keys(value)) {
    places.push({ holder: value as Record<string, unknown>, key });
    collect((value as Record<string, unknown>)[key], places, depth + 1);
  }
}
