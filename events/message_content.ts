/**
 * What a message shows. The shape is the same for every type of message; what a type requires and
 * forbids is in `message_type.ts`. Everything is optional here, because a draft may be incomplete.
 */
import { z } from "zod";
import { canonicalLocale, localeFault, localeTag } from "./locale.ts";
import { actionSchema } from "./message_action.ts";
import { identifier, messageText, messageTextOrEmpty } from "./message_text.ts";
import { type Fault, rule, unique } from "./problem.ts";
import { imageUrl } from "./web_address.ts";

export const titleGraphemesMax = 60;
/** The longest of any type's; `message_type.ts` has each type's own. */
export const bodyGraphemesMax = 1_000;
export const altGraphemesMax = 200;
export const buttonLabelGraphemesMax = 20;
export const buttonsMax = 2;
export const textSizeMin = 8;
export const textSizeMax = 72;
export const autoDismissSecondsMin = 3;
export const autoDismissSecondsMax = 60;
export const localesMax = 50;

export const orientations = ["portrait", "landscape"] as const;
export type Orientation = (typeof orientations)[number];

/** Element ids of what is clickable and not a button. */
export const reservedElementIds: readonly string[] = ["image", "banner"];

const color = z.string().regex(
  /^#(?:[0-9A-Fa-f]{6}|[0-9A-Fa-f]{8})$/,
  "Write a colour as #RRGGBB or #RRGGBBAA.",
);
const title = messageText(titleGraphemesMax);
const body = messageText(bodyGraphemesMax);
const alt = messageTextOrEmpty(altGraphemesMax);
const label = messageText(buttonLabelGraphemesMax);

const image = z.strictObject({ url: imageUrl, alt: alt.optional() });
const textStyle = z.strictObject({
  size: z.int().min(textSizeMin).max(textSizeMax).optional(),
  color: color.optional(),
  align: z.enum(["left", "center", "right"]).optional(),
});

const elementId = identifier.check(
  rule((id) =>
    reservedElementIds.includes(id)
      ? { code: "forbidden", message: `"${id}" is taken by the message itself: choose another id.` }
      : null
  ),
);

const button = z.strictObject({ elementId, label, action: actionSchema });

const translatedImage = z.strictObject({ url: imageUrl.optional(), alt: alt.optional() });

/** What one locale says differently. A link may lead to the page in that language. */
const localeOverride = z.strictObject({
  title: title.optional(),
  body: body.optional(),
  images: z.strictObject({
    portrait: translatedImage.optional(),
    landscape: translatedImage.optional(),
  }).optional(),
  icon: translatedImage.optional(),
  buttons: z.array(
    z.strictObject({ elementId, label: label.optional(), action: actionSchema.optional() }),
  ).max(buttonsMax).check(unique((item) => item.elementId, "elementId")).optional(),
  imageAction: actionSchema.optional(),
  bannerAction: actionSchema.optional(),
});

const localeOverrides = z.record(z.string(), localeOverride).check(rule(overridesFaults));

const contentFields = {
  orientations: z.array(z.enum(orientations)).min(1).check(unique((item) => item)).optional(),
  images: z.strictObject({ portrait: image.optional(), landscape: image.optional() }).optional(),
  imageAction: actionSchema.optional(),
  title: title.optional(),
  body: body.optional(),
  textStyle: z.strictObject({ title: textStyle.optional(), body: textStyle.optional() }).optional(),
  buttons: z.array(button).max(buttonsMax)
    .check(unique((item) => item.elementId, "elementId")).optional(),
  closeButton: z.strictObject({ visible: z.boolean().optional(), color: color.optional() })
    .optional(),
  background: z.strictObject({
    color: color.optional(),
    opacity: z.int().min(0).max(100).optional(),
  }).optional(),
  position: z.enum(["top", "bottom"]).optional(),
  bannerAction: actionSchema.optional(),
  icon: image.optional(),
  autoDismissSeconds: z.int().min(autoDismissSecondsMin).max(autoDismissSecondsMax).optional(),
};

export const messageContentSchema = z.strictObject({
  ...contentFields,
  /** `default` is the locale that the content itself is written in. */
  locales: z.strictObject({ default: localeTag, overrides: localeOverrides.optional() }).optional(),
});

/** What a variant shows differently; its translations go before the content's own. */
export const variantContentSchema = z.strictObject({
  ...contentFields,
  locales: z.strictObject({ overrides: localeOverrides.optional() }).optional(),
});

export type MessageContent = z.infer<typeof messageContentSchema>;
export type VariantContent = z.infer<typeof variantContentSchema>;
export type LocaleOverride = z.infer<typeof localeOverride>;
export type MessageButton = z.infer<typeof button>;
export type MessageImage = z.infer<typeof image>;

function overridesFaults(overrides: Record<string, LocaleOverride>): Fault[] {
  const faults: Fault[] = [];
  const seen = new Set<string>();
  const tags = Object.keys(overrides);
  if (tags.length > localesMax) {
    return [{ code: "too_long", message: `Keep at most ${localesMax} locales.` }];
  }
  for (const tag of tags) {
    const canonical = canonicalLocale(tag);
    if (canonical === null) faults.push({ ...localeFault(tag)!, path: [tag] });
    else if (seen.has(canonical)) {
      faults.push({ code: "duplicate", message: `${canonical} is given twice.`, path: [tag] });
    } else seen.add(canonical);
  }
  return faults;
}
