/** Content with its defaults filled in. Fields that a message may lack stay absent. */
import type { CampaignVariant } from "./campaign_settings.ts";
import { fullAction, type FullMessageAction } from "./message_action.ts";
import {
  type LocaleOverride,
  type MessageButton,
  type MessageContent,
  type MessageImage,
  type Orientation,
  orientations,
  type VariantContent,
} from "./message_content.ts";

type FullButton = Omit<MessageButton, "action"> & { action: FullMessageAction };
type FullImage = Required<MessageImage>;

/** Optional here is only what a message may lack. */
export interface FullMessageContent extends MessageContent {
  orientations: Orientation[];
  images?: { portrait?: FullImage; landscape?: FullImage };
  icon?: FullImage;
  imageAction?: FullMessageAction;
  bannerAction?: FullMessageAction;
  buttons: FullButton[];
  closeButton: { visible: boolean; color?: string };
}

export interface FullVariant extends CampaignVariant {
  content: VariantContent;
}

export function fullContent(given: MessageContent): FullMessageContent {
  const content = fullParts(given);
  const withImage = orientations.filter((orientation) => content.images?.[orientation]);
  return {
    ...content,
    orientations: given.orientations ?? (withImage.length > 0 ? withImage : ["portrait"]),
    buttons: content.buttons ?? [],
    closeButton: { ...given.closeButton, visible: given.closeButton?.visible ?? true },
  } as FullMessageContent;
}

export function fullVariant(variant: CampaignVariant): FullVariant {
  return { ...variant, content: fullParts(variant.content ?? {}) };
}

/** A copy with the parts complete that have defaults inside, and without parts that say nothing. */
function fullParts<Content extends MessageContent | VariantContent>(given: Content): Content {
  const content = { ...given };
  const { images, icon, imageAction, bannerAction, buttons, textStyle, locales } = given;
  if (images) {
    content.images = {};
    if (images.portrait) content.images.portrait = fullImage(images.portrait);
    if (images.landscape) content.images.landscape = fullImage(images.landscape);
  }
  if (icon) content.icon = fullImage(icon);
  if (imageAction) content.imageAction = fullAction(imageAction);
  if (bannerAction) content.bannerAction = fullAction(bannerAction);
  if (buttons) content.buttons = buttons.map(fullButton);
  if (textStyle) {
    content.textStyle = { ...textStyle };
    if (isEmpty(textStyle.title)) delete content.textStyle.title;
    if (isEmpty(textStyle.body)) delete content.textStyle.body;
  }
  if (locales) content.locales = { ...locales, overrides: fullOverrides(locales.overrides) };
  for (const part of ["images", "textStyle", "background"] as const) {
    if (isEmpty(content[part])) delete content[part];
  }
  return content;
}

function fullOverrides(given: Readonly<Record<string, LocaleOverride>> | undefined) {
  return Object.fromEntries(
    Object.entries(given ?? {}).map(([tag, override]) => {
      const full: LocaleOverride = { ...override };
      if (full.imageAction) full.imageAction = fullAction(full.imageAction);
      if (full.bannerAction) full.bannerAction = fullAction(full.bannerAction);
      if (full.buttons) {
        full.buttons = full.buttons.map((button) =>
          button.action ? { ...button, action: fullAction(button.action) } : button
        );
      }
      return [tag, full];
    }),
  );
}

function fullButton(button: MessageButton): FullButton {
  return { ...button, action: fullAction(button.action) };
}

/** Absent, or without any field. */
function isEmpty(part: object | undefined): boolean {
  return part === undefined || Object.keys(part).length === 0;
}

function fullImage(image: MessageImage): FullImage {
  return { ...image, alt: image.alt ?? "" };
}
