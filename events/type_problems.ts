/**
 * What the settings' own type does not allow. A rule holds for the content itself and for whatever a
 * variant or a locale says differently.
 */
import type { CampaignSettings } from "./campaign_settings.ts";
import { closesMessage } from "./message_action.ts";
import { orientations } from "./message_content.ts";
import { type ContentLayer, contentLayers } from "./message_layers.ts";
import { isTextLongerThan } from "./message_text.ts";
import { type MessageType, messageTypeRules } from "./message_type.ts";
import { contentFor } from "./message_variant.ts";
import { pointerTo, type Problem } from "./problem.ts";

/** What settings say that their type does not allow, or that contradicts itself. */
export function typeProblems(settings: CampaignSettings): Problem[] {
  const layers = contentLayers(settings);
  const problems = layers.flatMap((layer) => [
    ...forbiddenFields(layer, settings.type),
    ...tooLongBody(layer, settings.type),
    ...translationsOfNothing(layer, layers),
  ]);
  const trapped = layers.some(({ content }) => content.closeButton?.visible === false)
    ? layers.find((layer) => !canBeClosed(layer, settings))
    : undefined;
  if (trapped) {
    problems.push({
      pointer: trapped.pointer,
      code: "cannot_be_closed",
      message: "Show the close button, or give a button or another action that closes the message.",
    });
  }
  return problems;
}

function forbiddenFields({ pointer, content }: ContentLayer, type: MessageType): Problem[] {
  const { forbidden, images } = messageTypeRules[type];
  const problems = forbidden.filter((field) => isGiven(content[field])).map((field) => ({
    pointer: pointerTo(pointer, field),
    code: "forbidden",
    message: `A message of the type ${type} has no ${field}: remove it or change the type.`,
  }));
  if (images === "one" && content.images?.landscape) {
    problems.push({
      pointer: pointerTo(pointer, "images", "landscape"),
      code: "forbidden",
      message: "A modal has one image for both orientations: give it as images.portrait.",
    });
  }
  return problems;
}

/** An empty list or object is what remains after its last item was removed: nothing is given. */
function isGiven(value: unknown): boolean {
  if (value === undefined) return false;
  return typeof value !== "object" || value === null || Object.keys(value).length > 0;
}

function tooLongBody({ pointer, content }: ContentLayer, type: MessageType): Problem[] {
  const max = messageTypeRules[type].bodyGraphemesMax;
  if (content.body === undefined || max === 0 || !isTextLongerThan(content.body, max)) return [];
  return [{
    pointer: pointerTo(pointer, "body"),
    code: "too_long",
    message: `Shorten it: the body of a ${type} has at most ${max} characters.`,
  }];
}

/** What a locale overrides must exist somewhere: in the content itself or in a variant. */
function translationsOfNothing(layer: ContentLayer, layers: readonly ContentLayer[]): Problem[] {
  if (layer.locale === null) return [];
  const originals = layers.filter(({ locale }) => locale === null).map(({ content }) => content);
  const problems: Problem[] = [];
  layer.content.buttons?.forEach(({ elementId }, index) => {
    const known = originals.some(({ buttons }) =>
      buttons?.some((button) => button.elementId === elementId)
    );
    if (known) return;
    problems.push({
      pointer: pointerTo(layer.pointer, "buttons", index, "elementId"),
      code: "unknown_element",
      message: `No button of the message has the elementId ${elementId}: add it or remove this.`,
    });
  });
  const needUrl = (image: { url?: string } | undefined, exists: boolean, path: string[]) => {
    if (!image || image.url !== undefined || exists) return;
    problems.push({
      pointer: pointerTo(layer.pointer, ...path, "url"),
      code: "required",
      message: "The message itself has no such image: give its url.",
    });
  };
  for (const orientation of orientations) {
    const exists = originals.some(({ images }) => images?.[orientation]);
    needUrl(layer.content.images?.[orientation], exists, ["images", orientation]);
  }
  needUrl(layer.content.icon, originals.some(({ icon }) => icon), ["icon"]);
  return problems;
}

function canBeClosed(layer: ContentLayer, settings: CampaignSettings): boolean {
  const { closeButton, buttons, imageAction, bannerAction, autoDismissSeconds } = contentFor(
    settings,
    layer.variant,
    layer.locale,
  );
  return closeButton.visible || autoDismissSeconds !== undefined ||
    closesMessage(imageAction) || closesMessage(bannerAction) ||
    buttons.some(({ action }) => closesMessage(action));
}
