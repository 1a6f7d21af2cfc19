/**
 * A message as one subject gets it: its variant, in its locale, with its user's attributes. All of it is
 * text: an attribute is put into a text field and never into an address, and is data wherever it is
 * shown, so nothing in it can become markup or a link.
 */
import type { CampaignSettings } from "../../events/campaign_settings.ts";
import {
  clickableElements,
  contentFor,
  type FullMessageContent,
} from "../../events/campaign_settings.ts";
import { isLongerThan } from "../../events/graphemes.ts";
import { fillPlaceholders } from "../../events/placeholders.ts";
import type { Delivered } from "../../projections/content_revisions.ts";
import { sha256Hex } from "../event_store/mod.ts";

export type Attributes = Readonly<Record<string, unknown>>;

/** An attribute is cut after as many graphemes: nobody's name may fill the screen. */
export const filledGraphemesMax = 100;

/** A message without its caps, which are its last member. */
export class MessageText {
  /** A digest of the text. */
  readonly validator: string;
  /** What the text is made of, where it names attributes of the user. */
  readonly personal: FullMessageContent | null;
  readonly #whole = new Map<string, string>();

  /** `text` is the JSON up to the value of `caps`. */
  constructor(readonly text: string, content: FullMessageContent) {
    this.validator = sha256Hex(text).slice(0, 16);
    this.personal = text.includes("{{") ? content : null;
  }

  /** The whole JSON. Few texts serve all subjects, and an answer is put together from few pieces. */
  with(caps: string): string {
    const ready = this.#whole.get(caps);
    if (ready !== undefined) return ready;
    // Joined, because a text that was added to keeps its parts until it is first read.
    const whole = [this.text, caps, "}"].join("");
    if (this.#whole.size >= wholeKeptMax) this.#whole.clear();
    this.#whole.set(caps, whole);
    return whole;
  }
}

const wholeKeptMax = 200;

type Head = Readonly<Record<string, unknown>>;

export function messageText(head: Head, content: FullMessageContent, tail: Head): MessageText {
  const text = JSON.stringify({ ...head, content, ...tail }).slice(0, -1) + ',"caps":';
  return new MessageText(text, content);
}

/** The members of a message before and after its content. */
export function messageFrame(
  campaignId: string,
  revision: number,
  variant: string | null,
  delivered: Delivered,
  test: boolean,
): [Head, Head] {
  const { type, trigger, priority } = delivered;
  const head = { campaignId, revision, ...(variant === null ? {} : { variant }), type };
  const elementIds = clickableElements(delivered as Pick<CampaignSettings, "type" | "content">);
  return [head, { trigger, priority, elementIds, ...(test ? { test: true } : {}) }];
}

export function messageContent(
  delivered: Delivered,
  variant: string | null,
  locale: string | null,
): FullMessageContent {
  return contentFor(delivered as Pick<CampaignSettings, "content" | "variants">, variant, locale);
}

/** The content with the user's attributes in place of its placeholders. */
export function filledContent(
  content: FullMessageContent,
  attributes: Attributes,
): FullMessageContent {
  const fill = (text: string) => fillPlaceholders(text, (path) => shownValue(attributes, path));
  const filled: FullMessageContent = { ...content };
  if (content.title !== undefined) filled.title = fill(content.title);
  if (content.body !== undefined) filled.body = fill(content.body);
  if (content.images) {
    const { portrait, landscape } = content.images;
    filled.images = {
      ...(portrait ? { portrait: { ...portrait, alt: fill(portrait.alt) } } : {}),
      ...(landscape ? { landscape: { ...landscape, alt: fill(landscape.alt) } } : {}),
    };
  }
  if (content.icon) filled.icon = { ...content.icon, alt: fill(content.icon.alt) };
  filled.buttons = content.buttons.map((button) => ({ ...button, label: fill(button.label) }));
  return filled;
}

/** Null where there is nothing to show; the placeholder's default stands then. */
function shownValue(attributes: Attributes, path: string): string | null {
  let value: unknown = attributes;
  for (const step of path.split(".")) {
    if (typeof value !== "object" || value === null || !Object.hasOwn(value, step)) return null;
    value = (value as Record<string, unknown>)[step];
  }
  if (typeof value === "number" || typeof value === "boolean") return String(value);
  if (typeof value !== "string") return null;
  const text = value.replace(unprintable, "").trim();
  return isLongerThan(text, filledGraphemesMax) ? firstGraphemes(text) : text;
}

/** Control characters, and marks that turn the direction of the text after them. */
// deno-lint-ignore no-control-regex -- control characters are what is meant
const unprintable = /[\u0000-\u001f\u007f-\u009f\u2028-\u202e\u2066-\u2069]/g;
const segmenter = new Intl.Segmenter("und", { granularity: "grapheme" });

function firstGraphemes(text: string): string {
  let kept = "";
  let count = 0;
  for (const { segment } of segmenter.segment(text)) {
    if (++count > filledGraphemesMax) break;
    kept += segment;
  }
  return kept;
}
