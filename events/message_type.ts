/** The six types of message and, of each, what it shows, limits and forbids. */
import { bodyGraphemesMax, type MessageContent } from "./message_content.ts";

export const messageTypes = [
  "fullscreen_image",
  "fullscreen_image_text",
  "modal_image",
  "modal_image_text",
  "modal_text",
  "sticky_banner",
] as const;
export type MessageType = (typeof messageTypes)[number];

export interface MessageTypeRules {
  readonly images: "one_per_orientation" | "one" | "none";
  readonly text: "none" | "title_or_body" | "body";
  readonly bodyGraphemesMax: number;
  readonly forbidden: readonly (keyof MessageContent)[];
}

const ofBanner = ["position", "bannerAction", "icon", "autoDismissSeconds"] as const;
const ofImages = ["images", "imageAction"] as const;

export const messageTypeRules: Readonly<Record<MessageType, MessageTypeRules>> = {
  fullscreen_image: {
    images: "one_per_orientation",
    text: "none",
    bodyGraphemesMax: 0,
    forbidden: ["title", "body", ...ofBanner],
  },
  fullscreen_image_text: {
    images: "one_per_orientation",
    text: "title_or_body",
    bodyGraphemesMax,
    forbidden: ofBanner,
  },
  modal_image: {
    images: "one",
    text: "none",
    bodyGraphemesMax: 0,
    forbidden: ["title", "body", ...ofBanner],
  },
  modal_image_text: {
    images: "one",
    text: "title_or_body",
    bodyGraphemesMax: 500,
    forbidden: ofBanner,
  },
  modal_text: {
    images: "none",
    text: "title_or_body",
    bodyGraphemesMax: 500,
    forbidden: [...ofImages, ...ofBanner],
  },
  sticky_banner: {
    images: "none",
    text: "body",
    bodyGraphemesMax: 100,
    forbidden: ["title", "buttons", ...ofImages],
  },
};
