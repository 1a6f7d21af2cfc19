/** RFC 8785, with its own examples: §3.2.2, §3.2.3 and appendix B. */
import { assertEquals, assertThrows } from "@std/assert";
import fc from "fast-check";
import { canonicalJson } from "../../src/event_store/mod.ts";

Deno.test("canonical JSON: the sample of RFC 8785 §3.2.2", () => {
  const value = JSON.parse(String.raw`{
    "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
    "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
    "literals": [null, true, false]
  }`);
  assertEquals(
    canonicalJson(value),
    String.raw`{"literals":[null,true,false],` +
      String.raw`"numbers":[333333333.3333333,1e+30,4.5,0.002,1e-27],` +
      String.raw`"string":"€$\u000f\nA'B\"\\\\\"/"}`,
  );
});

Deno.test("canonical JSON: keys sort by UTF-16 units, RFC 8785 §3.2.3", () => {
  const value = JSON.parse(String.raw`{
    "\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh",
    "1": "One", "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control",
    "\u00f6": "Latin Small Letter O With Diaeresis"
  }`);
  assertEquals([...canonicalJson(value).matchAll(/:"([^"]*)"/g)].map((match) => match[1]), [
    "Carriage Return",
    "One",
    "Control",
    "Latin Small Letter O With Diaeresis",
    "Euro Sign",
    "Emoji: Grinning Face",
    "Hebrew Letter Dalet With Dagesh",
  ]);
  // JavaScript itself would put these keys in the order of their numbers.
  assertEquals(canonicalJson({ 10: 1, 9: 2, a: 3 }), '{"10":1,"9":2,"a":3}');
});

const numbers: Record<string, string> = {
  "0000000000000000": "0",
  "8000000000000000": "0",
  "0000000000000001": "5e-324",
  "8000000000000001": "-5e-324",
  "7fefffffffffffff": "1.7976931348623157e+308",
  "ffefffffffffffff": "-1.7976931348623157e+308",
  "4340000000000000": "9007199254740992",
  "c340000000000000": "-9007199254740992",
  "4430000000000000": "295147905179352830000",
  "44b52d02c7e14af5": "9.999999999999997e+22",
  "44b52d02c7e14af6": "1e+23",
  "44b52d02c7e14af7": "1.0000000000000001e+23",
  "444b1ae4d6e2ef4e": "999999999999999700000",
  "444b1ae4d6e2ef4f": "999999999999999900000",
  "444b1ae4d6e2ef50": "1e+21",
  "3eb0c6f7a0b5ed8c": "9.999999999999997e-7",
  "3eb0c6f7a0b5ed8d": "0.000001",
  "41b3de4355555553": "333333333.3333332",
  "41b3de4355555554": "333333333.33333325",
  "41b3de4355555555": "333333333.3333333",
  "41b3de4355555556": "333333333.3333334",
  "41b3de4355555557": "333333333.33333343",
  "becbf647612f3696": "-0.0000033333333333333333",
  "43143ff3c1cb0959": "1424953923781206.2",
};

Deno.test("canonical JSON: the numbers of RFC 8785 appendix B", () => {
  for (const [bits, text] of Object.entries(numbers)) {
    assertEquals(canonicalJson(fromBits(bits)), text, bits);
  }
  for (const bits of ["7fffffffffffffff", "7ff0000000000000", "fff0000000000000"]) {
    assertThrows(() => canonicalJson({ deep: [fromBits(bits)] }), TypeError);
  }
});

Deno.test("canonical JSON: what has no canonical form is refused", () => {
  for (const value of ["\ud800", "a\udead", { "\udead": 1 }, [{ a: "\ud83d" }]]) {
    assertThrows(() => canonicalJson(value), TypeError);
  }
  for (const value of [undefined, 1n, Symbol("s"), () => 1]) {
    assertThrows(() => canonicalJson(value), TypeError);
  }
});

Deno.test("canonical JSON: absent members are left out, absent elements are null", () => {
  assertEquals(
    canonicalJson({ a: undefined, b: [undefined, , 1], c: {} }),
    '{"b":[null,null,1],"c":{}}',
  );
});

Deno.test("canonical JSON: one text for one value, and it reads back", () => {
  fc.assert(
    fc.property(fc.jsonValue({ noUnicodeString: false }), (value) => {
      const text = canonicalJson(value);
      assertEquals(canonicalJson(JSON.parse(text)), text);
      assertEquals(canonicalJson(shuffled(value)), text);
      assertEquals(JSON.stringify(JSON.parse(text)).length, text.length);
    }),
    { seed: 8785, numRuns: 200, verbose: 1 },
  );
});

/** The same value with its keys in the opposite order. */
function shuffled(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(shuffled);
  if (value === null || typeof value !== "object") return value;
  const members = Object.entries(value).reverse().map(([key, member]) => [key, shuffled(member)]);
  return Object.fromEntries(members);
}

function fromBits(hex: string): number {
  const view = new DataView(new ArrayBuffer(8));
  view.setBigUint64(0, BigInt("0x" + hex));
  return view.getFloat64(0);
}
