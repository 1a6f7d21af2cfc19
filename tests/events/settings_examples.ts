/** Settings that tests start from: a complete minimal campaign of each type, and a full one. */
import {
  type CampaignSettings,
  type MessageType,
  parseSettings,
  type Problem,
  typeProblems,
} from "../../events/campaign_settings.ts";

const image = { url: "https://cdn.example/a.png" };
const close = { type: "close" };

const basics = {
  name: "A campaign",
  platforms: ["web"],
  schedule: { startAt: "2026-04-01T00:00:00.000Z", endAt: "2026-04-15T00:00:00.000Z" },
};

/** Only what the type requires. */
export const minimal: Record<MessageType, Record<string, unknown>> = {
  fullscreen_image: {
    ...basics,
    type: "fullscreen_image",
    content: { images: { portrait: image }, imageAction: close },
  },
  fullscreen_image_text: {
    ...basics,
    type: "fullscreen_image_text",
    content: { images: { portrait: image }, imageAction: close, title: "Hello" },
  },
  modal_image: {
    ...basics,
    type: "modal_image",
    content: { images: { portrait: image }, imageAction: close },
  },
  modal_image_text: {
    ...basics,
    type: "modal_image_text",
    content: { images: { portrait: image }, imageAction: close, body: "Hello" },
  },
  modal_text: { ...basics, type: "modal_text", content: { title: "Hello" } },
  sticky_banner: {
    ...basics,
    type: "sticky_banner",
    content: { position: "top", body: "Hello", bannerAction: close },
  },
};

/** The example of the API's reference. */
export const spring = {
  name: "Spring sale",
  description: "…",
  labels: ["spring"],
  type: "modal_image_text",
  platforms: ["web", "ios"],
  audience: {
    kind: "audience",
    audienceId: "aud_1",
    excludeAudienceId: null,
    controlPercent: 10,
  },
  content: {
    orientations: ["portrait"],
    images: { portrait: { url: "https://cdn.example/a.png", alt: "Tulips" } },
    imageAction: { type: "deeplink", uri: "shop://spring" },
    title: "Hello {{ user.firstName | default: 'there' }}",
    body: "…",
    textStyle: { title: { size: 18, color: "#222222", align: "center" } },
    buttons: [{
      elementId: "buy",
      label: "Buy",
      action: { type: "weblink", url: "https://shop.example/", newTab: true, closeAfter: true },
    }],
    closeButton: { visible: true, color: "#000000" },
    background: { color: "#FFFFFF", opacity: 60 },
    locales: { default: "en", overrides: { ko: { title: "안녕하세요" } } },
  },
  variants: [{ key: "b", weight: 50, content: { title: "Hi!" } }],
  trigger: {
    kind: "event",
    event: "product_viewed",
    conditions: { and: [{ ">": [{ var: "price" }, 100] }] },
    delaySeconds: 3,
    cancelOn: ["purchase"],
  },
  priority: 70,
  schedule: {
    startAt: "2026-04-01T00:00:00.000Z",
    endAt: "2026-04-15T00:00:00.000Z",
    timeZone: "Asia/Seoul",
    weekdays: ["sat", "sun"],
    windows: [{ from: "22:00", to: "02:00" }],
  },
  exposure: { caps: [{ per: "day", by: "user", max: 2 }, { per: "total", by: "device", max: 5 }] },
  kpiEvents: [{ name: "purchase", window: "P1D" }],
};

export function settingsOf(input: unknown): CampaignSettings {
  const result = parseSettings(input);
  if ("problems" in result) throw new Error(JSON.stringify(result.problems));
  return result.settings;
}

/** Problems of settings with a value set at a path, each as "pointer code". */
export function faultsWith(
  input: Record<string, unknown>,
  path: string,
  value: unknown,
): string[] {
  const result = parseSettings(withValue(input, path, value));
  const problems: readonly Problem[] = "problems" in result
    ? result.problems
    : typeProblems(result.settings);
  return problems.map(({ pointer, code }) => `${pointer} ${code}`);
}

/** A copy with `value` at a path like `content.buttons.0.label`. */
export function withValue(input: unknown, path: string, value: unknown): Record<string, unknown> {
  const copy = structuredClone(input) as Record<string, unknown>;
  const steps = path.split(".");
  const last = steps.pop()!;
  let at = copy;
  for (const step of steps) at = (at[step] ??= {}) as Record<string, unknown>;
  at[last] = value;
  return copy;
}
