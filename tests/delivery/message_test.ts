/** Personalised messages: what Liquid would give, always text, and bounded whatever the attributes are. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { Liquid } from "liquidjs";
import { fillPlaceholders, placeholderFault } from "../../events/placeholders.ts";
import { filledContent, filledGraphemesMax } from "../../src/delivery/message.ts";
import { law } from "../support/laws.ts";

const content = (title: string) => ({
  orientations: ["portrait" as const],
  title,
  buttons: [],
  closeButton: { visible: true },
});
const titleFor = (title: string, attributes: Record<string, unknown>) =>
  filledContent(content(title), attributes).title;
const name = "Hello {{ user.name | default: 'there' }}!";

Deno.test("message: an attribute stands in the text, its default where there is none", () => {
  const cases: [Record<string, unknown>, string][] = [
    [{ name: "Ada" }, "Hello Ada!"],
    [{}, "Hello there!"],
    [{ name: null }, "Hello there!"],
    [{ name: "" }, "Hello there!"],
    [{ name: " \u0000 " }, "Hello there!"],
    [{ name: 7 }, "Hello 7!"],
    [{ name: false }, "Hello false!"],
    [{ name: ["Ada"] }, "Hello there!"],
    [{ name: { first: "Ada" } }, "Hello there!"],
  ];
  for (const [attributes, text] of cases) assertEquals(titleFor(name, attributes), text);
  assertEquals(titleFor("{{ user.a.b | default: '-' }}", { a: { b: "deep" } }), "deep");
});

Deno.test("message: what stands in an attribute is text, not a template, a tag or a direction", () => {
  const hostile = [
    "{{ user.secret | default: 'x' }}",
    "{% for i in (1..100000000) %}x{% endfor %}",
    "<script>alert(1)</script>",
    "a\u202eb\u2066c",
  ];
  assertEquals(hostile.map((text) => titleFor(name, { name: text, secret: "S" })), [
    "Hello {{ user.secret | default: 'x' }}!",
    "Hello {% for i in (1..100000000) %}x{% endfor %}!",
    "Hello <script>alert(1)</script>!",
    "Hello abc!",
  ]);
});

Deno.test("message: JavaScript's own members are no attributes", () => {
  for (const path of ["toString", "constructor.name", "__proto__.polluted"]) {
    const text = fillPlaceholders(`{{ user.${path} | default: '-' }}`, () => null);
    assertEquals(titleFor(`{{ user.${path} | default: '-' }}`, {}), text);
  }
});

Deno.test("message: a long attribute is cut, and a screen full of placeholders is quick", () => {
  const long = titleFor(name, { name: "👩‍👩‍👧".repeat(300) })!;
  assertEquals([...new Intl.Segmenter().segment(long)].length, filledGraphemesMax + 7);
  const many = "{{user.a|default:''}}".repeat(1_000);
  assertEquals(placeholderFault(many), null);
  assert(titleFor(many, { a: "x".repeat(1_000) })!.length <= 1_000 * filledGraphemesMax);
});

Deno.test("message: placeholders read as the reference implementation of Liquid reads them", () => {
  const liquid = new Liquid({ ownPropertyOnly: true });
  const step = fc.constantFrom("name", "first_name", "a1", "city");
  const literal = fc.stringMatching(/^[ A-Za-z0-9éñ가.,!-]{0,12}$/);
  const placeholder = fc.tuple(step, literal, fc.constantFrom("'", '"'), fc.constantFrom("", " "))
    .map(([name, text, quote, space]) =>
      `{{${space}user.${name}${space}|${space}default:${space}${quote}${text}${quote}${space}}}`
    );
  const template = fc.array(fc.oneof(literal, placeholder), { maxLength: 5 })
    .map((parts) => parts.join(""));
  const word = fc.stringMatching(/^[A-Za-z0-9éñ가]{1,10}$/);
  const user = fc.dictionary(step, word, { noNullPrototype: true });
  law(fc.tuple(template, user), ([template, user]) => {
    assertEquals(placeholderFault(template), null);
    const ours = fillPlaceholders(template, (path) => user[path] ?? null);
    assertEquals(ours, liquid.parseAndRenderSync(template, { user }));
  }, 1_000);
});

Deno.test("message: hostile templates are refused, each with what to do", () => {
  const refused = [
    "{% for i in (1..1000000000) %}x{% endfor %}",
    "{{ user.name }}",
    "{{ user.name | default: 'x' | append: 'y' }}",
    "{{ user.__proto__.x | default: 'x' }}",
    "{{ user.constructor | default: 'x' }}",
    "{{ config | default: 'x' }}",
    "{{ user.name | default: other }}",
    "{{ 'a' | repeat: 1000000 }}",
    "{{ user.name | default: 'x'",
    "{{{{ user.name | default: 'x' }}}}",
    `{{ user.${"a.".repeat(500)}a | default: 'x' }}`,
  ];
  for (const text of refused) assert(placeholderFault(text) !== null, text.slice(0, 60));
  // What took long here would hold up the whole run.
  for (const text of ["{".repeat(100_000), "{{".repeat(50_000), "{{ user.a".repeat(10_000)]) {
    placeholderFault(text);
    fillPlaceholders(text, () => null);
  }
});
