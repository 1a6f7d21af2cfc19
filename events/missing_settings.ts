/** What a draft still needs before it can be activated. */
import type { CampaignSettings } from "./campaign_settings.ts";
import { fullContent } from "./full_content.ts";
import type { MessageContent, Orientation } from "./message_content.ts";
import { type MessageType, messageTypeRules } from "./message_type.ts";
import { variantOver } from "./message_variant.ts";

/** JSON pointers to what activation still needs; empty when the settings are complete. */
export function missingForActivation(settings: CampaignSettings): string[] {
  const missing: string[] = [];
  if (!settings.platforms?.length) missing.push("/platforms");
  missing.push(...missingContent(settings));
  if (!settings.schedule?.startAt) missing.push("/schedule/startAt");
  if (!settings.schedule?.endAt) missing.push("/schedule/endAt");
  return missing;
}

/** The same of what is shown alone: what a message needs to be looked at. */
export function missingContent(settings: CampaignSettings): string[] {
  const rules = messageTypeRules[settings.type];
  const content = settings.content ?? {};
  const missing = neededImages(settings.type, content)
    .filter((orientation) => !content.images?.[orientation])
    .map((orientation) => `/content/images/${orientation}`);
  if (rules.images !== "none" && !content.imageAction) missing.push("/content/imageAction");
  if (rules.text === "title_or_body" && content.title === undefined && content.body === undefined) {
    missing.push("/content/title");
  }
  if (settings.type === "sticky_banner") {
    if (content.position === undefined) missing.push("/content/position");
    if (content.body === undefined) missing.push("/content/body");
    if (content.bannerAction === undefined) missing.push("/content/bannerAction");
  }
  // A variant only adds and replaces, so all it can lack is the image of an orientation it chooses.
  settings.variants?.forEach((variant, index) => {
    if (!variant.content?.orientations) return;
    const merged = variantOver(content, variant.content);
    for (const orientation of neededImages(settings.type, merged)) {
      const pointer = `/content/images/${orientation}`;
      if (merged.images?.[orientation] || missing.includes(pointer)) continue;
      missing.push(`/variants/${index}${pointer}`);
    }
  });
  return missing;
}

function neededImages(type: MessageType, content: MessageContent): readonly Orientation[] {
  switch (messageTypeRules[type].images) {
    case "one_per_orientation":
      return fullContent(content).orientations;
    case "one":
      return ["portrait"];
    case "none":
      return [];
  }
}
