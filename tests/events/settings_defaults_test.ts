/** Defaults, what counts as the same, and what each person sees of a message. */
import { assert, assertEquals } from "@std/assert";
import fc from "fast-check";
import {
  type CampaignSettings,
  changedNames,
  clickableElements,
  contentFor,
  deliveredSettings,
  mergePatch,
  parseSettings,
  sameJson,
  sameMeaning,
  typeProblems,
  withDefaults,
} from "../../events/campaign_settings.ts";
import { minimal, settingsOf, spring, withValue } from "./settings_examples.ts";

const draft = settingsOf({ name: "A draft", type: "modal_text" });
const page = { type: "weblink", url: "https://x.example/" };

/** As an edit asks it: of what is given differently alone. */
function sameSettings(one: CampaignSettings, other: CampaignSettings): boolean {
  const same = sameMeaning(changedNames(one, other), one, other);
  assertEquals(sameJson(withDefaults(one), withDefaults(other)), same);
  return same;
}

Deno.test("the defaults of an empty draft", () => {
  assertEquals(withDefaults(draft), {
    name: "A draft",
    description: "",
    labels: [],
    type: "modal_text",
    platforms: [],
    audience: { kind: "all", excludeAudienceId: null, controlPercent: 0 },
    content: { orientations: ["portrait"], buttons: [], closeButton: { visible: true } },
    variants: [],
    trigger: { kind: "session_start", delaySeconds: 0, cancelOn: [] },
    priority: 50,
    schedule: { startAt: null, endAt: null, timeZone: null, weekdays: [], windows: [] },
    exposure: { caps: [] },
    kpiEvents: [],
  });
});

Deno.test("defaults inside what is given", () => {
  const full = withDefaults(settingsOf({
    ...minimal.fullscreen_image,
    content: {
      images: { landscape: { url: "https://x.example/a" } },
      imageAction: page,
      buttons: [{ elementId: "a", label: "A", action: { ...page, newTab: false } }],
      closeButton: { color: "#000000" },
      textStyle: { title: {} },
      background: {},
      locales: { default: "en" },
    },
    trigger: { kind: "event", event: "e" },
    kpiEvents: [{ name: "a" }],
  }));
  const fullPage = { ...page, newTab: true, closeAfter: true };
  assertEquals(full.content, {
    images: { landscape: { url: "https://x.example/a", alt: "" } },
    imageAction: fullPage,
    buttons: [{ elementId: "a", label: "A", action: { ...fullPage, newTab: false } }],
    closeButton: { color: "#000000", visible: true },
    locales: { default: "en", overrides: {} },
    orientations: ["landscape"],
  } as never);
  assertEquals(full.trigger, {
    kind: "event",
    event: "e",
    conditions: { and: [] },
    delaySeconds: 0,
    cancelOn: [],
  });
  assertEquals(full.kpiEvents, [{ name: "a", window: "P1D" }]);
});

const campaigns = fc.constantFrom(spring, ...Object.values(minimal), draft).chain((base) =>
  fc.record({
    description: fc.string(),
    priority: fc.integer({ min: 0, max: 100 }),
    trigger: fc.constantFrom({ kind: "session_start" }, { kind: "self_serve", key: "k" }),
    exposure: fc.constantFrom({}, { caps: [{ per: "day", by: "user", max: null }] }),
    variants: fc.constantFrom([], [{ key: "b", weight: 1 }, { key: "c", weight: 2, content: {} }]),
    schedule: fc.constantFrom({}, { startAt: "2026-01-01T00:00:00+09:00" }, { windows: [] }),
  }, { requiredKeys: [] }).map((more) => settingsOf({ ...base, ...more }))
);

Deno.test("defaults are filled in once, change nothing that is given and are valid themselves", () => {
  fc.assert(fc.property(campaigns, (settings) => {
    const before = structuredClone(settings);
    const full = withDefaults(deepFreeze(settings));
    assertEquals(settings, before);
    assertEquals(withDefaults(full), full);
    assert(sameSettings(settings, full));
    assertEquals(typeProblems(full), []);
    // Only an empty list of platforms stands for nothing and may not be given.
    const given = settings.platforms ? full : { ...full, platforms: ["web"] };
    assertEquals(parseSettings(given), { settings: given as never });
  }));
});

Deno.test("a setting patched to null has its default", () => {
  const optional = Object.keys(withDefaults(draft)).filter((key) =>
    key !== "name" && key !== "type"
  );
  fc.assert(fc.property(campaigns, fc.constantFrom(...optional), (settings, key) => {
    const patched = settingsOf(mergePatch(settings, { [key]: null }));
    const defaults = withDefaults({ name: settings.name, type: settings.type });
    assertEquals(
      withDefaults(patched)[key as keyof CampaignSettings],
      defaults[key as keyof CampaignSettings],
    );
  }));
});

Deno.test("the same settings: fields in any order, defaults or none; lists in one order", () => {
  const same: [string, unknown][] = [
    ["priority", 50],
    ["trigger", { delaySeconds: 0, kind: "session_start" }],
    ["content", { images: {}, textStyle: { body: {} } }],
    ["schedule", { endAt: null }],
    ["labels", []],
  ];
  for (const [path, value] of same) {
    assert(sameSettings(draft, settingsOf(withValue(draft, path, value))), path);
  }
  const different: [string, unknown][] = [
    ["priority", 51],
    ["content.title", "x"],
    ["labels", ["a"]],
    ["name", "a draft"],
  ];
  for (const [path, value] of different) {
    assert(!sameSettings(draft, settingsOf(withValue(draft, path, value))), path);
  }
  assert(!sameSettings({ ...draft, labels: ["a", "b"] }, { ...draft, labels: ["b", "a"] }));
});

Deno.test("what clients receive changes the revision, what they do not receive does not", () => {
  const delivered = (input: unknown) => deliveredSettings(withDefaults(settingsOf(input)));
  const rows: [string, unknown, boolean][] = [
    ["name", "Another", false],
    ["description", "Another", false],
    ["labels", [], false],
    ["platforms", ["web"], false],
    ["schedule.endAt", "2026-05-01T00:00:00Z", false],
    ["kpiEvents", [], false],
    ["audience", { kind: "all" }, false],
    ["content.title", "Another", true],
    ["variants", [], true],
    ["trigger.delaySeconds", 4, true],
    ["priority", 71, true],
    ["exposure.caps", [], true],
  ];
  for (const [path, value, changes] of rows) {
    assertEquals(
      !sameJson(delivered(spring), delivered(withValue(spring, path, value))),
      changes,
      path,
    );
  }
});

Deno.test("a variant, then a locale override the content", () => {
  const settings = settingsOf({
    ...minimal.modal_image_text,
    content: {
      title: "Hello",
      body: "Body",
      images: { portrait: { url: "https://x.example/a", alt: "Tulips" } },
      imageAction: { type: "close" },
      closeButton: { color: "#000000" },
      buttons: [{ elementId: "buy", label: "Buy", action: page }],
      locales: {
        default: "en",
        overrides: {
          ko: {
            title: "안녕",
            images: { portrait: { alt: "튤립" } },
            buttons: [{ elementId: "buy", label: "사기" }],
          },
          "ko-KP": { body: "본문" },
          en: { body: "Body in English" },
        },
      },
    },
    variants: [{
      key: "b",
      weight: 50,
      content: {
        title: "Hi!",
        closeButton: { visible: false },
        locales: { overrides: { ko: { title: "하이" } } },
      },
    }],
  });
  const said = (variant: string | null, locale: string | null) => {
    const { title, body, buttons, images, closeButton } = contentFor(settings, variant, locale);
    return [title, body, buttons[0]?.label, images?.portrait?.alt, closeButton.visible];
  };
  assertEquals(said(null, null), ["Hello", "Body in English", "Buy", "Tulips", true]);
  assertEquals(said(null, "fr"), ["Hello", "Body in English", "Buy", "Tulips", true]);
  assertEquals(said(null, "not a tag"), ["Hello", "Body in English", "Buy", "Tulips", true]);
  assertEquals(said(null, "ko-KR"), ["안녕", "Body", "사기", "튤립", true]);
  assertEquals(said(null, "KO-kp"), ["안녕", "본문", "사기", "튤립", true]);
  assertEquals(said("b", "ko"), ["하이", "Body", "사기", "튤립", false]);
  assertEquals(said("b", "en"), ["Hi!", "Body in English", "Buy", "Tulips", false]);
  assertEquals(said("gone", null), said(null, null));
  assertEquals(contentFor(settings, null, "ko").locales, undefined);
  assertEquals(contentFor(settings, null, "ko").buttons[0]?.action, {
    ...page,
    newTab: true,
    closeAfter: true,
  } as never);
});

Deno.test("clicks are reported by the ids of what is clickable", () => {
  const buttons = (id: string) => [{ elementId: id, label: "A", action: { type: "close" } }];
  const rows: [unknown, string[]][] = [
    [minimal.sticky_banner, ["banner"]],
    [minimal.fullscreen_image, ["image"]],
    [minimal.modal_text, []],
    [spring, ["image", "buy"]],
    [
      {
        ...withValue(minimal.modal_text, "content.buttons", buttons("a")),
        variants: [{ key: "v", weight: 1, content: { buttons: buttons("b") } }],
      },
      ["a", "b"],
    ],
  ];
  for (const [input, elements] of rows) {
    assertEquals(clickableElements(settingsOf(input)), elements);
  }
});

function deepFreeze<Value>(value: Value): Value {
  if (typeof value === "object" && value !== null) {
    Object.freeze(value);
    Object.values(value).forEach(deepFreeze);
  }
  return value;
}
