/** What settings may hold: every limit at its edge and just past it, in tables. */
import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { parseSettings } from "../../events/campaign_settings.ts";
import { law } from "../support/laws.ts";
import { faultsWith, minimal, settingsOf, spring, withValue } from "./settings_examples.ts";

const draft = { name: "A draft", type: "modal_text" };
const banner = minimal.sticky_banner;
const family = "👨‍👩‍👧‍👦";
const url = (length: number) => "https://x.example/".padEnd(length, "a");
const action = (value: unknown) => [{ elementId: "a", label: "A", action: value }];
const condition = (rule: unknown) => ({ kind: "event", event: "e", conditions: { and: [rule] } });
const nested = (depth: number): unknown => depth === 0 ? true : { "!": [nested(depth - 1)] };
const list = <Item>(count: number, make: (index: number) => Item) =>
  Array.from({ length: count }, (_, index) => make(index));

type Row = [path: string, value: unknown, ...faults: string[]];

const rows: Row[] = [
  ["name", "a"],
  ["name", "n".repeat(100)],
  ["name", family.repeat(100)],
  ["name", "{{ not a placeholder"],
  ["name", "n".repeat(101), "/name too_long"],
  ["name", family.repeat(101), "/name too_long"],
  ["name", "a" + "\u0301".repeat(3_000), "/name too_long"],
  ["name", "", "/name too_short"],
  ["name", " \u200b\u3000", "/name too_short"],
  ["name", "two\nlines", "/name invalid_format"],
  ["name", "\ud800", "/name invalid_format"],
  ["name", undefined, "/name required"],
  ["name", null, "/name invalid_type"],
  ["name", 7, "/name invalid_type"],
  ["type", undefined, "/type required"],
  ["type", "toast", "/type invalid_value"],
  ["description", "d".repeat(2_000)],
  ["description", "d".repeat(2_001), "/description too_long"],
  ["labels", []],
  ["labels", list(20, (index) => `l${index}`)],
  ["labels", list(21, (index) => `l${index}`), "/labels too_long"],
  ["labels", ["a", "b", "a"], "/labels/2 duplicate"],
  ["labels", ["l".repeat(51)], "/labels/0 too_long"],
  ["platforms", ["web", "android", "ios"]],
  ["platforms", [], "/platforms too_short"],
  ["platforms", ["web", "web"], "/platforms/1 duplicate"],
  ["platforms", ["tv"], "/platforms/0 invalid_value"],
  ["platforms", "web", "/platforms invalid_type"],
  ["unknown", 1, "/unknown unknown_field"],
  ["a/b~c", 1, "/a~1b~0c unknown_field"],
  ["constructor", 1, "/constructor unknown_field"],
  ["content.subtitle", "x", "/content/subtitle unknown_field"],

  ["audience", { kind: "all" }],
  ["audience", { kind: "all", controlPercent: 50 }],
  ["audience", { kind: "all", controlPercent: 51 }, "/audience/controlPercent out_of_range"],
  ["audience", { kind: "all", controlPercent: -1 }, "/audience/controlPercent out_of_range"],
  ["audience", { kind: "all", audienceId: "a" }, "/audience/audienceId unknown_field"],
  ["audience", { kind: "audience" }, "/audience/audienceId required"],
  ["audience", { kind: "audience", audienceId: "" }, "/audience/audienceId too_short"],
  ["audience", { kind: "some" }, "/audience/kind invalid_value"],
  ["audience", {}, "/audience/kind required"],
  ["audience", "all", "/audience invalid_type"],

  ["content.title", "t".repeat(60)],
  ["content.title", "t".repeat(61), "/content/title too_long"],
  ["content.title", family.repeat(60)],
  ["content.title", "", "/content/title too_short"],
  ["content.title", "t".repeat(55) + "{{ user.firstName | default: 'there' }}"],
  [
    "content.title",
    "t".repeat(56) + "{{ user.firstName | default: 'there' }}",
    "/content/title too_long",
  ],
  ["content.title", "{{user.a.b|default:\"x\"}} and {{ user.c | default: 'y' }}"],
  ["content.title", "{{ user.name | default: '' }}", "/content/title too_short"],
  ["content.title", "{{ user.name }}", "/content/title invalid_placeholder"],
  ["content.title", "{{ device.os | default: 'x' }}", "/content/title invalid_placeholder"],
  ["content.title", "{{ user | default: 'x' }}", "/content/title invalid_placeholder"],
  ["content.title", "{{ user.a | upcase | default: 'x' }}", "/content/title invalid_placeholder"],
  ["content.title", "{{ user.__proto__.a | default: 'x' }}", "/content/title invalid_placeholder"],
  ["content.title", "{{ user.name | default: 'x'", "/content/title invalid_placeholder"],
  ["content.title", "{% if user.name %}", "/content/title invalid_placeholder"],
  ["content.title", "a { b } }}"],
  ["content.buttons", []],
  ["content.buttons", action({ type: "none" })],
  [
    "content.buttons",
    [...action({ type: "close" }), ...action({ type: "close" })],
    "/content/buttons/1/elementId duplicate",
  ],
  [
    "content.buttons",
    list(3, (i) => ({ elementId: `b${i}`, label: "B", action: { type: "close" } })),
    "/content/buttons too_long",
  ],
  [
    "content.buttons",
    [{ elementId: "image", label: "B", action: { type: "close" } }],
    "/content/buttons/0/elementId forbidden",
  ],
  [
    "content.buttons",
    [{ elementId: "banner", label: "B", action: { type: "close" } }],
    "/content/buttons/0/elementId forbidden",
  ],
  [
    "content.buttons",
    [{ elementId: "_a", label: "B", action: { type: "close" } }],
    "/content/buttons/0/elementId invalid_format",
  ],
  ["content.buttons", [{
    elementId: "a".repeat(64),
    label: "l".repeat(20),
    action: { type: "close" },
  }]],
  [
    "content.buttons",
    [{ elementId: "a".repeat(65), label: "B", action: { type: "close" } }],
    "/content/buttons/0/elementId invalid_format",
  ],
  [
    "content.buttons",
    [{ elementId: "a", label: "l".repeat(21), action: { type: "close" } }],
    "/content/buttons/0/label too_long",
  ],
  ["content.buttons", [{ elementId: "a", label: "B" }], "/content/buttons/0/action required"],
  ["content.buttons", action({ type: "explode" }), "/content/buttons/0/action/type invalid_value"],
  [
    "content.buttons",
    action({ type: "close", url: "https://x.example" }),
    "/content/buttons/0/action/url unknown_field",
  ],
  ["content.buttons", action({ type: "weblink" }), "/content/buttons/0/action/url required"],
  ["content.buttons", action({ type: "hide", for: "3d" })],
  [
    "content.buttons",
    action({ type: "hide", for: "2d" }),
    "/content/buttons/0/action/for invalid_value",
  ],
  ["content.background", { color: "#12345678", opacity: 100 }],
  ["content.background", { color: "#123" }, "/content/background/color invalid_format"],
  ["content.background", { opacity: 101 }, "/content/background/opacity out_of_range"],
  ["content.textStyle", { body: { size: 8, align: "left" } }],
  ["content.textStyle", { body: { size: 7 } }, "/content/textStyle/body/size out_of_range"],
  ["content.textStyle", { body: { size: 73 } }, "/content/textStyle/body/size out_of_range"],
  ["content.orientations", ["portrait", "landscape"]],
  ["content.orientations", [], "/content/orientations too_short"],
  ["content.orientations", ["portrait", "portrait"], "/content/orientations/1 duplicate"],
  ["content.orientations", ["square"], "/content/orientations/0 invalid_value"],
  ["content.locales", { default: "en" }],
  ["content.locales", { default: "pt-BR", overrides: { "zh-Hant-TW": { title: "t" } } }],
  ["content.locales", { overrides: {} }, "/content/locales/default required"],
  ["content.locales", { default: "en_US" }, "/content/locales/default invalid_format"],
  [
    "content.locales",
    { default: "en", overrides: { k: {} } },
    "/content/locales/overrides/k invalid_format",
  ],
  [
    "content.locales",
    { default: "en", overrides: { "pt-br": {}, "pt-BR": {} } },
    "/content/locales/overrides/pt-BR duplicate",
  ],
  [
    "content.locales",
    { default: "en", overrides: { ko: { position: "top" } } },
    "/content/locales/overrides/ko/position unknown_field",
  ],
  [
    "content.locales",
    { default: "en", overrides: { ko: { title: "t".repeat(61) } } },
    "/content/locales/overrides/ko/title too_long",
  ],

  ["variants", []],
  ["variants", list(5, (index) => ({ key: `v${index}`, weight: 20 }))],
  ["variants", list(6, (index) => ({ key: `v${index}`, weight: 10 })), "/variants too_long"],
  ["variants", [{ key: "a", weight: 1 }, { key: "a", weight: 1 }], "/variants/1/key duplicate"],
  ["variants", [{ key: "a", weight: 60 }, { key: "b", weight: 41 }], "/variants out_of_range"],
  ["variants", [{ key: "a", weight: 1.5 }], "/variants/0/weight invalid_type"],
  ["variants", [{ key: "a b", weight: 1 }], "/variants/0/key invalid_format"],
  [
    "variants",
    [{ key: "a", weight: 1, content: { nope: 1 } }],
    "/variants/0/content/nope unknown_field",
  ],

  ["trigger", { kind: "session_start" }],
  ["trigger", { kind: "session_start", delaySeconds: 3_600 }],
  ["trigger", { kind: "session_start", delaySeconds: 3_601 }, "/trigger/delaySeconds out_of_range"],
  ["trigger", { kind: "session_start", delaySeconds: -1 }, "/trigger/delaySeconds out_of_range"],
  ["trigger", { kind: "event" }, "/trigger/event required"],
  ["trigger", { kind: "self_serve" }, "/trigger/key required"],
  ["trigger", { kind: "self_serve", key: "help" }],
  ["trigger", { kind: "event", event: "e", cancelOn: ["a", "a"] }, "/trigger/cancelOn/1 duplicate"],
  ["trigger", { kind: "event", event: "e", conditions: { and: [] } }],
  ["trigger", { kind: "event", event: "e", conditions: { and: list(10, () => ({ var: "a" })) } }],
  [
    "trigger",
    { kind: "event", event: "e", conditions: { and: list(11, () => ({ var: "a" })) } },
    "/trigger/conditions/and too_long",
  ],
  [
    "trigger",
    { kind: "event", event: "e", conditions: { or: [] } },
    "/trigger/conditions/and required",
    "/trigger/conditions/or unknown_field",
  ],
  ["trigger", condition(true), "/trigger/conditions/and/0 invalid_type"],
  ["trigger", condition({}), "/trigger/conditions/and/0 invalid_rule"],
  ["trigger", condition({ "==": [1, 1], "!=": [1, 1] }), "/trigger/conditions/and/0 invalid_rule"],
  ["trigger", condition({ eval: ["1"] }), "/trigger/conditions/and/0/eval unknown_operator"],
  [
    "trigger",
    condition({ constructor: ["1"] }),
    "/trigger/conditions/and/0/constructor unknown_operator",
  ],
  ["trigger", condition({ "!": { log: "x" } }), "/trigger/conditions/and/0/!/log unknown_operator"],
  ["trigger", condition({ "==": [1] }), "/trigger/conditions/and/0/== invalid_rule"],
  ["trigger", condition({ var: "a.b" })],
  ["trigger", condition({ var: ["a", 1] })],
  ["trigger", condition({ var: "" }), "/trigger/conditions/and/0/var invalid_rule"],
  ["trigger", condition({ some: [{ var: "items" }, { ">": [{ var: "" }, 1] }] })],
  ["trigger", condition({ var: "a.__proto__.b" }), "/trigger/conditions/and/0/var invalid_rule"],
  ["trigger", condition({ var: "constructor" }), "/trigger/conditions/and/0/var invalid_rule"],
  [
    "trigger",
    condition({ var: { cat: ["a", "b"] } }),
    "/trigger/conditions/and/0/var invalid_rule",
  ],
  [
    "trigger",
    condition({ missing: ["a", "prototype"] }),
    "/trigger/conditions/and/0/missing invalid_rule",
  ],
  ["trigger", condition({ missing_some: [1, ["a", "b"]] })],
  ["trigger", condition(nested(10))],
  ["trigger", condition(nested(11)), `/trigger/conditions/and/0${"/!/0".repeat(10)} invalid_rule`],
  ["trigger", condition({ in: [1, list(497, (index) => index)] })],
  [
    "trigger",
    condition({ in: [1, list(498, (index) => index)] }),
    "/trigger/conditions/and/0/in/1/497 invalid_rule",
  ],

  ["priority", 0],
  ["priority", 100],
  ["priority", -1, "/priority out_of_range"],
  ["priority", 101, "/priority out_of_range"],
  ["priority", 1.5, "/priority invalid_type"],
  ["priority", "50", "/priority invalid_type"],

  ["schedule", { startAt: null, endAt: null, timeZone: null, weekdays: [], windows: [] }],
  ["schedule", { startAt: "2026-04-01T00:00:00Z", endAt: "2026-04-01T00:00:00.001Z" }],
  [
    "schedule",
    { startAt: "2026-04-01T00:00:00Z", endAt: "2026-04-01T00:00:00Z" },
    "/schedule/endAt end_not_after_start",
  ],
  [
    "schedule",
    { startAt: "2026-04-01T09:00:00+09:00", endAt: "2026-04-01T00:00:00Z" },
    "/schedule/endAt end_not_after_start",
  ],
  ["schedule.timeZone", "Asia/Seoul"],
  ["schedule.timeZone", "Mars/Olympus", "/schedule/timeZone invalid_time_zone"],
  ["schedule.timeZone", "+09:00", "/schedule/timeZone invalid_time_zone"],
  ["schedule.weekdays", ["mon", "sun"]],
  ["schedule.weekdays", ["mon", "mon"], "/schedule/weekdays/1 duplicate"],
  ["schedule.weekdays", ["monday"], "/schedule/weekdays/0 invalid_value"],
  ["schedule.windows", [{ from: "22:00", to: "02:00" }]],
  ["schedule.windows", [{ from: "09:00", to: "09:00" }], "/schedule/windows/0/to out_of_range"],
  [
    "schedule.windows",
    [{ from: "9:00", to: "24:00" }],
    "/schedule/windows/0/from invalid_format",
    "/schedule/windows/0/to invalid_format",
  ],

  ["exposure", {}],
  ["exposure.caps", [{ per: "session", by: "user", max: null }, {
    per: "session",
    by: "device",
    max: 1,
  }]],
  ["exposure.caps", [{ per: "day", by: "user", max: 0 }], "/exposure/caps/0/max out_of_range"],
  ["exposure.caps", [{ per: "day", by: "user" }], "/exposure/caps/0/max required"],
  ["exposure.caps", [{ per: "week", by: "user", max: 1 }], "/exposure/caps/0/per invalid_value"],
  [
    "exposure.caps",
    [{ per: "day", by: "user", max: 1 }, { per: "day", by: "user", max: 2 }],
    "/exposure/caps/1 duplicate",
  ],

  ["kpiEvents", [{ name: "a" }, { name: "b", window: "PT1H" }, { name: "c", window: "P30D" }]],
  ["kpiEvents", [{ name: "a" }, { name: "a" }], "/kpiEvents/1/name duplicate"],
  ["kpiEvents", [{ name: "a", window: "PT59M59S" }], "/kpiEvents/0/window out_of_range"],
  ["kpiEvents", [{ name: "a", window: "P30DT1S" }], "/kpiEvents/0/window out_of_range"],
  ["kpiEvents", [{ name: "a", window: "P1M" }], "/kpiEvents/0/window invalid_format"],
  ["kpiEvents", [{ name: "a", window: "24h" }], "/kpiEvents/0/window invalid_format"],
];

Deno.test("each limit holds at its edge and not past it", () => {
  for (const [path, value, ...faults] of rows) {
    const shown = JSON.stringify(value)?.slice(0, 200);
    assertEquals(faultsWith(draft, path, value), faults, `${path} = ${shown}`);
  }
});

Deno.test("a banner's own limits", () => {
  const bannerRows: Row[] = [
    ["content.autoDismissSeconds", 3],
    ["content.autoDismissSeconds", 60],
    ["content.autoDismissSeconds", 2, "/content/autoDismissSeconds out_of_range"],
    ["content.autoDismissSeconds", 61, "/content/autoDismissSeconds out_of_range"],
    ["content.position", "middle", "/content/position invalid_value"],
    ["content.icon", { url: url(2_048), alt: "" }],
    ["content.icon", { url: url(2_049) }, "/content/icon/url too_long"],
    ["content.icon", { alt: "a" }, "/content/icon/url required"],
    [
      "content.icon",
      { url: "https://x.example/", alt: "a".repeat(201) },
      "/content/icon/alt too_long",
    ],
  ];
  for (const [path, value, ...faults] of bannerRows) {
    assertEquals(faultsWith(banner, path, value), faults, `${path} = ${JSON.stringify(value)}`);
  }
});

Deno.test("the API's example and the least of every type are valid", () => {
  for (const input of [spring, draft, ...Object.values(minimal)]) {
    assertEquals(parseSettings(input), { settings: input as never });
  }
});

Deno.test("instants are normalised to UTC with milliseconds", () => {
  const accepted: Record<string, string> = {
    "2026-04-01T09:00:00+09:00": "2026-04-01T00:00:00.000Z",
    "2026-04-01T00:00:00-00:30": "2026-04-01T00:30:00.000Z",
    "2024-02-29T23:59:59.1Z": "2024-02-29T23:59:59.100Z",
    "2026-04-01T00:00:00.123999Z": "2026-04-01T00:00:00.123Z",
    "1970-01-01T00:00:00Z": "1970-01-01T00:00:00.000Z",
    "9999-12-31T23:59:59.999Z": "9999-12-31T23:59:59.999Z",
  };
  for (const [given, stored] of Object.entries(accepted)) {
    const settings = settingsOf(withValue(draft, "schedule.startAt", given));
    assertEquals(settings.schedule?.startAt, stored);
  }
  const refused = [
    "2026-04-01",
    "2026-04-01T00:00:00",
    "2026-04-01 00:00:00Z",
    "2026-04-01t00:00:00z",
    "2026-02-29T00:00:00Z",
    "2026-04-31T00:00:00Z",
    "2026-13-01T00:00:00Z",
    "2026-04-01T24:00:00Z",
    "2026-04-01T00:00:60Z",
    "2026-04-01T00:00:00+24:00",
    "1969-12-31T23:59:59.999Z",
    "1970-01-01T00:00:00+00:01",
    "9999-12-31T23:59:59-00:01",
    "0050-01-01T00:00:00Z",
    "+010000-01-01T00:00:00Z",
    " 2026-04-01T00:00:00Z",
  ];
  for (const given of refused) {
    assertEquals(
      faultsWith(draft, "schedule.startAt", given),
      ["/schedule/startAt invalid_format"],
      given,
    );
  }
});

Deno.test("settings: an edit is judged as the whole would be, member by member or at once", () => {
  const member = fc.constantFrom<[string, unknown]>(
    ["name", "Renamed"],
    ["name", ""],
    ["name", null],
    ["type", "modal_text"],
    ["type", "nothing"],
    ["description", "d"],
    ["description", undefined],
    ["labels", ["a", "b"]],
    ["labels", ["a", "a"]],
    ["priority", 3],
    ["priority", 101],
    ["schedule", { startAt: "2026-04-02T09:00:00+09:00" }],
    ["schedule", { startAt: "tomorrow" }],
    ["content", { title: "Two" }],
    ["content", { title: 2, unknown: true }],
    ["audience", { kind: "all" }],
    ["unknown", 1],
    ["toString", 1],
    ["__proto__", {}],
  );
  law(fc.array(member, { maxLength: 4 }), (members) => {
    const valid = settingsOf(spring);
    // A pair with a name like `__proto__` becomes a plain property.
    const input = Object.fromEntries([...Object.entries(valid), ...members]);
    assertEquals(parseSettings(input, valid), parseSettings(input));
  }, 500);
});
