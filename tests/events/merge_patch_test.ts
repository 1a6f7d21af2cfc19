/** JSON merge patch as RFC 7396 has it, and what settings add to it. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { mergePatch, patchSettings } from "../../events/campaign_settings.ts";

/** The table of the RFC's appendix A: original, patch, result. */
const examples: [unknown, unknown, unknown][] = [
  [{ a: "b" }, { a: "c" }, { a: "c" }],
  [{ a: "b" }, { b: "c" }, { a: "b", b: "c" }],
  [{ a: "b" }, { a: null }, {}],
  [{ a: "b", b: "c" }, { a: null }, { b: "c" }],
  [{ a: ["b"] }, { a: "c" }, { a: "c" }],
  [{ a: "c" }, { a: ["b"] }, { a: ["b"] }],
  [{ a: { b: "c" } }, { a: { b: "d", c: null } }, { a: { b: "d" } }],
  [{ a: [{ b: "c" }] }, { a: [1] }, { a: [1] }],
  [["a", "b"], ["c", "d"], ["c", "d"]],
  [{ a: "b" }, ["c"], ["c"]],
  [{ a: "foo" }, null, null],
  [{ a: "foo" }, "bar", "bar"],
  [{ e: null }, { a: 1 }, { e: null, a: 1 }],
  [[1, 2], { a: "b", c: null }, { a: "b" }],
  [{}, { a: { bb: { ccc: null } } }, { a: { bb: {} } }],
];

Deno.test("the RFC's examples", () => {
  for (const [original, patch, result] of examples) {
    const before = structuredClone([original, patch]);
    assertEquals(mergePatch(original, patch), result);
    assertEquals([original, patch], before);
  }
});

Deno.test("a patch with __proto__ changes no prototype and keeps the name for the schema to refuse", () => {
  const patch = JSON.parse('{"__proto__":{"polluted":1},"a":{"__proto__":{"polluted":1}}}');
  const result = mergePatch({}, patch) as Record<string, unknown>;
  assertEquals(Object.keys(result), ["__proto__", "a"]);
  assertEquals(Object.getPrototypeOf(result), Object.prototype);
  assertEquals((result as { polluted?: unknown }).polluted, undefined);
  assertEquals(({} as { polluted?: unknown }).polluted, undefined);
});

Deno.test("a deep patch does not overflow the stack", () => {
  const deep = JSON.parse('{"a":'.repeat(5_000) + "null" + "}".repeat(5_000));
  assert(mergePatch({}, deep) !== null);
  assert(patchSettings({}, deep) !== null);
});

Deno.test("a patch is idempotent, and an empty one changes nothing", () => {
  const json = fc.dictionary(
    fc.constantFrom("a", "b", "c"),
    fc.jsonValue({ maxDepth: 3 }).filter((value) => value !== null),
    { noNullPrototype: true },
  );
  fc.assert(fc.property(json, fc.jsonValue({ maxDepth: 4 }), (target, patch) => {
    const once = mergePatch(target, patch);
    assertEquals(mergePatch(once, patch), once);
    assertEquals(mergePatch(target, {}), target);
  }));
});

Deno.test("a part that changes its kind lets go of what belonged to the old one", () => {
  const rows: [unknown, unknown, unknown][] = [
    [
      { audience: { kind: "audience", audienceId: "a", controlPercent: 5 } },
      { audience: { kind: "all" } },
      { audience: { kind: "all", controlPercent: 5 } },
    ],
    [
      { trigger: { kind: "event", event: "e", conditions: { and: [] }, delaySeconds: 1 } },
      { trigger: { kind: "self_serve", key: "k" } },
      { trigger: { kind: "self_serve", key: "k", delaySeconds: 1 } },
    ],
    [
      { content: { imageAction: { type: "weblink", url: "u", newTab: true } } },
      { content: { imageAction: { type: "deeplink", uri: "shop://x" } } },
      { content: { imageAction: { type: "deeplink", uri: "shop://x" } } },
    ],
    // What the patch itself says is kept, for the schema to refuse.
    [
      { audience: { kind: "audience", audienceId: "a" } },
      { audience: { kind: "all", audienceId: "b" } },
      { audience: { kind: "all", audienceId: "b" } },
    ],
    // The same kind: an ordinary merge.
    [
      { content: { bannerAction: { type: "weblink", url: "u", newTab: true } } },
      { content: { bannerAction: { type: "weblink", url: "v" } } },
      { content: { bannerAction: { type: "weblink", url: "v", newTab: true } } },
    ],
  ];
  for (const [settings, patch, result] of rows) {
    assertEquals(patchSettings(settings, patch), result);
  }
});
