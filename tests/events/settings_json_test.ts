/** Hostile input: too large, too deep, names of JavaScript's own, and anything at all. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { parseSettings } from "../../events/campaign_settings.ts";
import { faultsWith, spring, withValue } from "./settings_examples.ts";

const draft = { name: "A draft", type: "modal_text" };

Deno.test("settings are at most 24 KiB of UTF-8", () => {
  const withText = (bytes: number) => {
    // One condition takes only so much text.
    const texts = ["x".repeat(bytes >> 1), "x".repeat(bytes - (bytes >> 1))];
    const and = texts.map((text) => ({ "!": text }));
    return { ...draft, trigger: { kind: "event", event: "e", conditions: { and } } };
  };
  const overhead = new TextEncoder().encode(JSON.stringify(withText(0))).length;
  assert("settings" in parseSettings(withText(24 * 1_024 - overhead)));
  for (const input of [withText(24 * 1_024 - overhead + 1), withText(1_000_000)]) {
    const result = parseSettings(input);
    assert("problems" in result);
    assertEquals(result.problems.map(({ pointer, code }) => [pointer, code]), [[
      "",
      "settings_too_large",
    ]]);
  }
});

Deno.test("thousands of unknown fields get an answer of bounded length", () => {
  const unknown = Array.from({ length: 2_000 }, (_, index) => [`f${index}`, 1]);
  const result = parseSettings({ ...draft, ...Object.fromEntries(unknown) });
  assert("problems" in result);
  assertEquals(result.problems.length, 100);
});

Deno.test("names of JavaScript's own are refused everywhere and change no prototype", () => {
  const texts = [
    '{"name":"a","type":"modal_text","__proto__":{"priority":1}}',
    '{"name":"a","type":"modal_text","content":{"__proto__":{"title":"x"}}}',
    '{"name":"a","type":"modal_text","content":{"locales":{"default":"en","overrides":{"__proto__":{"title":"x"}}}}}',
    '{"name":"a","type":"modal_text","trigger":{"kind":"event","event":"e","conditions":{"and":[{"__proto__":[1]}]}}}',
  ];
  for (const text of texts) {
    const result = parseSettings(JSON.parse(text));
    assert("problems" in result, text);
    assertEquals(result.problems[0]?.code, "unknown_field");
    assert(result.problems[0]?.pointer.endsWith("/__proto__"), text);
  }
  assertEquals(({} as Record<string, unknown>).title, undefined);
});

Deno.test("deep nesting and circles are refused without overflowing the stack", () => {
  const deep = (depth: number) => JSON.parse('{"a":'.repeat(depth) + "1" + "}".repeat(depth));
  for (const path of ["content", "trigger", "x"]) {
    const result = parseSettings({ ...draft, [path]: deep(5_000) });
    assert("problems" in result);
    assertEquals(result.problems[0]?.code, "too_deep");
  }
  const circle: Record<string, unknown> = { ...draft };
  circle.one = circle.two = circle;
  assert("problems" in parseSettings(circle));
});

const names = fc.constantFrom(
  ...[
    "name",
    "type",
    "content",
    "trigger",
    "conditions",
    "and",
    "var",
    "kind",
    "variants",
    "locales",
  ],
  ...["overrides", "schedule", "startAt", "__proto__", "constructor", "toString", "a/b~c", ""],
);
const anyJson = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 8 },
    fc.jsonValue(),
    fc.constantFrom("all", "event", "modal_text", "2026-04-01T00:00:00Z", 1e308, -0),
    fc.array(tie("value"), { maxLength: 4 }),
    fc.array(fc.tuple(names, tie("value")), { maxLength: 6 }).map(Object.fromEntries),
  ),
})).value;

Deno.test("parsing never throws, and every problem has a true pointer", () => {
  fc.assert(fc.property(anyJson, (input) => {
    const result = parseSettings(input);
    if ("settings" in result) return;
    assert(result.problems.length > 0);
    for (const { pointer, code, message } of result.problems) {
      assert(/^(?:\/(?:[^~/]|~[01])*)*$/.test(pointer), pointer);
      assert(/^[a-z][a-z_]*$/.test(code) && message.length > 0);
    }
  }));
});

Deno.test("one value anywhere in a good campaign replaced: never a throw", () => {
  const paths = pathsOf(spring);
  fc.assert(fc.property(fc.constantFrom(...paths), anyJson, (path, value) => {
    const result = parseSettings(withValue(spring, path, value));
    if ("settings" in result) faultsWith(spring, path, value);
  }));
});

function pathsOf(value: unknown, prefix = ""): string[] {
  if (typeof value !== "object" || value === null) return [];
  return Object.entries(value).flatMap(([key, inner]) => {
    const path = prefix === "" ? key : `${prefix}.${key}`;
    return [path, ...pathsOf(inner, path)];
  });
}
