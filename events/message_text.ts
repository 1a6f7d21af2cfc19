/** Kinds of text in settings: what people read in a message, and names that operators give. */
import { z } from "zod";
import { isBlank, isLongerThan } from "./graphemes.ts";
import { fillPlaceholders, placeholderFault } from "./placeholders.ts";
import { type Fault, rule } from "./problem.ts";

/** Text of a message, 1 to `max` graphemes; a placeholder counts as its default. */
export function messageText(max: number) {
  return z.string().check(rule((text) => placeholderFault(text) ?? lengthFault(shown(text), max)));
}

/** The same, but it may be empty. */
export function messageTextOrEmpty(max: number) {
  return z.string().check(rule((text) => placeholderFault(text) ?? tooLong(shown(text), max)));
}

/** A name on one line, not blank, 1 to `max` graphemes. */
export function singleLine(max: number) {
  return z.string().check(rule((text) => {
    if (control.test(text)) {
      return { code: "invalid_format", message: "Remove line breaks and control characters." };
    }
    return lengthFault(text, max);
  }));
}

/** Text that nobody but operators reads: anything, up to `max` graphemes. */
export function anyText(max: number) {
  return z.string().check(rule((text) => tooLong(text, max)));
}

/** Whether a message's text is longer than `max` as shown to somebody without attributes. */
export function isTextLongerThan(text: string, max: number): boolean {
  return isLongerThan(shown(text), max);
}

/** A stable identifier that people choose: of a button, of a variant. */
export const identifierPattern = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/;

export const identifier = z.string().regex(
  identifierPattern,
  "Use 1 to 64 of A–Z a–z 0–9 _ . - and begin with a letter or a digit.",
);

// deno-lint-ignore no-control-regex -- control characters are what is meant
const control = /[\u0000-\u001f\u007f-\u009f\u2028\u2029]/;

function lengthFault(text: string, max: number): Fault | null {
  if (isBlank(text)) return { code: "too_short", message: "Write something: it is blank." };
  return tooLong(text, max);
}

function tooLong(text: string, max: number): Fault | null {
  if (!isLongerThan(text, max)) return null;
  return { code: "too_long", message: `Shorten it to at most ${max} characters.` };
}

/** The text as somebody without attributes sees it. */
function shown(text: string): string {
  return fillPlaceholders(text, () => null);
}
