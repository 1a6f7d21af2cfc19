/**
 * What an interaction does not say about the message that was shown: which variant it was, and for how
 * long its button hides it. Both follow from the revision and the subject.
 */
import { assignmentSubject, variantFor } from "../../events/assignment.ts";
import { variantOver } from "../../events/message_variant.ts";
import type { MessageContent } from "../../events/message_content.ts";
import type { Delivered } from "../../projections/content_revisions.ts";
import type { Interaction } from "./interaction.ts";

/** What is delivered of a message, as far as interactions need it. */
export type ShownMessage = Pick<Delivered, "content" | "variants">;

/** A hide that says nothing else is until the day is over. */
const hideDefault = "today";

/** The key of the variant that the subject sees; null: the content itself, or nothing is known. */
export function shownVariant(
  { campaignId, deviceId, userId }: Interaction,
  message: ShownMessage | undefined,
): string | null {
  if (!message || message.variants.length === 0 || campaignId === undefined) return null;
  return variantFor(message.variants, campaignId, assignmentSubject(deviceId, userId));
}

/** How long a hide that does not say it lasts: as long as the element's action says. */
export function hideChoice(
  elementId: string | undefined,
  message: ShownMessage | undefined,
  variantKey: string | null,
): string {
  if (!message || elementId === undefined) return hideDefault;
  const variant = message.variants.find(({ key }) => key === variantKey)?.content;
  const content = variant ? variantOver(message.content, variant) : message.content;
  const action = elementAction(content, elementId);
  return action?.type === "hide" ? action.for : hideDefault;
}

function elementAction(content: MessageContent, elementId: string) {
  if (elementId === "image") return content.imageAction;
  if (elementId === "banner") return content.bannerAction;
  return content.buttons?.find((button) => button.elementId === elementId)?.action;
}
