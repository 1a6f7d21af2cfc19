/**
 * The places of settings where content is said: the content itself, its translations, its variants
 * and their translations. Rules of a message's type look at each of them.
 */
import type { CampaignSettings } from "./campaign_settings.ts";
import type { LocaleOverride, MessageContent, VariantContent } from "./message_content.ts";
import { pointerTo } from "./problem.ts";

export interface ContentLayer {
  /** JSON pointer to where it stands in the settings. */
  readonly pointer: string;
  readonly variant: string | null;
  readonly locale: string | null;
  readonly content: LayerContent;
}

/** What the three kinds of content have in common, as far as rules look at it. */
export type LayerContent =
  & Omit<Partial<MessageContent>, "images" | "icon" | "buttons" | "locales">
  & {
    images?: { portrait?: { url?: string }; landscape?: { url?: string } };
    icon?: { url?: string };
    buttons?: { elementId: string }[];
    locales?: unknown;
  };

export function contentLayers(settings: CampaignSettings): ContentLayer[] {
  const layers: ContentLayer[] = [];
  if (settings.content) add(layers, "/content", null, settings.content);
  settings.variants?.forEach(({ key, content }, index) => {
    if (content) add(layers, `/variants/${index}/content`, key, content);
  });
  return layers;
}

function add(
  layers: ContentLayer[],
  pointer: string,
  variant: string | null,
  content: MessageContent | VariantContent,
): void {
  layers.push({ pointer, variant, locale: null, content });
  const overrides: Readonly<Record<string, LocaleOverride>> = content.locales?.overrides ?? {};
  for (const [locale, override] of Object.entries(overrides)) {
    const at = pointerTo(pointer, "locales", "overrides", locale);
    layers.push({ pointer: at, variant, locale, content: override });
  }
}
