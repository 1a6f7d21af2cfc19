/** The six campaigns of the demo: one of each type of message. */

export const types = [
  "fullscreen_image",
  "fullscreen_image_text",
  "modal_image",
  "modal_image_text",
  "modal_text",
  "sticky_banner",
] as const;
export type Type = (typeof types)[number];

const picture = (name: string) => ({ url: `https://cdn.example/${name}.png`, alt: name });
const shop = { type: "weblink", url: "https://shop.example/" };
const later = { elementId: "later", label: "Later", action: { type: "hide", for: "today" } };
const everywhere = ["web", "android", "ios"];

/** The event that all of them count when it follows a click. */
export const purchase = "purchase";
export const purchaseWindowMs = 60 * 60 * 1_000;
export const kpiEvents = [{ name: purchase, window: "PT1H" }];

/** Settings without a schedule, as `POST /v1/campaigns` takes them. */
export const drafts: Record<Type, { readonly name: string } & Record<string, unknown>> = {
  fullscreen_image: {
    name: "Grand opening",
    platforms: everywhere,
    content: {
      images: { portrait: picture("doors"), landscape: picture("doors-wide") },
      imageAction: shop,
    },
  },
  fullscreen_image_text: {
    name: "Lookbook",
    platforms: everywhere,
    content: {
      images: { portrait: picture("lookbook") },
      imageAction: { type: "deeplink", uri: "shop://lookbook" },
      title: "The new lookbook",
      buttons: [{ elementId: "open", label: "Open it", action: shop }, later],
    },
  },
  modal_image: {
    name: "Flash sale",
    platforms: ["web", "android"],
    content: { images: { portrait: picture("flash") }, imageAction: shop },
  },
  modal_image_text: {
    name: "Spring sale",
    platforms: everywhere,
    content: {
      images: { portrait: picture("tulips") },
      imageAction: shop,
      title: "Hello {{ user.firstName | default: 'there' }}",
      body: "Tulips at half the price.",
      buttons: [{ elementId: "buy", label: "Buy", action: shop }, later],
    },
    priority: 70,
  },
  modal_text: {
    name: "New terms",
    platforms: everywhere,
    content: {
      title: "Our terms change",
      body: "Nothing to do for you.",
      buttons: [{ elementId: "read", label: "Read", action: shop }],
    },
  },
  sticky_banner: {
    name: "Free delivery",
    platforms: ["web", "ios"],
    content: { position: "top", body: "Free delivery today", bannerAction: shop },
  },
};

/** What a click reports, by type. */
export const clickable: Record<Type, readonly string[]> = {
  fullscreen_image: ["image"],
  fullscreen_image_text: ["image", "open", "later"],
  modal_image: ["image"],
  modal_image_text: ["image", "buy", "later"],
  modal_text: ["read"],
  sticky_banner: ["banner"],
};
