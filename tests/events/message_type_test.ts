/** The six types of message: what each forbids, requires and limits, as one table of cells. */
import { assertEquals } from "@std/assert";
import {
  type MessageType,
  messageTypes,
  missingForActivation,
  withDefaults,
} from "../../events/campaign_settings.ts";
import { faultsWith, minimal, settingsOf, withValue } from "./settings_examples.ts";

const image = { url: "https://cdn.example/b.png" };
const close = { type: "close" };
const none = { type: "none" };
const button = { elementId: "go", label: "Go", action: close };
const imageTypes: MessageType[] = [
  "fullscreen_image",
  "fullscreen_image_text",
  "modal_image",
  "modal_image_text",
];

/** A valid value of each field, and the types that forbid it. */
const forbiddenBy: Record<string, { value: unknown; types: readonly MessageType[] }> = {
  title: { value: "Hello", types: ["fullscreen_image", "modal_image", "sticky_banner"] },
  body: { value: "Hello", types: ["fullscreen_image", "modal_image"] },
  images: { value: { portrait: image }, types: ["modal_text", "sticky_banner"] },
  imageAction: { value: close, types: ["modal_text", "sticky_banner"] },
  buttons: { value: [button], types: ["sticky_banner"] },
  position: { value: "top", types: messageTypes.filter((type) => type !== "sticky_banner") },
  bannerAction: { value: close, types: messageTypes.filter((type) => type !== "sticky_banner") },
  icon: { value: image, types: messageTypes.filter((type) => type !== "sticky_banner") },
  autoDismissSeconds: { value: 5, types: messageTypes.filter((type) => type !== "sticky_banner") },
  closeButton: { value: { visible: true }, types: [] },
  background: { value: { color: "#FFFFFF" }, types: [] },
  orientations: { value: ["portrait"], types: [] },
  textStyle: { value: { body: { size: 12 } }, types: [] },
};

Deno.test("each type refuses what it forbids, in the content, in variants and in locales", () => {
  for (const type of messageTypes) {
    for (const [field, { value, types }] of Object.entries(forbiddenBy)) {
      const faults = types.includes(type) ? ["forbidden"] : [];
      const at = (pointer: string) => faults.map((code) => `${pointer}/${field} ${code}`);
      const input = minimal[type];
      assertEquals(
        faultsWith(input, `content.${field}`, value),
        at("/content"),
        `${type} ${field}`,
      );
      const variants = [{ key: "b", weight: 10, content: { [field]: value } }];
      assertEquals(faultsWith(input, "variants", variants), at("/variants/0/content"));
    }
    const title = forbiddenBy.title!.types.includes(type) ? ["forbidden"] : [];
    assertEquals(
      faultsWith(minimal[type], "content.locales", {
        default: "en",
        overrides: { ko: { title: "안녕" } },
      }),
      title.map((code) => `/content/locales/overrides/ko/title ${code}`),
    );
  }
});

Deno.test("what is left empty is not given", () => {
  assertEquals(faultsWith(minimal.sticky_banner, "content.buttons", []), []);
  assertEquals(faultsWith(minimal.modal_text, "content.images", {}), []);
});

Deno.test("each type names what activation still needs", () => {
  const rows: [MessageType, string, string[]][] = [
    ["fullscreen_image", "content", ["/content/images/portrait", "/content/imageAction"]],
    ["fullscreen_image_text", "content", [
      "/content/images/portrait",
      "/content/imageAction",
      "/content/title",
    ]],
    ["modal_image", "content", ["/content/images/portrait", "/content/imageAction"]],
    ["modal_image_text", "content", [
      "/content/images/portrait",
      "/content/imageAction",
      "/content/title",
    ]],
    ["modal_text", "content", ["/content/title"]],
    ["sticky_banner", "content", ["/content/position", "/content/body", "/content/bannerAction"]],
    ["modal_text", "platforms", ["/platforms"]],
    ["modal_text", "schedule", ["/schedule/startAt", "/schedule/endAt"]],
  ];
  for (const [type, field, missing] of rows) {
    const { [field]: _, ...rest } = minimal[type];
    assertEquals(missingForActivation(settingsOf(rest)), missing, `${type} without ${field}`);
  }
  for (const type of messageTypes) {
    assertEquals(missingForActivation(settingsOf(minimal[type])), [], type);
    assertEquals(missingForActivation(withDefaults(settingsOf(minimal[type]))), [], type);
  }
});

Deno.test("one image per chosen orientation; a modal has one for all", () => {
  const both = ["portrait", "landscape"];
  const rows: [MessageType, unknown, unknown, string[]][] = [
    ["fullscreen_image", both, { portrait: image }, ["/content/images/landscape"]],
    ["fullscreen_image", both, { portrait: image, landscape: image }, []],
    ["fullscreen_image", undefined, { landscape: image }, []],
    ["fullscreen_image", ["landscape"], { portrait: image }, ["/content/images/landscape"]],
    ["modal_image", both, { portrait: image }, []],
    ["modal_image", ["landscape"], { portrait: image }, []],
  ];
  for (const [type, orientations, images, missing] of rows) {
    const settings = settingsOf({
      ...minimal[type],
      content: { orientations, images, imageAction: close },
    });
    assertEquals(
      missingForActivation(settings),
      missing,
      JSON.stringify([type, orientations, images]),
    );
  }
  for (const type of ["modal_image", "modal_image_text"] as const) {
    assertEquals(
      faultsWith(minimal[type], "content.images", { landscape: image }),
      ["/content/images/landscape forbidden"],
    );
  }
});

Deno.test("a variant that chooses an orientation needs its image", () => {
  const variants = [{ key: "b", weight: 10, content: { orientations: ["landscape"] } }];
  const settings = settingsOf({ ...minimal.fullscreen_image, variants });
  assertEquals(missingForActivation(settings), ["/variants/0/content/images/landscape"]);
});

Deno.test("a body has its type's length, in every locale and variant", () => {
  const limits: [MessageType, number][] = [
    ["fullscreen_image_text", 1_000],
    ["modal_image_text", 500],
    ["modal_text", 500],
    ["sticky_banner", 100],
  ];
  for (const [type, max] of limits) {
    const [fits, long] = ["가".repeat(max), "가".repeat(max + 1)];
    assertEquals(faultsWith(minimal[type], "content.body", fits), []);
    assertEquals(faultsWith(minimal[type], "content.body", long), ["/content/body too_long"]);
    assertEquals(
      faultsWith(minimal[type], "content.locales", {
        default: "en",
        overrides: { ko: { body: long } },
      }),
      ["/content/locales/overrides/ko/body too_long"],
    );
    assertEquals(
      faultsWith(minimal[type], "variants", [{ key: "b", weight: 1, content: { body: long } }]),
      ["/variants/0/content/body too_long"],
    );
  }
});

Deno.test("every message can be closed some way", () => {
  const page = { type: "weblink", url: "https://x.example/" };
  const rows: [unknown, boolean][] = [
    [none, false],
    [close, true],
    [page, true],
    [{ ...page, closeAfter: false }, false],
    [{ type: "deeplink", uri: "shop://x" }, true],
    [{ type: "hide", for: "today" }, true],
  ];
  const hidden = { closeButton: { visible: false } };
  for (const [action, closable] of rows) {
    const fault = closable ? [] : ["/content cannot_be_closed"];
    for (const type of imageTypes) {
      const imageOnly = withValue(minimal[type], "content.imageAction", action);
      assertEquals(faultsWith(imageOnly, "content.closeButton", hidden.closeButton), fault);
    }
    const content = { title: "Hello", ...hidden, buttons: [{ ...button, action }] };
    assertEquals(faultsWith(minimal.modal_text, "content", content), fault);
    const banner = { position: "top", body: "Hello", bannerAction: action, ...hidden };
    assertEquals(faultsWith(minimal.sticky_banner, "content", banner), fault);
    assertEquals(
      faultsWith(minimal.sticky_banner, "content", { ...banner, autoDismissSeconds: 3 }),
      [],
    );
  }
  assertEquals(
    faultsWith(minimal.modal_text, "variants", [{ key: "b", weight: 1, content: hidden }]),
    ["/variants/0/content cannot_be_closed"],
  );
  const onlyButton = { title: "Hello", ...hidden, buttons: [button] };
  const trap = {
    default: "en",
    overrides: { ko: { buttons: [{ elementId: "go", action: none }] } },
  };
  assertEquals(
    faultsWith(minimal.modal_text, "content", { ...onlyButton, locales: trap }),
    ["/content/locales/overrides/ko cannot_be_closed"],
  );
});

Deno.test("a translation names something that exists", () => {
  const overrides = {
    ko: { buttons: [{ elementId: "go", label: "가기" }], images: { landscape: { alt: "꽃" } } },
  };
  const faults = [
    "/content/locales/overrides/ko/buttons/0/elementId unknown_element",
    "/content/locales/overrides/ko/images/landscape/url required",
  ];
  const locales = { default: "en", overrides };
  assertEquals(faultsWith(minimal.fullscreen_image, "content.locales", locales), faults);
  const content = { buttons: [button], images: { landscape: image } };
  const variants = [{ key: "b", weight: 1, content }];
  assertEquals(
    faultsWith({ ...minimal.fullscreen_image, variants }, "content.locales", locales),
    [],
  );
});
