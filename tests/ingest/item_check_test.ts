/** The quick check of an item never says yes where the schema says no, and says yes to what is usual. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import { interactionSchema } from "../../src/ingest/interaction.ts";
import { instantMs, isSurelyInteraction } from "../../src/ingest/item_check.ts";
import { law } from "../support/laws.ts";

const usual = {
  id: "0f8fad5b-d9cb-469f-a165-70867728950e",
  kind: "click",
  campaignId: "cmp_1",
  revision: 3,
  elementId: "buy",
  platform: "web",
  deviceId: "device-1",
  userId: "user 1",
  session: "s",
  claimId: "c",
  properties: { price: 1.5, currency: "KRW", isNew: true, note: null },
  occurredAt: "2026-04-10T09:00:00.123Z",
};

const anyText = fc.oneof(
  fc.string({ maxLength: 5 }),
  fc.string({ unit: "binary", maxLength: 3 }),
  fc.constantFrom("", "a\u0000", "a\u007f", "a\u0085", "\ud800", "漢", "😀", "a".repeat(100)),
  fc.constantFrom(101, 128, 129, 256, 257, 1_000, 1_001, 8_192, 8_193).map((n) => "x".repeat(n)),
);
const two = fc.nat(99).map((number) => String(number).padStart(2, "0"));
const instant = fc.oneof(
  fc.date({ min: new Date(0), max: new Date("9999-12-31"), noInvalidDate: true })
    .map((date) => date.toISOString()),
  fc.tuple(fc.nat(9999), two, two, two, two, two, fc.nat(999)).map(([y, mo, d, h, m, s, ms]) =>
    `${String(y).padStart(4, "0")}-${mo}-${d}T${h}:${m}:${s}.${String(ms).padStart(3, "0")}Z`
  ),
  fc.constantFrom(
    "2026-02-28T24:00:00.000Z",
    "2026-02-29T00:00:00.000Z",
    "2024-02-29T00:00:00.000Z",
    "1900-02-29T00:00:00.000Z",
    "2000-02-29T00:00:00.000Z",
    "2026-13-01T00:00:00.000Z",
    "2026-00-01T00:00:00.000Z",
    "2026-01-00T00:00:00.000Z",
    "0000-01-01T00:00:00.000Z",
    "2026-01-01t00:00:00.000z",
    "2026-01-01T00:00:00Z",
    "2026-01-01T00:00Z",
    "2026-01-01T00:00:00.1Z",
    "2026-01-01T00:00:00.123456Z",
    "2026-01-01T00:00:00+09:00",
    "+026-01-01T00:00:00.000Z",
    "2026-01-01T00:00:00.00xZ",
    "",
  ),
);
const anyValue = fc.oneof(
  anyText,
  instant,
  fc.constantFrom(null, true, 0, 1, -1, 1.5, 4_294_967_295, 4_294_967_296, 1e308),
  fc.constantFrom([], {}, [1], "impression", "event", "hide", "Click", "ios", "IOS"),
  fc.dictionary(
    fc.oneof(anyText, fc.constant("__proto__")),
    fc.oneof(anyText, fc.double(), fc.constantFrom(null, true, [], {})),
    { maxKeys: 4 },
  ),
  fc.constantFrom(50, 51).map((count) =>
    Object.fromEntries(Array.from({ length: count }, (_, index) => [`p${index}`, index]))
  ),
);
const keys = fc.constantFrom(...Object.keys(usual), "unknown", "__proto__", "constructor");
const changes = fc.array(fc.tuple(keys, fc.option(anyValue)), { maxLength: 3 });

Deno.test("item check: yes is always the schema's yes, and both see the same item", () => {
  let sure = 0;
  law(changes, (changed) => {
    const members = new Map<string, unknown>(Object.entries(usual));
    for (const [key, value] of changed) {
      value === null ? members.delete(key) : members.set(key, value);
    }
    const text = `{${
      [...members].map(([key, value]) => `${JSON.stringify(key)}:${JSON.stringify(value)}`)
    }}`;
    const item = JSON.parse(text);
    const parsed = interactionSchema.safeParse(item);
    if (!isSurelyInteraction(item)) return;
    sure++;
    assert(parsed.success, text.slice(0, 300));
    assertEquals(parsed.data, item);
    assertEquals(instantMs(item.occurredAt), Date.parse(item.occurredAt), item.occurredAt);
  }, 20_000);
  assert(sure > 2_000, `sure of ${sure}`);
});

Deno.test("item check: what is no object is left to the schema; what is usual is not", () => {
  for (const value of [null, 1, "a", [], [usual], {}]) assert(!isSurelyInteraction(value));
  assert(isSurelyInteraction(usual));
  for (const key of ["id", "kind", "platform", "deviceId", "occurredAt"]) {
    assert(!isSurelyInteraction({ ...usual, [key]: undefined }));
  }
});

Deno.test("item check: an instant is what the platform reads in it", () => {
  law(instant, (text) => {
    const parsed = interactionSchema.shape.occurredAt.safeParse(text);
    if (parsed.success) assertEquals(instantMs(text), Date.parse(text), text);
  }, 5_000);
});
