/**
 * Placeholders in a message's text: the part of Liquid that reads a user's attribute and names what
 * stands there when it is missing, `{{ user.firstName | default: 'there' }}`. Nothing else of Liquid
 * is understood, and what is not understood is refused rather than shown.
 */
import { isAttributePath } from "./attribute_path.ts";
import type { Fault } from "./problem.ts";

/** What is wrong with the placeholders of a text, or null. */
export function placeholderFault(text: string): Fault | null {
  if (!text.includes("{")) return null;
  if (text.includes("{%")) return fault("Liquid tags ({% … %}) are not available: remove them.");
  for (let from = text.indexOf("{{"); from >= 0; from = text.indexOf("{{", from)) {
    const end = text.indexOf("}}", from + 2);
    if (end < 0) return fault("A placeholder is not closed: add }} or remove {{.");
    const message = bodyFault(text.slice(from + 2, end));
    if (message !== null) return fault(message);
    from = end + 2;
  }
  return null;
}

/**
 * The text as a person reads it. `valueOf` gets the attribute's path without `user.`; where it gives
 * null or an empty text, the default stands.
 */
export function fillPlaceholders(text: string, valueOf: (path: string) => string | null): string {
  if (!text.includes("{{")) return text;
  return text.replace(placeholder, (_, path: string, single?: string, double?: string) => {
    return valueOf(path.slice("user.".length)) || (single ?? double ?? "");
  });
}

const body = String.raw`\s*(user\.[^\s|{}'"]+)\s*\|\s*default:\s*(?:'([^'{}]*)'|"([^"{}]*)")\s*`;
const placeholder = new RegExp(`\\{\\{${body}\\}\\}`, "g");
const placeholderBody = new RegExp(`^${body}$`);

function bodyFault(text: string): string | null {
  const match = placeholderBody.exec(text);
  if (match) {
    return isAttributePath(match[1]!) ? null : `${match[1]} is not an attribute: use user.NAME.`;
  }
  if (!/^\s*user\./.test(text)) {
    return "A placeholder may name only an attribute of user: user.NAME.";
  }
  if (!/\|\s*default:/.test(text)) {
    return "Every placeholder needs a default: {{ user.NAME | default: 'text' }}.";
  }
  return "Write a placeholder as {{ user.NAME | default: 'text' }}, with no other filter.";
}

function fault(message: string): Fault {
  return { code: "invalid_placeholder", message };
}
