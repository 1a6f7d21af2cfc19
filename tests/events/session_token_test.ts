/** Session tokens: what goes in comes out, nonsense is none, and they stay short. */
import { assert, assertEquals, assertMatch } from "@std/assert";
import fc from "fast-check";
import { logStart } from "../../src/event_store/mod.ts";
import {
  decodeSession,
  encodeSession,
  type Session,
  sessionTokenLengthMax,
} from "../../events/session_token.ts";
import { law } from "../support/laws.ts";
import { positionOf } from "../support/recorded.ts";

const pinsMax = 120;
const campaignId = (nth: number) => `cmp_${nth.toString(16).padStart(32, "0")}`;

function encoded(fields: unknown): string {
  return btoa(JSON.stringify(fields)).replaceAll("+", "-").replaceAll("/", "_").replaceAll("=", "");
}

const position = fc.oneof(
  fc.constantFrom("", logStart),
  fc.integer({ min: 1, max: 0xffff_ffff }).map((commit) => positionOf(commit, commit % 7)),
);
const pins = fc.dictionary(
  fc.oneof(
    fc.nat(1_000).map(campaignId),
    fc.stringMatching(/^[\w-]{1,40}$/),
    fc.constantFrom("constructor", "toString", "7"),
  ),
  fc.integer({ min: 1, max: 0xffff_ffff }),
  { maxKeys: 40, noNullPrototype: true },
);

Deno.test("session token: what goes in comes out, in characters that need no escape", () => {
  law(
    fc.record({ position, startedAtMs: fc.maxSafeNat(), pins }, { noNullPrototype: true }),
    (session) => {
      const token = encodeSession(session);
      assertMatch(token, /^[\w-]+$/);
      assertEquals(encodeURIComponent(token), token);
      assertEquals(decodeSession(token), session);
      // The same session has one token, however its pins were gathered.
      const turned = Object.fromEntries(Object.entries(session.pins).reverse());
      assertEquals(encodeSession({ ...session, pins: turned }), token);
    },
    1_000,
  );
});

Deno.test("session token: of 1,000 pins the last are kept, and it is no longer than allowed", () => {
  for (const revision of [1, 100, 999_999]) {
    const all = Array.from({ length: 1_000 }, (_, nth) => [campaignId(nth), revision] as const);
    const token = encodeSession({
      position: positionOf(1),
      startedAtMs: 2 ** 41,
      pins: Object.fromEntries(all),
    });
    assert(token.length <= sessionTokenLengthMax, `${token.length} characters`);
    assertEquals(decodeSession(token), {
      position: positionOf(1),
      startedAtMs: 2 ** 41,
      pins: Object.fromEntries(all.slice(-pinsMax)),
    });
  }
});

const good: Session = { position: positionOf(3), startedAtMs: 7, pins: { [campaignId(1)]: 2 } };
const pin = [campaignId(1), 2];
const at = positionOf(3);

const nonsense: [what: string, token: string][] = [
  ["nothing", ""],
  ["a space", " "],
  ["no base64", "!"],
  ["half a character", "a"],
  ["no JSON", btoa("session")],
  ["a word too many", encodeSession(good) + "AAAA"],
  ["its first half", encodeSession(good).slice(0, 40)],
  ["null", encoded(null)],
  ["a number", encoded(1)],
  ["an object", encoded({ position: at, pins: [] })],
  ["nothing in it", encoded([])],
  ["another format", encoded([1, at, 7, []])],
  ["the format as text", encoded(["2", at, 7, []])],
  ["no pins", encoded([2, at, 7])],
  ["one field more", encoded([2, at, 7, [], 0])],
  ["a position that is a number", encoded([2, 0, 7, []])],
  ["no position", encoded([2, "x", 7, []])],
  ["a position with more", encoded([2, at + "0", 7, []])],
  ["a position in capitals", encoded([2, "000A-0000000000000000000A-0000", 7, []])],
  ["pins as an object", encoded([2, at, 7, { [campaignId(1)]: 2 }])],
  ["a pin that is none", encoded([2, at, 7, [null]])],
  ["a pin as text", encoded([2, at, 7, ["ab"]])],
  ["no campaign", encoded([2, at, 7, [["", 1]]])],
  ["a campaign with a slash", encoded([2, at, 7, [["a/b", 1]]])],
  ["a campaign that is too long", encoded([2, at, 7, [["a".repeat(41), 1]]])],
  ["a revision as text", encoded([2, at, 7, [[campaignId(1), "2"]]])],
  ["half a revision", encoded([2, at, 7, [[campaignId(1), 1.5]]])],
  ["no revision", encoded([2, at, 7, [[campaignId(1)]]])],
  ["too many pins", encoded([2, at, 7, Array(pinsMax + 1).fill(pin)])],
  ["a start before time", encoded([2, at, -1, []])],
  ["a start as text", encoded([2, at, "7", []])],
  ["depth", btoa("[".repeat(5_000))],
];

Deno.test("session token: what is no token of ours is null", () => {
  assertEquals(decodeSession(encoded([2, at, 7, [pin]])), good);
  assertEquals(decodeSession(encoded([2, "", 7, []])), { position: "", startedAtMs: 7, pins: {} });
  for (const [what, token] of nonsense) assertEquals(decodeSession(token), null, what);
});

Deno.test("session token: any text gives a session or null, never a throw or more than it may", () => {
  const near = fc.tuple(
    fc.constantFrom(1, 2, null),
    fc.constantFrom("", at, 5),
    fc.nat(),
    fc.jsonValue(),
  )
    .map((fields) => new TextEncoder().encode(JSON.stringify(fields)).toBase64());
  const broken = fc.tuple(fc.nat(80), fc.string({ minLength: 1, maxLength: 1 }))
    .map(([index, text]) => encodeSession(good).slice(0, index) + text);
  law(fc.oneof(fc.string(), fc.base64String(), near, broken), (token) => {
    const session = decodeSession(token);
    if (session === null) return;
    assert(Object.keys(session.pins).length <= pinsMax);
    assertEquals(decodeSession(encodeSession(session)), session);
  }, 2_000);
});

Deno.test("session token: names of JavaScript's own objects are ids like others", () => {
  const token = encoded([2, at, 7, [["__proto__", 3], ["constructor", 4]]]);
  const { pins } = decodeSession(token)!;
  assertEquals(Object.entries(pins), [["__proto__", 3], ["constructor", 4]]);
  assertEquals(Object.getPrototypeOf(pins), Object.prototype);
  assertEquals(Object.hasOwn(pins, "toString"), false);
});
