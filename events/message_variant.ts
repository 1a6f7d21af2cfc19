/**
 * What one person sees of a message: its content, as its variant and then its locale override it.
 * An override replaces a field whole, except that images go by orientation, styles by their fields
 * and a locale's buttons by `elementId`.
 */
import type { CampaignSettings } from "./campaign_settings.ts";
import { fullContent, type FullMessageContent } from "./full_content.ts";
import { canonicalLocale } from "./locale.ts";
import {
  type LocaleOverride,
  type MessageContent,
  type MessageImage,
  orientations,
  type VariantContent,
} from "./message_content.ts";

/**
 * The content for the variant `variantKey` (null for none) in the best locale it has. `pt-BR` builds
 * on `pt`; a locale that nothing is said in gets the default one.
 */
export function contentFor(
  settings: Pick<CampaignSettings, "content" | "variants">,
  variantKey: string | null,
  requestedLocale: string | null,
): FullMessageContent {
  const base = settings.content ?? {};
  const variant = settings.variants?.find(({ key }) => key === variantKey)?.content;
  let content = variant ? variantOver(base, variant) : base;
  if (base.locales || variant?.locales) {
    const maps = [byTag(base.locales?.overrides), byTag(variant?.locales?.overrides)];
    for (const tag of spokenTags(maps, requestedLocale, base.locales?.default ?? null)) {
      for (const map of maps) content = localeOver(content, map.get(tag) ?? {});
    }
    content = { ...content };
    delete content.locales;
  }
  return fullContent(content);
}

/** Content and what a variant says differently, translations left as they are. */
export function variantOver(content: MessageContent, variant: VariantContent): MessageContent {
  const { locales: _, images, textStyle, closeButton, background, ...replaced } = variant;
  const result: MessageContent = { ...content, ...replaced };
  if (images) result.images = { ...content.images, ...images };
  if (textStyle) {
    result.textStyle = {
      title: { ...content.textStyle?.title, ...textStyle.title },
      body: { ...content.textStyle?.body, ...textStyle.body },
    };
  }
  if (closeButton) result.closeButton = { ...content.closeButton, ...closeButton };
  if (background) result.background = { ...content.background, ...background };
  return result;
}

/** Content and what a locale says differently. */
export function localeOver(content: MessageContent, locale: LocaleOverride): MessageContent {
  const { images, icon, buttons, ...replaced } = locale;
  const result: MessageContent = { ...content, ...replaced };
  if (images) {
    result.images = { ...content.images };
    for (const orientation of orientations) {
      const image = imageOver(content.images?.[orientation], images[orientation]);
      if (image) result.images[orientation] = image;
    }
  }
  const iconOver = imageOver(content.icon, icon);
  if (iconOver) result.icon = iconOver;
  if (buttons) {
    result.buttons = content.buttons?.map((button) => ({
      ...button,
      ...buttons.find(({ elementId }) => elementId === button.elementId),
    }));
  }
  return result;
}

/** Element ids by which clicks of a message are reported, over all of its variants. */
export function clickableElements(
  settings: Pick<CampaignSettings, "type" | "content" | "variants">,
): string[] {
  const elements = new Set<string>();
  if (settings.type === "sticky_banner") elements.add("banner");
  else if (settings.type !== "modal_text") elements.add("image");
  const variants = (settings.variants ?? []).map(({ content }) => content);
  for (const content of [settings.content, ...variants]) {
    for (const { elementId } of content?.buttons ?? []) elements.add(elementId);
  }
  return [...elements];
}

function imageOver(
  image: MessageImage | undefined,
  override: Partial<MessageImage> | undefined,
): MessageImage | undefined {
  const url = override?.url ?? image?.url;
  return url === undefined ? undefined : { ...image, ...override, url };
}

type OverridesByTag = ReadonlyMap<string | null, LocaleOverride>;

function byTag(overrides: Readonly<Record<string, LocaleOverride>> = {}): OverridesByTag {
  return new Map(Object.entries(overrides).map(([tag, over]) => [canonicalLocale(tag), over]));
}

/** The tags to apply, the most general first (RFC 4647 lookup cuts a tag from its end). */
function spokenTags(
  maps: readonly OverridesByTag[],
  requested: string | null,
  fallback: string | null,
): string[] {
  const spoken: string[] = [];
  let tag = requested === null ? null : canonicalLocale(requested);
  while (tag !== null) {
    const current: string = tag;
    if (maps.some((map) => map.has(current))) spoken.unshift(current);
    const cut = current.lastIndexOf("-");
    tag = cut < 0 ? null : current.slice(0, cut);
  }
  if (spoken.length > 0 || fallback === null) return spoken;
  return [canonicalLocale(fallback) ?? fallback];
}
